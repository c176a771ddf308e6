"""What `aoftool inspect` answers: a screen, one distribution, JSON or CSV, and how it ends."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aoftool.cli.console import Color, line_console, tell
from aoftool.cli.options.common_options import Form
from aoftool.cli.progress import end_progress
from aoftool.cli.requests.inspect import PLAIN_GROUPS, GroupBy
from aoftool.dataclass import dataclass

if TYPE_CHECKING:
    from aoftool.api.inspecting import Inspection

__all__ = ["Look", "show_inspection"]

_SCREEN_ROWS = 5
_FULL_ROWS = 12


@dataclass(frozen=True)
class Look:
    """How the answer is to look."""

    by: GroupBy | None
    top: int | None
    sort: str
    form: Form
    color: Color

    @property
    def rows(self) -> int:
        """Return how many rows of each distribution are shown."""
        return self.top or (_FULL_ROWS if self.by is not None else _SCREEN_ROWS)


def show_inspection(found: Inspection, look: Look) -> None:
    """Show the answer; progress is over by then."""
    end_progress()
    if look.form is Form.CSV:
        _print_csv(found, look)
    elif look.form is Form.JSON:
        _print_json(found, look)
    elif found.contents is None or found.growth is None:
        from aoftool.report.inspect.plain_screen import render_plain

        by = (look.by or GroupBy.COMMAND).value
        console, rows = line_console(look.color), look.top or _FULL_ROWS
        render_plain(console, found.overview, found.health, by=by, top=rows, sort=look.sort)
    else:
        from aoftool.report.inspect.screen import render_screen, render_view

        parts = (line_console(look.color), found.overview, found.health, found.contents, found.growth)
        if look.by is None:
            render_screen(*parts, top=look.rows, sort=look.sort)
        else:
            render_view(*parts, by=look.by.value, top=look.rows, sort=look.sort)


def _print_json(found: Inspection, look: Look) -> None:
    from aoftool.report.growth import growth_json
    from aoftool.report.inspect.contents_json import contents_json
    from aoftool.report.inspect.overview import overview_json
    from aoftool.report.jsonout import print_json

    body = overview_json(found.overview, found.health, sort=look.sort)
    contents = None if found.contents is None else contents_json(found.contents)
    growth = None if found.growth is None else growth_json(found.growth)
    print_json({**body, "contents": contents, "growth": growth})


def _print_csv(found: Inspection, look: Look) -> None:
    """Print one distribution; damage, for which a table has no place, is told on stderr."""
    from aoftool.report.inspect.csvout import write_overview_csv, write_view_csv

    by = (look.by or GroupBy.COMMAND).value
    view, health = found.contents, found.health
    if view is None or look.by in PLAIN_GROUPS:
        write_overview_csv(found.overview, sys.stdout, by=by, sort=look.sort)
    else:
        write_view_csv(view, sys.stdout, by=by, sort=look.sort)
    if not health.intact:
        print(f"aoftool: {health.message}", file=sys.stderr)
        tell(health.next_command)
