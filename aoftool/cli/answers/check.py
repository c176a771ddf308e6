"""What `aoftool check` answers: reports as text, JSON or CSV, and the exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aoftool.cli.console import line_console, render_error
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT
from aoftool.cli.options.common_options import Form, chosen_form
from aoftool.cli.requests.check import ROWS
from aoftool.next_step import parted

if TYPE_CHECKING:
    from aoftool.check.model import Report
    from aoftool.cli.requests.check import CheckRequest
    from aoftool.errors import AoftoolError

__all__ = ["exit_code", "show_reports"]


def show_reports(
    reports: list[Report], errors: list[AoftoolError], asked: CheckRequest, *, expanded: bool, several: bool
) -> None:
    """Show the reports on logs, and what is wrong with those that cannot be read.

    Args:
        expanded: they were found in folders that were named.
        several: there is more than one.
    """
    form = chosen_form(asked.as_json, asked.as_csv)
    if form is Form.CSV:
        from aoftool.report.findings import write_findings_csv

        write_findings_csv(reports, sys.stdout)
        for unread in errors:
            print(render_error(unread), file=sys.stderr)
    elif form is Form.JSON:
        from aoftool.report.findings import findings_json
        from aoftool.report.jsonout import print_json

        not_read = [{"path": error.path, "message": error.message, **parted(error.hint)} for error in errors]
        print_json({**findings_json(reports), **({"not_read": not_read} if expanded or errors else {})})
    elif expanded and several:
        from aoftool.report.nodes import render_nodes

        render_nodes(line_console(asked.color), reports, errors)
    else:
        from aoftool.report.findings import render_findings

        render_findings(line_console(asked.color), reports, top=asked.limit or ROWS)
        for unread in errors:
            print(render_error(unread), file=sys.stderr)


def exit_code(reports: Sequence[Report], errors: Sequence[AoftoolError]) -> int:
    """Return the exit code: the worst of what cannot be read, else of the verdicts."""
    if errors:
        return max(unread.exit_code for unread in errors)
    if not all(report.intact and report.refused is None for report in reports):
        return VERDICT
    return DONE if all(report.judged for report in reports) else NOT_JUDGED
