"""What `aoftool export` may be asked."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from aoftool.cli.declared import Option
from aoftool.cli.options.common_options import LimitOption, MinSizeOption, PathArgument
from aoftool.cli.options.looks import LooksOfWork
from aoftool.cli.options.moments import AtOption, SinceOption, UntilOption
from aoftool.cli.options.narrowing import CmdOption, DbOption, KeyOption, MatchOption, RegexOption
from aoftool.cli.options.tables import ArgumentsOption, SavingsOption
from aoftool.cli.options.writing import OutOption
from aoftool.dataclass import dataclass

__all__ = ["ExportRequest", "FormatOption"]


class FormatOption(str, Enum):
    """What the files are."""

    parquet = "parquet"
    arrow = "arrow"
    csv = "csv"
    jsonl = "jsonl"


@dataclass(frozen=True)
class ExportRequest(LooksOfWork):
    """What `aoftool export` is asked."""

    path: PathArgument = None
    output: OutOption = None
    form: Annotated[FormatOption, Option("--format", help="What the files are.")] = FormatOption.parquet
    table: Annotated[
        list[str] | None,
        Option(
            "--table",
            metavar="NAME",
            help="Only this table: commands, keys, files, findings, events or growth; may repeat.",
            show_default=False,
        ),
    ] = None
    cmd: CmdOption = None
    key: KeyOption = None
    match: MatchOption = None
    regex: RegexOption = None
    db: DbOption = None
    since: SinceOption = None
    until: UntilOption = None
    at: AtOption = None
    min_size: MinSizeOption = 0
    limit: LimitOption = None
    arguments: ArgumentsOption = False
    savings: SavingsOption = None
