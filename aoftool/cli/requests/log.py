"""What `aoftool log` may be asked."""

from __future__ import annotations

from typing import Annotated

from aoftool.cli.declared import Option
from aoftool.cli.options.common_options import ContextOption, LimitOption, MinSizeOption, PathArgument
from aoftool.cli.options.looks import LooksOfRows
from aoftool.cli.options.moments import SinceOption, UntilOption
from aoftool.cli.options.narrowing import CmdOption, DbOption, KeyOption, MatchOption, RegexOption
from aoftool.cli.options.writing import ForceOption, OutOption
from aoftool.dataclass import dataclass

__all__ = ["LogRequest"]


@dataclass(frozen=True)
class LogRequest(LooksOfRows):
    """What `aoftool log` is asked."""

    path: PathArgument = None
    cmd: CmdOption = None
    key: KeyOption = None
    match: MatchOption = None
    regex: RegexOption = None
    db: DbOption = None
    since: SinceOption = None
    until: UntilOption = None
    txn: Annotated[int | None, Option("--txn", min=0, help="Only this transaction; 0 for none.")] = None
    min_size: MinSizeOption = 0
    limit: LimitOption = None
    tail: Annotated[int | None, Option(min=1, help="Only the last N commands.")] = None
    context: ContextOption = 0
    follow: Annotated[
        bool, Option("--follow", "-f", help="Go on as the server writes, across its rewrites.")
    ] = False
    hex_at: Annotated[
        str | None, Option("--hex", metavar="[FILE:]N", help="Show the bytes around an offset.")
    ] = None
    excerpt: Annotated[
        str | None,
        Option("--excerpt", metavar="[FILE:]N", help="With -o: the smallest log that shows what is there."),
    ] = None
    output: OutOption = None
    force: ForceOption = False
