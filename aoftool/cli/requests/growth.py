"""What `aoftool growth` may be asked."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from aoftool.cli.declared import Option
from aoftool.cli.options.common_options import LimitOption, PathArgument
from aoftool.cli.options.looks import LooksOfRows
from aoftool.cli.options.moments import SinceOption, UntilOption
from aoftool.cli.options.narrowing import CmdOption, DbOption, DepthOption, MatchOption, SeparatorOption
from aoftool.dataclass import dataclass

__all__ = ["AxisChoice", "Fold", "GroupBy", "GrowthRequest"]


class GroupBy(Enum):
    """What the rows are."""

    PREFIX = "prefix"
    COMMAND = "command"
    DB = "db"


class Fold(Enum):
    """What a log is laid upon."""

    DAY = "day"
    WEEK = "week"


class AxisChoice(Enum):
    """What the steps are of."""

    AUTO = "auto"
    BYTES = "bytes"


@dataclass(frozen=True)
class GrowthRequest(LooksOfRows):
    """What `aoftool growth` is asked."""

    path: PathArgument = None
    by: Annotated[GroupBy | None, Option("--by", help="What to tell apart. Default: prefix.")] = None
    axis: Annotated[
        AxisChoice, Option("--axis", help="Steps of time where there is #TS, or always of file.")
    ] = AxisChoice.AUTO
    bucket: Annotated[
        str | None,
        Option("--bucket", help="Width of a step: 10s, 5m, 1h, 1d; or 64K, 1M of file.", show_default=False),
    ] = None
    fold: Annotated[
        Fold | None,
        Option("--fold", help="Lay all hours upon one day, or all days upon one week.", show_default=False),
    ] = None
    limit: LimitOption = None
    depth: DepthOption = 1
    separator: SeparatorOption = ":"
    since: SinceOption = None
    until: UntilOption = None
    db: DbOption = None
    cmd: CmdOption = None
    match: MatchOption = None
