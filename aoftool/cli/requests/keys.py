"""What `aoftool keys` may be asked."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from aoftool.cli.declared import Option
from aoftool.cli.options.common_options import (
    DatabasesOption,
    LimitOption,
    MinSizeOption,
    PathArgument,
    ValuesOption,
    WrittenByOption,
)
from aoftool.cli.options.looks import LooksOfRows
from aoftool.cli.options.moments import AtOption
from aoftool.cli.options.narrowing import DbOption, DepthOption, MatchOption, RegexOption, SeparatorOption
from aoftool.dataclass import dataclass

__all__ = ["KeysRequest", "RankBy"]


class RankBy(Enum):
    """What keys are ordered by."""

    WRITES = "writes"
    BYTES = "bytes"
    DEAD = "dead"
    SIZE = "size"
    TTL = "ttl"
    CHURN = "churn"
    SAME = "same"
    LIFE = "life"
    BACKLOG = "backlog"
    BLOBS = "blobs"
    HOT = "hot"
    SLOT = "slot"
    SECRETS = "secrets"


@dataclass(frozen=True)
class KeysRequest(LooksOfRows):
    """What `aoftool keys` is asked."""

    path: PathArgument = None
    db: DbOption = None
    type_name: Annotated[
        list[str] | None,
        Option("--type", help="Only this type, as the TYPE command names it; module for those of modules."),
    ] = None
    match: MatchOption = None
    regex: RegexOption = None
    min_size: MinSizeOption = 0
    expires_before: Annotated[
        str | None,
        Option(help="Only keys that expire before: Unix time or ISO 8601 in UTC."),
    ] = None
    no_ttl: Annotated[bool, Option("--no-ttl", help="Only keys without an expire time.")] = False
    values: ValuesOption = False
    limit: LimitOption = None
    at: AtOption = None
    base: Annotated[bool, Option("--base", help="Only the records of the RDB part, as they stand.")] = False
    databases: DatabasesOption = None
    written_by: WrittenByOption = None
    by: Annotated[
        RankBy | None,
        Option(
            "--by",
            metavar="ORDER",
            help="The first keys by what commands wrote (writes, bytes, dead), by stored size, what expires"
            " when (ttl), or how they are used (churn, same, life, backlog, blobs, hot, slot, secrets).",
            show_default=False,
        ),
    ] = None
    depth: DepthOption = 1
    separator: SeparatorOption = ":"
