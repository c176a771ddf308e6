"""What `aoftool growth` answers: steps and what drove them, or all hours of a day or week."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aoftool.cli.console import Color, line_console
from aoftool.cli.options.common_options import Form
from aoftool.cli.told_writer import tell_writer

if TYPE_CHECKING:
    from aoftool.analysis.growth.model import Growth
    from aoftool.analysis.habits.model import HabitTable
    from aoftool.redaction import Redactor

__all__ = ["show_fold", "show_growth"]


def show_growth(grown: Growth, redactor: Redactor | None, form: Form, color: Color) -> None:
    """Show how a log grew."""
    from aoftool.analysis.redact.contents import redacted_growth
    from aoftool.report.growth import growth_json, render_growth, write_growth_csv
    from aoftool.report.jsonout import print_json

    grown = redacted_growth(grown, redactor)
    if form is Form.JSON:
        print_json(growth_json(grown))
    elif form is Form.CSV:
        write_growth_csv(grown, sys.stdout)
    else:
        render_growth(line_console(color), grown)
        tell_writer(grown.writer)


def show_fold(table: HabitTable, form: Form, color: Color) -> None:
    """Show a log laid upon one day or week."""
    from aoftool.report.habits import habits_json, render_habits, write_habits_csv
    from aoftool.report.jsonout import print_json

    if form is Form.JSON:
        print_json(habits_json(table))
    elif form is Form.CSV:
        write_habits_csv(table, sys.stdout)
    else:
        render_habits(line_console(color), table)
