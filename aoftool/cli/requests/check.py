"""What `aoftool check` may be asked."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from aoftool.cli.declared import Argument, Option
from aoftool.cli.options.common_options import DatabasesOption, JobsOption, LimitOption
from aoftool.cli.options.looks import LooksOfRows
from aoftool.cli.options.metrics import MetricsOption
from aoftool.dataclass import dataclass

__all__ = ["ROWS", "CheckRequest", "LevelOption"]

ROWS = 20


class LevelOption(str, Enum):
    """How far to go."""

    quick = "quick"
    full = "full"
    deep = "deep"


@dataclass(frozen=True)
class CheckRequest(LooksOfRows):
    """What `aoftool check` is asked."""

    paths: Annotated[
        list[str] | None,
        Argument(metavar="PATH...", show_default=False, help="Logs; as for `inspect`."),
    ] = None
    level: Annotated[
        LevelOption,
        Option(
            "--level",
            help="quick stops at the first damage of a file; full goes on behind it; deep also looks"
            " into every value of a large RDB part, and replays logs up to 256 MiB.",
        ),
    ] = LevelOption.full
    target: Annotated[
        list[str] | None,
        Option("--target", metavar="SERVER", help="Foretell only these, such as valkey-9.1 or redis-8."),
    ] = None
    databases: DatabasesOption = None
    jobs: JobsOption = None
    limit: LimitOption = ROWS
    metrics: MetricsOption = None
