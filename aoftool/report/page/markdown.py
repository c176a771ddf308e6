"""The page as Markdown for a ticket: the same sentences and tables, without the charts and their long tables.

What a log may hold is escaped, or stands in a span or block of code whose fence is longer than any in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aoftool.report.page.model import (
    Block,
    Cell,
    Entry,
    Hex,
    Lines,
    Page,
    Section,
    Sentences,
    Table,
    Words,
)

__all__ = ["page_markdown"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@$^=-])")
_ROWS = 12


def page_markdown(page: Page) -> str:
    """Return the page."""
    return "\n".join(_lines(page)) + "\n"


def _lines(page: Page) -> Iterator[str]:
    yield f"# {_text(page.title)}"
    yield ""
    yield f"**{_text(page.verdict)}**"
    if page.next_lines:
        yield ""
        for what, line in page.next_lines:
            yield f"To type next, for {_text(what)}:"
            yield from _fenced([line])
    for what, words in page.hints:
        yield ""
        yield f"Hint, for {_text(what)}: {_text(words)}"
    yield ""
    for figure in page.figures:
        remark = f" ({_text(figure.remark)})" if figure.remark else ""
        yield f"- {_text(figure.label)}: **{_text(figure.cell.text)}**{remark}"
    for section in page.sections:
        yield from _section(section)


def _section(section: Section) -> Iterator[str]:
    yield ""
    yield f"## {_text(section.title)}"
    for block in section.blocks:
        lines = list(_block(block))
        if lines:
            yield ""
            yield from lines


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Table):
        yield from _table(block)
    elif isinstance(block, Sentences):
        yield f"### {_text(block.caption)}"
        yield ""
        for entry in block.entries:
            yield from _entry(entry)
        if block.left_out:
            yield _text(block.left_out)
    elif isinstance(block, Words):
        yield _text(block.text)
    elif isinstance(block, (Lines, Hex)):
        yield f"### {_text(block.heading)}"
        yield ""
        yield from _fenced(block.lines)
    else:
        yield f"### {_text(block.title)}"
        yield ""
        yield _text(block.description)
        if not block.table.is_detail:
            yield ""
            yield from _table(block.table)


def _entry(entry: Entry) -> Iterator[str]:
    when = f" ({_text(entry.when)})" if entry.when else ""
    yield f"- **{_text(entry.badge)}** {_text(entry.text)}{when}"
    for label, text, is_code in entry.facts:
        yield f"  - {_text(label)}: {_code(text) if is_code else _text(text)}"


def _table(table: Table) -> Iterator[str]:
    yield f"**{_text(table.caption)}**"
    yield ""
    if not table.rows:
        yield "None."
        return
    yield "| " + " | ".join(_text(column.heading) or " " for column in table.columns) + " |"
    yield "|" + "|".join("---:" if column.is_number else "---" for column in table.columns) + "|"
    for row in table.rows[:_ROWS]:
        yield "| " + " | ".join(map(_shown, row)) + " |"
    left = len(table.rows) - _ROWS + table.left_out
    if left > 0:
        yield ""
        yield f"and {left:,} more"


def _shown(cell: Cell) -> str:
    return _code(cell.text).replace("|", "\\|") if cell.is_code and cell.text else _text(cell.text)


def _text(words: str) -> str:
    return _SPECIAL.sub(r"\\\1", words)


def _code(words: str) -> str:
    """Return words as a span of code, whatever ticks they hold."""
    fence = "`" * (max(map(len, re.findall("`+", words)), default=0) + 1)
    pad = " " if words.startswith("`") or words.endswith("`") else ""
    return f"{fence}{pad}{words}{pad}{fence}"


def _fenced(lines: list[str] | tuple[str, ...]) -> Iterator[str]:
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(longest + 1, 3)
    yield fence
    yield from lines
    yield fence
