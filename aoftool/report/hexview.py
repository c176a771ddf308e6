"""Shows an explanation: facts, then the bytes with what they mean beside them.

Eight bytes a row: offset, hex, printable ASCII, meaning. Offsets are decimal, as everywhere; those with a
plus count unpacked bytes. The row of the wanted byte has a `>`, damage has a `!`: colour only repeats it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aoftool.cells import cell_width, clipped, fold
from aoftool.explain.model import Explanation, Span
from aoftool.report.lines import Printer, folded
from aoftool.units import counted, format_count

__all__ = ["explanation_json", "hex_lines", "render_explanation"]

_ROW_BYTES = 8
_HEX_WIDTH = 3 * _ROW_BYTES - 1
_INDENT = "  "
_LEAST_GAP = 2
_LEAST_MEANING = 24
# Without so many columns the bytes are not shown as text too.
_ROOM = 60
_UNFOLDED = 1 << 20
StyledLine = tuple[str, str]
"""A line and the style of it."""
_STYLES = {">": "bold", "!": "bold red"}


def render_explanation(console: Printer, explanation: Explanation) -> None:
    """Print the explanation; a long meaning goes on below itself, so that columns stay columns."""
    for line, style in hex_lines(explanation, console.width):
        console.print(line, style=style)


def hex_lines(explanation: Explanation, room: int | None = None) -> Iterator[StyledLine]:
    """Yield the lines of the view, folded to a width if one is given."""
    wide = room or _UNFOLDED
    yield from _text(f"{explanation.name}, offset {explanation.offset}: {explanation.part}", wide, 2, "bold")
    width = max((len(name) for name, _ in explanation.facts), default=0)
    for name, text in explanation.facts:
        yield from _text(f"  {name:<{width}}  {text}", wide, width + 4)
    if explanation.problem:
        yield from _text(f"! {explanation.problem}", wide, 2, "bold red")
    yield "", ""
    offsets = max((len(_offset(span, span.end)) for span in _all(explanation.spans)), default=1)
    for span in explanation.spans:
        yield from _View(offsets, wide).lines(span, 0)


def _text(text: str, width: int, indent: int, style: str = "") -> Iterator[StyledLine]:
    for line in folded(text, width, indent):
        yield line, style


def _all(spans: list[Span]) -> Iterator[Span]:
    for span in spans:
        yield span
        yield from _all(span.children)


def _offset(span: Span, offset: int) -> str:
    return f"+{offset}" if span.unpacked else str(offset)


class _View:
    """Lays out spans in columns.

    Args:
        width: of the offset column.
        wide: columns that a row may have.
    """

    def __init__(self, width: int, wide: int) -> None:
        self._width = width
        self._wide = wide

    def lines(self, span: Span, depth: int) -> Iterator[StyledLine]:
        """Yield the rows of a span: its bytes when it has no parts, else its name and its parts."""
        indent = _INDENT * depth
        if span.skipped:
            yield self._note(_offset(span, span.start), f"{indent}{format_count(span.skipped)} more")
            return
        meaning = indent + span.label + (f": {span.value}" if span.value else "")
        if span.children:
            yield from self._row("", _offset(span, span.start), b"", meaning)
        else:
            yield from self._bytes(span, meaning, indent)
        if span.problem:
            yield from self._row("!", "", b"", indent + span.problem)
        for child in span.children:
            yield from self.lines(child, depth + 1)

    def _bytes(self, span: Span, meaning: str, indent: str) -> Iterator[StyledLine]:
        """Yield the kept bytes, eight a row, and how many are left out before and behind."""
        before = span.raw_start - span.start
        behind = span.end - span.raw_start - len(span.raw)
        if before:
            yield self._note(_offset(span, span.start), meaning)
            yield self._note("", f"{indent}{counted(before, 'byte')} before")
            meaning = ""
        for at in range(0, max(len(span.raw), 1), _ROW_BYTES):
            row, offset = span.raw[at : at + _ROW_BYTES], span.raw_start + at
            mark = ">" if span.hit and offset <= span.wanted < offset + len(row) else ""
            yield from self._row(mark, _offset(span, offset), row, meaning)
            meaning = ""
        if behind:
            yield self._note("", f"{indent}{counted(behind, 'byte')} more")

    def _note(self, offset: str, meaning: str) -> StyledLine:
        head = f"  {offset:>{self._width}}  ..."
        room = self._wide - len(head)
        wanted = _HEX_WIDTH + _ROW_BYTES + 1 if self._wide >= _ROOM else _LEAST_GAP
        gap = max(_LEAST_GAP, min(wanted, room - cell_width(meaning)))
        return head + " " * gap + clipped(meaning, room - gap), "dim"

    def _row(self, mark: str, offset: str, row: bytes, meaning: str) -> Iterator[StyledLine]:
        head = f"{mark:1} {offset:>{self._width}}  {row.hex(' '):<{_HEX_WIDTH}}"
        if self._wide >= _ROOM:
            head += f"  {_ascii(row):<{_ROW_BYTES}}"
        head += "  "
        lead = len(meaning) - len(meaning.lstrip())
        style = _STYLES.get(mark, "")
        room = self._wide - len(head)
        if room < lead + _LEAST_MEANING:
            # No room beside the bytes: the meaning stands above them.
            for line in fold(meaning.strip(), self._wide - lead) if meaning.strip() else ():
                yield " " * lead + line, style
            yield head.rstrip(), style
            return
        for line in fold(meaning.strip(), room - lead, len(_INDENT)):
            yield (head + " " * lead + line).rstrip(), style
            head = " " * len(head)


def _ascii(row: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)


def explanation_json(explanation: Explanation) -> dict[str, Any]:
    """Return the explanation as one JSON object; bytes as hex."""
    return {
        "schema": "aoftool.explain/1",
        "file": explanation.name,
        "offset": explanation.offset,
        "part": explanation.part,
        "facts": dict(explanation.facts),
        "problem": explanation.problem or None,
        "spans": [_span_json(span) for span in explanation.spans],
    }


def _span_json(span: Span) -> dict[str, Any]:
    members: dict[str, Any] = {
        "label": span.label or None,
        "start": span.start,
        "end": span.end,
        "unpacked": span.unpacked,
        "hit": span.hit,
        "value": span.value or None,
    }
    if span.skipped:
        members["skipped"] = span.skipped
    if span.raw:
        members |= {"hex": span.raw.hex(), "hex_start": span.raw_start}
    if span.problem:
        members["problem"] = span.problem
    if span.children:
        members["parts"] = [_span_json(child) for child in span.children]
    return members
