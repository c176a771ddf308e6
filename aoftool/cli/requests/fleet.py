"""What `aoftool fleet` may be asked."""

from __future__ import annotations

from typing import Annotated

from aoftool.cli.declared import Argument, Option
from aoftool.cli.options.common_options import JobsOption, LimitOption, TimeoutOption
from aoftool.cli.options.looks import LooksOfRows
from aoftool.cli.options.metrics import MetricsOption
from aoftool.cli.options.writing import HOW_PANEL, ForceOption, HtmlOption
from aoftool.dataclass import dataclass

__all__ = ["ROWS", "FleetRequest"]

ROWS = 20


@dataclass(frozen=True)
class FleetRequest(LooksOfRows):
    """What `aoftool fleet` is asked."""

    patterns: Annotated[
        list[str] | None,
        Argument(
            metavar="PATTERN...",
            show_default=False,
            help="Logs, as for `inspect`; patterns such as '/srv/*/redis' or 's3://backups/*/aof'; folders of"
            " data directories.",
        ),
    ] = None
    listed: Annotated[
        str | None, Option("--list", metavar="FILE", help="Take these too: one path or pattern a line.")
    ] = None
    jobs: JobsOption = None
    timeout: TimeoutOption = None
    on: Annotated[
        str | None,
        Option(
            "--on",
            metavar="CLUSTER",
            help="Where to work: dask://HOST:8786, or local:N for a Dask cluster of N processes here.",
            rich_help_panel=HOW_PANEL,
        ),
    ] = None
    state: Annotated[
        str | None,
        Option(
            "--state",
            metavar="FILE",
            help="Keep what was done there, and do not do again what has not changed.",
            rich_help_panel=HOW_PANEL,
        ),
    ] = None
    html: HtmlOption = None
    force: ForceOption = False
    limit: LimitOption = ROWS
    metrics: MetricsOption = None
