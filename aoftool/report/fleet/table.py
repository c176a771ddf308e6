"""Shows a fleet: a table of its logs, the worst first, what is wrong with them, and their totals."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from aoftool.escape import shown_path
from aoftool.fleet.model import ROW_MEMBERS, FleetReport, LogRow, RowState, Totals
from aoftool.next_step import told
from aoftool.report.csvout import CsvRows
from aoftool.report.lines import Printer, folded
from aoftool.report.tables import table_lines
from aoftool.units import counted, format_bytes, format_count, format_duration, format_share, format_time_ms

__all__ = ["COLUMNS", "cells_of", "fleet_json", "render_fleet", "totals_lines", "write_fleet_csv"]

COLUMNS = (
    ("verdict", "left"),
    ("log", "left"),
    ("release", "left"),
    ("size", "right"),
    ("dead", "right"),
    ("growth", "right"),
    ("restart", "right"),
    ("newest #TS", "left"),
)
_CSV = tuple("dead_share" if name == "dead_bytes" else name for name in ROW_MEMBERS if name != "known_bytes")
_COMMANDS = 5
# Shorter loads are not told apart.
_LEAST_S = 0.1
# What is said of a log in order, too: it stands for less than lies there.
_ALWAYS = frozenset({"set-beside"})


def cells_of(row: LogRow) -> list[str]:
    """Return the cells of a log, in the order of `COLUMNS`."""
    if row.state != RowState.READ:
        return [row.verdict, shown_path(row.path), "", "", "", "", "", ""]
    growth = row.growth_bytes_per_s
    restart = row.restart_most_s
    return [
        row.verdict,
        shown_path(row.path),
        row.release or "-",
        format_bytes(row.size_bytes),
        format_share(row.dead_bytes, row.known_bytes) if row.known_bytes else "-",
        "-" if growth is None else f"{format_bytes(round(growth))}/s",
        "-" if restart is None else _at_most(restart),
        "-" if row.newest_ts_s is None else format_time_ms(row.newest_ts_s * 1000),
    ]


def render_fleet(console: Printer, found: FleetReport, *, top: int = 20) -> None:
    """Print the table, what is wrong with the logs in it, and the totals.

    Args:
        top: logs shown; the others count in the totals.
    """
    shown = found.rows[:top]
    head, bodies = table_lines(COLUMNS, [cells_of(row) for row in shown], console.width)
    for number, line in enumerate(head):
        console.print(line, style="bold" if number == 0 else "dim")
    for row, lines in zip(shown, bodies, strict=True):
        for line in lines:
            console.print(line, style=_style(row))
    left = len(found.rows) - len(shown)
    if left:
        console.print(f"and {counted(left, 'more log')}: --limit {len(found.rows)} shows all")
    wrong = [row for row in shown if row.message and (not (row.intact and row.judged) or row.code in _ALWAYS)]
    if wrong:
        console.print()
    for row in wrong:
        code = f" [{row.code}]" if row.code else ""
        for line in folded(f"{shown_path(row.path)}: {row.message}{code}", console.width, 2):
            console.print(line)
        for line in told(row.next or row.hint):
            console.print(f"  {line}")
    console.print()
    for label, text in totals_lines(found.totals):
        first, *more = folded(f"{label:<10}{text}", console.width, 10)
        console.print(first)
        for rest in more:
            console.print(rest)


def _at_most(seconds: float) -> str:
    return f"<= {format_duration(max(seconds, _LEAST_S))}"


def _style(row: LogRow) -> str:
    if row.state != RowState.READ or not row.intact:
        return "red"
    return "" if row.judged else "magenta"


def totals_lines(totals: Totals) -> list[tuple[str, str]]:
    """Return label and text of each line of the totals."""
    unread = totals.logs - totals.states.get(RowState.READ, 0)
    words = [counted(totals.logs, "log"), f"{totals.damaged} damaged"]
    words += [f"{totals.not_judged} not judged"] if totals.not_judged else []
    words += [f"{unread} not read"] if unread else []
    size = f"{format_bytes(totals.size_bytes)}, {counted(totals.commands, 'command')}"
    size += f", {counted(totals.keys, 'key')} in RDB parts"
    lines = [("fleet", ", ".join(words)), ("verdicts", _table(totals.verdicts)), ("size", size)]
    if totals.known_bytes:
        share = format_share(totals.dead_bytes, totals.known_bytes)
        lines.append(("dead", f"{format_bytes(totals.dead_bytes)}, {share} of what was looked at"))
    if totals.releases:
        lines.append(("releases", _table(totals.releases)))
    largest = sorted(totals.by_command.items(), key=lambda item: (-item[1][1], item[0]))[:_COMMANDS]
    if largest:
        texts = [f"{name} {format_count(count)} in {format_bytes(size)}" for name, (count, size) in largest]
        lines.append(("commands", ", ".join(texts)))
    if totals.newest_ts_s is not None:
        lines.append(("newest", format_time_ms(totals.newest_ts_s * 1000)))
    return lines


def _table(counts: Mapping[str, int]) -> str:
    rows: Sequence[tuple[str, int]] = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count}" for name, count in rows)


def fleet_json(found: FleetReport) -> dict[str, Any]:
    """Return the report as one JSON object."""
    return {
        "schema": "aoftool.fleet/1",
        "logs": [row.to_dict() for row in found.rows],
        "totals": found.totals.to_dict(),
    }


def write_fleet_csv(found: FleetReport, stream: TextIO) -> None:
    """Write one line for each log, the worst first."""
    rows = CsvRows(stream, _CSV)
    for row in found.rows:
        members = row.to_dict()
        members["path"] = os.fsencode(row.path)
        cells = [members[name] for name in _CSV]
        rows.add([int(cell) if isinstance(cell, bool) else cell for cell in cells])
