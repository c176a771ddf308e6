"""What `aoftool report` may be asked."""

from __future__ import annotations

from typing import Annotated

from aoftool.cli.declared import Option
from aoftool.cli.options.common_options import PathArgument
from aoftool.cli.options.looks import LooksOfWork
from aoftool.cli.options.moments import SinceOption, UntilOption
from aoftool.cli.options.narrowing import KeyOption
from aoftool.cli.options.writing import ForceOption, OutOption
from aoftool.dataclass import dataclass

__all__ = ["ReportRequest"]


@dataclass(frozen=True)
class ReportRequest(LooksOfWork):
    """What `aoftool report` is asked."""

    path: PathArgument = None
    out: OutOption = None
    force: ForceOption = False
    since: SinceOption = None
    until: UntilOption = None
    key: KeyOption = None
    captures: Annotated[
        str | None,
        Option(
            "--captures",
            metavar="BUNDLE",
            help="What was captured of the server: a bundle of `aoftool capture`, a folder or a file.",
        ),
    ] = None
    compare: Annotated[
        list[str] | None,
        Option(
            "--compare",
            metavar="OTHER",
            help="Put another log, or a moment of this one, beside it; may repeat for a second moment.",
        ),
    ] = None
    title: Annotated[str | None, Option("--title", metavar="TEXT", help="The title of the page.")] = None
    markdown: Annotated[bool, Option("--md", help="Markdown for a ticket instead of a page.")] = False
