"""Tables and labelled lines as plain lines of a width: no number is ever cut, no line ends in blanks.

Where columns find no room side by side the words among them are folded, and where that is not enough each row
is shown under its name, as pairs of heading and figure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aoftool.cells import cell_width, fold, padded

__all__ = ["GAP", "RULE", "fact_lines", "row_lines", "table_lines"]

GAP = "  "
RULE = "─"
# Words are not folded to less than this.
_LEAST = 12
_INDENT = 2


def table_lines(
    columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]], width: int
) -> tuple[list[str], list[list[str]]]:
    """Return the lines of the head of a table, and the lines of each row.

    Args:
        columns: (heading, `left` or `right`); cells on the left are words and may be folded.
    """
    widths = _widths(columns, rows, width)
    if widths is None:
        return [], [_stacked(columns, row, width) for row in rows]
    rights = [side == "right" for _, side in columns]
    head = row_lines([heading for heading, _ in columns], widths, rights)
    return [*head, RULE * (sum(widths) + len(GAP) * (len(widths) - 1))], [
        row_lines(row, widths, rights) for row in rows
    ]


def _widths(
    columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]], width: int
) -> list[int] | None:
    """Return the width of each column; None where they find no room side by side."""
    widths = [
        max(cell_width(heading), *(cell_width(row[at]) for row in rows), 0)
        for at, (heading, _) in enumerate(columns)
    ]
    room = width - len(GAP) * (len(widths) - 1)
    words = [at for at, (_, side) in enumerate(columns) if side != "right"]
    while sum(widths) > room:
        widest = max(words, key=lambda at: widths[at], default=None)
        if widest is None or widths[widest] <= max(_LEAST, cell_width(columns[widest][0])):
            return None
        widths[widest] -= 1
    return widths


def row_lines(cells: Sequence[str], widths: Sequence[int], rights: Sequence[bool]) -> list[str]:
    """Return the lines of one row; a cell that is wider than its column goes on below."""
    folded = [fold(cell, width) for cell, width in zip(cells, widths, strict=True)]
    height = max(map(len, folded))
    lines = []
    for number in range(height):
        parts = [
            padded(lines_of[number] if number < len(lines_of) else "", width, right=right)
            for lines_of, width, right in zip(folded, widths, rights, strict=True)
        ]
        lines.append(GAP.join(parts).rstrip())
    return lines


def _stacked(columns: Sequence[tuple[str, str]], row: Sequence[str], width: int) -> list[str]:
    """Return a row as its first words on a line of their own, the rest in pairs below.

    A first column without a heading holds marks, which stand in front of the pairs.
    """
    name = next((at for at, (_, side) in enumerate(columns) if side != "right"), 0)
    # "expires no expiry" would say it twice.
    pairs = [
        cell if cell.startswith("no ") else f"{heading} {cell}".strip()
        for at, ((heading, _), cell) in enumerate(zip(columns, row, strict=True))
        if at != name and cell
    ]
    below = [" " * _INDENT + part for line in _packed(pairs, width - _INDENT) for part in line]
    if columns[name][0] or not below:
        return fold(row[name] or "-", width, _INDENT) + below
    return [padded(row[name] or "-", _INDENT) + below[0][_INDENT:], *below[1:]]


def _packed(pairs: Sequence[str], room: int) -> Iterator[list[str]]:
    """Yield lines of as many pairs as find room, with the commas between them; what is too long is folded."""
    line = ""
    for number, pair in enumerate(pairs, 1):
        comma = "," if number < len(pairs) else ""
        if line and cell_width(f"{line} {pair}{comma}") > room:
            yield fold(line, room)
            line = ""
        line = f"{line} {pair}{comma}".strip()
    if line:
        yield fold(line, room)


def fact_lines(label: str, text: str, label_width: int, width: int) -> list[str]:
    """Return a labelled text, folded beside its label."""
    indent = label_width + len(GAP)
    first, *more = fold(text, max(width - indent, _LEAST))
    return [(padded(label, indent) + first).rstrip(), *(" " * indent + line for line in more)]
