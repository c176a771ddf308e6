"""What `aoftool fleet` answers: a table as text, JSON or CSV, and the exit code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aoftool.cli.console import line_console
from aoftool.cli.exit_codes import DONE, INPUT, NOT_JUDGED, VERDICT
from aoftool.cli.options.common_options import Form
from aoftool.cli.requests.fleet import ROWS

if TYPE_CHECKING:
    from aoftool.cli.requests.fleet import FleetRequest
    from aoftool.fleet.model import FleetReport

__all__ = ["exit_code", "show_fleet"]


def show_fleet(found: FleetReport, form: Form, asked: FleetRequest) -> None:
    """Show a row for each log, and totals."""
    from aoftool.report.fleet.table import fleet_json, render_fleet, write_fleet_csv

    if form is Form.JSON:
        from aoftool.report.jsonout import print_json

        print_json(fleet_json(found))
    elif form is Form.CSV:
        write_fleet_csv(found, sys.stdout)
    else:
        render_fleet(line_console(asked.color), found, top=asked.limit or ROWS)


def exit_code(found: FleetReport) -> int:
    """Return the exit code: that of the worst log."""
    if found.unread:
        return INPUT
    if found.totals.damaged:
        return VERDICT
    return NOT_JUDGED if found.totals.not_judged else DONE
