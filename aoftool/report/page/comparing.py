"""Two logs, or two moments of one, side by side."""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.analysis.diff.model import ChangeKind, Diff, KeyChange, KeyFacts, PrefixChanges, Side
from aoftool.analysis.inspect.model import Overview
from aoftool.api.postmortem.model import Comparison
from aoftool.escape import shown_text
from aoftool.report.diff import parting_lines
from aoftool.report.page.cells import Field, code, count, made_table, name, size, text, when
from aoftool.report.page.closing import digest_table, made_rows
from aoftool.report.page.model import (
    Bars,
    Block,
    Cell,
    Figure,
    Page,
    Section,
    StackRow,
    Table,
    Tone,
    Words,
)
from aoftool.report.page.verdict import health_words
from aoftool.units import counted, format_count

__all__ = ["comparison_page"]

_KEYS = 200
_PREFIXES = 30
_BARS = 12


def comparison_page(found: Comparison) -> Page:
    """Return the page of a comparison."""
    diff = found.diff
    title = found.title or f"{_side(diff.left)} against {_side(diff.right)}"
    is_same = not diff.changes and not diff.libraries
    figures = [
        Figure("left_keys", "keys on the left", count(diff.left.keys)),
        Figure("right_keys", "keys on the right", count(diff.right.keys)),
        *(Figure(kind.value, f"keys {kind.value}", count(diff.count(kind))) for kind in ChangeKind),
    ]
    return Page(
        title,
        f"{_side(diff.left)} on the left, {_side(diff.right)} on the right",
        _verdict(diff),
        Tone.GOOD if is_same else Tone.WARN,
        [],
        figures,
        [
            Section("sides", "Side by side", [_sides(found)]),
            Section("changes", "What differs", list(_changes(diff))),
            Section("measured", "How it was measured", [made_rows(found.made), digest_table(found.digests)]),
        ],
    )


def _side(side: Side) -> str:
    return shown_text(side.path) + (f" at {side.point}" if side.point else "")


def _verdict(diff: Diff) -> str:
    if not diff.changes and not diff.libraries:
        return f"No difference: both have the same {counted(diff.left.keys, 'key')}."
    words = ", ".join(f"{format_count(diff.count(kind))} {kind.value}" for kind in ChangeKind)
    more = ""
    if diff.libraries:
        more = f"; {counted(len(diff.libraries), 'function library differs', 'function libraries differ')}"
    return f"{counted(len(diff.changes), 'key differs', 'keys differ')}: {words}{more}."


def _sides(found: Comparison) -> Table:
    diff, (left, right), healths = found.diff, found.sides, found.healths
    rows: list[tuple[str, Cell, Cell]] = [
        ("log", code(shown_text(diff.left.path)), code(shown_text(diff.right.path))),
        ("moment", text(diff.left.point or "the end"), text(diff.right.point or "the end")),
        ("keys there", count(diff.left.keys), count(diff.right.keys)),
        ("size of the log", size(left.size_bytes), size(right.size_bytes)),
        ("files", count(len(left.files)), count(len(right.files))),
        ("commands", _commands(left), _commands(right)),
        ("last #TS", _last(left), _last(right)),
        ("health", text(health_words(healths[0])), text(health_words(healths[1]))),
    ]
    fields: tuple[Field[tuple[str, Cell, Cell]], ...] = (
        ("what", "what", lambda row: text(row[0])),
        ("left", "left", lambda row: row[1]),
        ("right", "right", lambda row: row[2]),
    )
    return made_table("side-by-side", "Both sides", fields, rows)


def _commands(side: Overview) -> Cell:
    return count(sum(file.commands for file in side.files))


def _last(side: Overview) -> Cell:
    return when(None if side.time_range is None else side.time_range.latest_s * 1000)


def _changes(diff: Diff) -> Iterator[Block]:
    if diff.parting is not None:
        told = "; ".join(line.strip() for line in parting_lines(diff.parting)).replace("then;", "then")
        yield Words(f"{told[:1].upper()}{told[1:]}.")
    for note in diff.notes:
        yield Words(note, Tone.WARN)
    if diff.prefixes:
        yield _bars(diff.prefixes)
    if diff.changes:
        yield _keys(diff)


def _bars(prefixes: list[PrefixChanges]) -> Bars:
    fields: tuple[Field[PrefixChanges], ...] = (
        ("prefix", "prefix", lambda row: name(row.prefix)),
        ("added", "added", lambda row: count(row.added)),
        ("removed", "removed", lambda row: count(row.removed)),
        ("changed", "changed", lambda row: count(row.changed)),
    )
    table = made_table("differing", "Keys that differ, by prefix", fields, prefixes, most=_PREFIXES)
    rows = [
        StackRow(name(row.prefix).text, (row.added, row.removed, row.changed)) for row in prefixes[:_BARS]
    ]
    description = (
        f"Keys added, removed and changed of the {counted(len(rows), 'prefix', 'prefixes')} with the most."
    )
    parts = ("added", "removed", "changed")
    return Bars("differences", "Keys that differ, by prefix", description, parts, rows, table)


def _keys(diff: Diff) -> Table:
    fields: tuple[Field[KeyChange], ...] = (
        ("change", "change", lambda row: text(row.kind.value)),
        ("db", "db", lambda row: count(row.db)),
        ("key", "key", lambda row: name(row.key)),
        ("what", "in", lambda row: text(", ".join(row.what))),
        ("type_before", "left", lambda row: _facts(row.before)),
        ("type_after", "right", lambda row: _facts(row.after)),
    )
    return made_table("differing-keys", "Keys that differ", fields, diff.changes, most=_KEYS)


def _facts(facts: KeyFacts | None) -> Cell:
    if facts is None:
        return text("not there")
    length = "" if facts.length is None else f" of {format_count(facts.length)}"
    return text(f"{facts.type_name}{length}")
