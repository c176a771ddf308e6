"""Rows of commands that are written while their bytes are at hand: JSON lines and CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aoftool.analysis.commands.lines_model import RowForm
from aoftool.analysis.commands.model import COMMAND_SCHEMA, LoggedCommand
from aoftool.escape import json_bytes
from aoftool.report.commands import CSV_COLUMNS, command_json, csv_row
from aoftool.report.csvout import csv_line
from aoftool.report.inferred import BOUNDS
from aoftool.report.jsonout import json_line
from aoftool.resp.model import Lines

__all__ = ["CSV_ROWS", "JSON_ROWS", "print_rows", "row_form"]


def _json_row(row: LoggedCommand) -> str:
    return json_line(command_json(row))


def _json_head(file: str) -> bytes:
    head = json_line({"schema": COMMAND_SCHEMA, "file": file}).encode()
    return head.removesuffix(b"}\n") + b',"offset":'


def _json_name(upper: bytes) -> bytes:
    return json_line(json_bytes("name", upper)).encode().removeprefix(b"{").removesuffix(b"}\n")


def _csv_row(row: LoggedCommand) -> str:
    return csv_line(csv_row(row))


def _csv_head(file: str) -> bytes:
    return csv_line((file, None)).encode().removesuffix(b"\n")


def _csv_name(upper: bytes) -> bytes:
    # Beside another cell: one that is empty and alone would be quoted.
    return csv_line((upper, None)).encode().removesuffix(b",\n")


JSON_ROWS = RowForm(False, _json_row, _json_head, _json_name, b"]}\n")
CSV_ROWS = RowForm(True, _csv_row, _csv_head, _csv_name, b"," * len(BOUNDS) + b"\n")


def row_form(*, csv: bool) -> RowForm:
    """Return the form of rows in CSV, or in JSON lines."""
    return CSV_ROWS if csv else JSON_ROWS


def print_rows(
    pieces: Iterable[LoggedCommand | Lines],
    form: RowForm,
    see: Callable[[LoggedCommand], None],
    write: Callable[[bytes], object],
) -> int:
    """Write lines as they come, and rows between them as such lines; return how many there were.

    Args:
        see: looks at rows that came as such.
        write: takes UTF-8.
    """
    shown = 0
    if form.is_csv:
        write(csv_line(CSV_COLUMNS).encode())
    for piece in pieces:
        if isinstance(piece, Lines):
            write(piece.text)
            shown += piece.count
        else:
            see(piece)
            write(form.line_of(piece).encode())
            shown += 1
    return shown
