"""What `aoftool sql` may be asked."""

from __future__ import annotations

from typing import Annotated

from aoftool.cli.declared import Argument, Option
from aoftool.cli.options.common_options import LimitOption, PathArgument, TimeoutOption
from aoftool.cli.options.looks import LooksOfRows
from aoftool.cli.options.moments import AtOption, SinceOption, UntilOption
from aoftool.cli.options.tables import ArgumentsOption, SavingsOption
from aoftool.cli.options.writing import HOW_PANEL
from aoftool.dataclass import dataclass

__all__ = ["SqlRequest"]


@dataclass(frozen=True)
class SqlRequest(LooksOfRows):
    """What `aoftool sql` is asked."""

    path: PathArgument = None
    query: Annotated[
        str | None,
        Argument(metavar="QUERY", show_default=False, help="SQL, as DuckDB has it. Default: a prompt."),
    ] = None
    since: SinceOption = None
    until: UntilOption = None
    at: AtOption = None
    arguments: ArgumentsOption = False
    savings: SavingsOption = None
    limit: LimitOption = None
    timeout: TimeoutOption = None
    memory_limit: Annotated[
        str | None,
        Option(
            "--memory-limit",
            metavar="SIZE",
            help="Bound the memory of the database, such as 256MB. Default: 1GB.",
            rich_help_panel=HOW_PANEL,
        ),
    ] = None
    allow_files: Annotated[bool, Option("--allow-files", help="Let a query read and write files.")] = False
