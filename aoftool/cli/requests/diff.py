"""What `aoftool diff` may be asked."""

from __future__ import annotations

from typing import Annotated

from aoftool.cli.declared import Argument
from aoftool.cli.options.common_options import LimitOption, WrittenByOption
from aoftool.cli.options.looks import LooksOfRows
from aoftool.cli.options.moments import AtOption
from aoftool.cli.options.narrowing import DbOption, MatchOption
from aoftool.dataclass import dataclass

__all__ = ["ROWS", "DiffRequest"]

ROWS = 40


@dataclass(frozen=True, kw_only=True)
class DiffRequest(LooksOfRows):
    """What `aoftool diff` is asked."""

    left: Annotated[str, Argument(metavar="A", help="A log, as for `inspect`.", show_default=False)]
    right: Annotated[str | None, Argument(metavar="B", help="Another log.", show_default=False)] = None
    at: AtOption = None
    db: DbOption = None
    match: MatchOption = None
    written_by: WrittenByOption = None
    limit: LimitOption = ROWS
