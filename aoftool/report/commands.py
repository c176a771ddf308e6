"""Shows commands: aligned lines for people, JSON lines, CSV.

All text passes `aoftool.escape`; nothing of a key or value reaches the terminal as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from aoftool.analysis.clock.model import TimeBounds
from aoftool.analysis.commands.model import COMMAND_SCHEMA, UNKNOWN, LoggedCommand
from aoftool.aof.ending_model import ListingEnd
from aoftool.cells import cell_width, fold, leading
from aoftool.escape import json_bytes, printable
from aoftool.report.csvout import CsvRows
from aoftool.report.inferred import BOUNDS, INFERRED, bounds_json, inferred_time, marked
from aoftool.units import format_count, format_time_ms
from aoftool.values.json_form import bytes_json

__all__ = [
    "CSV_COLUMNS",
    "CSV_HEADER",
    "CommandLines",
    "beside",
    "command_json",
    "command_text",
    "csv_cells",
    "csv_row",
    "hex_dump",
    "print_csv",
    "print_end",
]

_ARGUMENT_WIDTHS = (120, 60, 40, 28, 18)
_COLUMNS = "{:>11} {:<8} {:>2} {:>4} {:>7}  "
_COLUMNS_INFERRED = "{:>11} {:<15} {:>2} {:>4} {:>7}  "
_HEX_ROW, _HEX_LEAD = 16, 16
# A command takes less room only below its figures.
_LEAST_ROOM, _BELOW = 30, 4
CSV_HEADER = ("file", "offset", "size_bytes", "time_s", "db", "txn", "index", "name", "arguments")
CSV_COLUMNS = (*CSV_HEADER, *BOUNDS)


def _word(argument: bytes, length: int, width: int) -> str:
    """Return one argument, cut to about `width` with its true length behind, quoted where it has blanks."""
    text = printable(argument[: 4 * width + 1])
    if length > len(argument) or len(argument) > 4 * width or cell_width(text) > width:
        tail = f"...({format_count(length)})"
        text = leading(text, max(width - len(tail), 4)) + tail
    return f'"{text}"' if not text or " " in text or '"' in text else text


def command_text(argv: Sequence[bytes], lengths: Sequence[int] | None, width: int) -> str:
    """Return a command on one line of `width` cells.

    Arguments are cut, and what still finds no room is only counted. A cut argument ends in its length.
    """
    sizes = lengths or [len(argument) for argument in argv]
    shown = list(zip(argv, sizes, strict=True))[: width // 2 + 1]
    for most in _ARGUMENT_WIDTHS:
        words = _side_by_side(shown, most, width)
        if len(words) == len(argv):
            return " ".join(words)
    room = width - len(f" +{format_count(len(argv))} more")
    words = _side_by_side(shown, _ARGUMENT_WIDTHS[-1], room, at_least=2)
    left = len(argv) - len(words)
    text = " ".join(words) + (f" +{format_count(left)} more" if left else "")
    if cell_width(text) <= width:
        return text
    # The name alone, and how many words follow it.
    name = _word(*shown[0], max(room, 8))
    return name + (f" +{format_count(len(argv) - 1)} more" if len(argv) > 1 else "")


def _side_by_side(
    arguments: Sequence[tuple[bytes, int]], most: int, room: int, at_least: int = 0
) -> list[str]:
    """Return as many arguments, each cut to about `most`, as find room on one line."""
    words: list[str] = []
    used = -1
    for argument, length in arguments:
        word = _word(argument, length, most)
        used += 1 + cell_width(word)
        if used > room and len(words) >= at_least:
            break
        words.append(word)
    return words


def beside(head: str, width: int, text: Callable[[int], str]) -> Iterator[str]:
    """Yield a head and what stands beside it, or, where there is hardly any room, below it.

    Args:
        text: makes it, given the cells it may take.
    """
    room = width - cell_width(head)
    if room >= _LEAST_ROOM:
        yield (head + text(room)).rstrip()
        return
    yield head.rstrip()
    below = text(width - _BELOW).rstrip()
    if below:
        yield " " * _BELOW + below


class CommandLines:
    """Make lines of commands; a heading stands wherever file or day change.

    Args:
        width: of the terminal.
        marks: show which commands are hits and which are context.
    """

    def __init__(self, width: int, *, marks: bool = False) -> None:
        self._width = width
        self._marks = marks
        self._heading = ""

    def lines(self, row: LoggedCommand) -> Iterator[str]:
        """Yield the lines of one command."""
        time, bound = _shown_time(row)
        day, _, clock = (time or "").partition(" ")
        columns = _COLUMNS_INFERRED if bound else _COLUMNS
        heading = f"{row.file}, {day} UTC" if clock else row.file
        heading += INFERRED if bound else ""
        if heading != self._heading:
            if self._heading:
                yield ""
            self._heading = heading
            yield from fold(heading, self._width, 2)
            head = "  " * self._marks + columns.format("offset", "time", "db", "txn", "bytes")
            yield from beside(head, self._width, lambda room: "command")
        mark = ("  " if row.is_context else "> ") if self._marks else ""
        txn = _number(row.txn) if row.txn else ""
        size, offset = format_count(row.length), format_count(row.offset)
        when = marked(clock, bound)
        head = mark + columns.format(offset, when, _number(row.db), txn, size)
        yield from beside(head, self._width, partial(command_text, row.argv, row.lengths))


def _shown_time(row: LoggedCommand) -> tuple[str | None, str]:
    """Return when a command ran, and how far off that may be: empty for an annotation."""
    if row.time_s is not None:
        return format_time_ms(row.time_s * 1000), ""
    return (None, "") if row.bounds is None else inferred_time(row.bounds)


def _number(number: int) -> str:
    return "?" if number == UNKNOWN else str(number)


def command_json(row: LoggedCommand) -> dict[str, Any]:
    """Return one command as a JSON object with its exact arguments; a record of an RDB part has no name."""
    body: dict[str, Any] = {
        "schema": COMMAND_SCHEMA,
        "file": row.file,
        "offset": row.offset,
        "size_bytes": row.length,
        "index": None if row.index == UNKNOWN else row.index,
        "db": None if row.db == UNKNOWN else row.db,
        "txn": None if row.txn == UNKNOWN else row.txn,
        "time_s": row.time_s,
        **(json_bytes("name", row.name) if row.argv else {"name": None}),
        "argv": [bytes_json(argument) for argument in row.argv],
    }
    if row.lengths is not None:
        body["lengths"] = row.lengths
    if row.is_context:
        body["context"] = True
    if row.bounds is not None:
        body |= bounds_json(row.bounds)
    return body


def print_csv(rows: Iterable[LoggedCommand]) -> None:
    """Print a header and one row a command; arguments are printable text, joined by blanks."""
    out = CsvRows(sys.stdout, CSV_COLUMNS)
    for row in rows:
        out.add(csv_row(row))


def csv_row(row: LoggedCommand) -> tuple[bytes | str | int | None, ...]:
    """Return one command as cells below `CSV_COLUMNS`."""
    return (*csv_cells(row), *bounds_json(row.bounds or TimeBounds()).values())


def csv_cells(row: LoggedCommand) -> tuple[bytes | str | int | None, ...]:
    """Return one command as cells below `CSV_HEADER`; one without a name is a record of an RDB part."""
    numbers = (None if number == UNKNOWN else number for number in (row.db, row.txn, row.index))
    arguments = " ".join(_word(argument, len(argument), 1 << 30) for argument in row.argv[1:])
    name = row.name if row.argv else None
    return (row.file, row.offset, row.length, row.time_s, *numbers, name, arguments)


def print_end(end: ListingEnd) -> None:
    """Say on stderr what is to be known of the listing; of damage the caller tells."""
    for note in end.notes:
        print(f"aoftool: {note}", file=sys.stderr)


def hex_dump(data: bytes, start: int, wanted: int, width: int) -> Iterator[str]:
    """Yield rows of up to sixteen bytes as hex and ASCII; the row that holds `wanted` has a `>`."""
    size = next((size for size in (_HEX_ROW, _HEX_ROW // 2) if _HEX_LEAD + 4 * size <= width), _HEX_ROW // 4)
    first = start - start % size
    for at in range(first, start + len(data), size):
        row = data[max(at - start, 0) : at - start + size]
        blank = "   " * max(start - at, 0)
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        mark = ">" if at <= wanted < at + size else " "
        text = f"{mark} {format_count(at):>11}  {blank}{row.hex(' '):<{3 * size - 1 - len(blank)}}"
        yield f"{text}  {' ' * max(start - at, 0)}{shown}"
