"""What `aoftool history` may be asked."""

from __future__ import annotations

from typing import Annotated

from aoftool.cli.declared import Argument
from aoftool.cli.options.common_options import LimitOption, PathArgument, ValuesOption, WrittenByOption
from aoftool.cli.options.looks import LooksOfRows
from aoftool.cli.options.moments import SinceOption, UntilOption
from aoftool.cli.options.narrowing import DbOption, MatchOption
from aoftool.dataclass import dataclass

__all__ = ["HistoryRequest"]


@dataclass(frozen=True)
class HistoryRequest(LooksOfRows):
    """What `aoftool history` is asked."""

    key: Annotated[str | None, Argument(metavar="KEY", show_default=False, help="The key.")] = None
    path: PathArgument = None
    match: MatchOption = None
    db: DbOption = None
    since: SinceOption = None
    until: UntilOption = None
    values: ValuesOption = False
    written_by: WrittenByOption = None
    limit: LimitOption = None
