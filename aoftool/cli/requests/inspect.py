"""What `aoftool inspect` may be asked."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from aoftool.cli.declared import Option
from aoftool.cli.options.common_options import JobsOption, LimitOption, PathArgument
from aoftool.cli.options.looks import LooksOfRows
from aoftool.cli.options.metrics import MetricsOption
from aoftool.cli.options.moments import SinceOption, UntilOption
from aoftool.cli.options.narrowing import CmdOption, DbOption, DepthOption, MatchOption, SeparatorOption
from aoftool.cli.options.tables import SavingsOption
from aoftool.dataclass import dataclass

__all__ = ["PLAIN_GROUPS", "GroupBy", "InspectRequest", "SortBy"]


class GroupBy(Enum):
    """What the distribution is by."""

    COMMAND = "command"
    DB = "db"
    FILE = "file"
    PREFIX = "prefix"
    KEY = "key"
    TYPE = "type"
    SIZE = "size"


class SortBy(Enum):
    """The order of the rows."""

    BYTES = "bytes"
    COUNT = "count"
    LARGEST = "largest"
    MEAN = "mean"
    NAME = "name"


PLAIN_GROUPS = (None, GroupBy.COMMAND, GroupBy.DB, GroupBy.FILE)
"""Distributions for which no key is looked at."""


@dataclass(frozen=True)
class InspectRequest(LooksOfRows):
    """What `aoftool inspect` is asked."""

    path: PathArgument = None
    by: Annotated[
        GroupBy | None, Option("--by", help="Show one distribution in full.", show_default=False)
    ] = None
    limit: LimitOption = None
    sort: Annotated[SortBy, Option("--sort", help="Order of the rows.")] = SortBy.BYTES
    depth: DepthOption = 1
    separator: SeparatorOption = ":"
    since: SinceOption = None
    until: UntilOption = None
    db: DbOption = None
    cmd: CmdOption = None
    match: MatchOption = None
    contents: Annotated[
        bool | None,
        Option(
            "--contents/--no-contents",
            help="Look at keys, prefixes and growth too, 1 to 2 s for each GiB. Default: logs up to 256 MiB"
            " (8 MiB without the compiled scanner), and whatever option needs it.",
            show_default=False,
        ),
    ] = None
    savings: SavingsOption = None
    jobs: JobsOption = None
    metrics: MetricsOption = None
