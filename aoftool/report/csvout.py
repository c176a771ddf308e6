"""CSV that a spreadsheet shows and does not run.

Keys and values come from strangers. Text that a spreadsheet would take for a formula (it begins with `=`,
`+`, `-` or `@`) gets an apostrophe in front, as does text that begins with one, so that it can be taken off
again; numbers stay numbers. Bytes are in their printable form.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import TextIO

from aoftool.escape import printable

__all__ = ["CsvRows", "csv_line"]

_FORMULA = ("=", "+", "-", "@", "'")

CsvCell = bytes | str | int | float | None


class CsvRows:
    """Write rows to a stream.

    Args:
        header: names of the columns, written first.
    """

    def __init__(self, stream: TextIO, header: Iterable[str]) -> None:
        self._writer = csv.writer(stream, lineterminator="\n")
        self._writer.writerow(header)

    def add(self, cells: Iterable[CsvCell]) -> None:
        """Write one row; None is an empty cell."""
        self._writer.writerow([_harmless(cell) for cell in cells])


def csv_line(cells: Iterable[CsvCell]) -> str:
    """Return one row as text, its line feed included."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([_harmless(cell) for cell in cells])
    return out.getvalue()


def _harmless(cell: CsvCell) -> str | int | float | None:
    if isinstance(cell, bytes):
        cell = printable(cell)
    if isinstance(cell, str) and cell.startswith(_FORMULA):
        return "'" + cell
    return cell
