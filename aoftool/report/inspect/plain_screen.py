"""The screen of `aoftool inspect` for a large log: what counting commands by name tells."""

from __future__ import annotations

from aoftool.analysis.inspect.model import Overview
from aoftool.check.health_model import Health
from aoftool.report.inspect.overview import (
    overview_head,
    render_commands,
    render_databases,
    render_files,
    render_rdb,
)
from aoftool.report.lines import Printer
from aoftool.report.terminal import facts, say

__all__ = ["render_plain"]

_DATABASES_SHOWN = 4


def render_plain(
    console: Printer, overview: Overview, health: Health, *, by: str, top: int, sort: str
) -> None:
    """Print the overview and one distribution, by `command`, `db` or `file`."""
    facts(console, overview_head(overview, health))
    if by == "file" or len(overview.files) > 1 or overview.files[0].format == "missing":
        console.print()
        render_files(console, overview.files)
    if by == "command":
        console.print()
        render_commands(console, overview, top, sort)
    if by == "db" or len(overview.databases) > 1:
        console.print()
        render_databases(console, overview, None if by == "db" else _DATABASES_SHOWN)
    for part in overview.rdb_parts:
        console.print()
        render_rdb(console, part, top)
    console.print()
    say(console, "keys, prefixes, growth and savings: add --contents or --savings, which take longer")
