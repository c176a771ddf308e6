"""Shows the differences of two data sets: counts, prefixes, keys; as text, JSON or CSV."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from aoftool.analysis.diff.model import ChangeKind, Diff, KeyChange, KeyFacts, LibraryChange, Parting, Side
from aoftool.cells import fold
from aoftool.escape import json_bytes, shorten, shown_name, shown_text
from aoftool.report.csvout import CsvRows
from aoftool.report.writer import writer_json, writer_note
from aoftool.units import counted, format_count, format_time_ms

__all__ = ["diff_json", "diff_lines", "parting_lines", "print_diff_csv"]

_SIGNS = {ChangeKind.ADDED: "+", ChangeKind.REMOVED: "-", ChangeKind.CHANGED: "~"}
_PREFIXES_SHOWN = 10
_INDENT = 4
_CSV_HEADER = (
    "change", "db", "key", "type_before", "type_after", "length_before", "length_after",
    "expire_at_ms_before", "expire_at_ms_after", "what",
)  # fmt: skip


def diff_lines(diff: Diff, width: int, limit: int) -> Iterator[str]:
    """Yield the lines of a diff, with at most `limit` keys."""
    for line in _lines(diff, width, limit):
        lead = len(line) - len(line.lstrip())
        first, *more = fold(line.lstrip(), width - lead, _INDENT)
        yield " " * lead + first
        yield from (" " * lead + rest for rest in more)


def _lines(diff: Diff, width: int, limit: int) -> Iterator[str]:
    yield from _side("left   ", diff.left)
    yield from _side("right  ", diff.right)
    counts = ", ".join(f"{format_count(diff.count(kind))} {kind.value}" for kind in ChangeKind)
    yield f"keys   {counts}" if diff.changes else "keys   no difference"
    if diff.libraries:
        yield f"functions  {counted(len(diff.libraries), 'library differs', 'libraries differ')}"
    for library in (diff.libraries or [])[:limit]:
        yield f"  {_SIGNS[library.kind]} {shown_name(library.name, max(width - 40, 20))}"
    if diff.libraries and len(diff.libraries) > limit:
        yield f"  and {format_count(len(diff.libraries) - limit)} more (--limit)"
    if diff.parting is not None:
        yield ""
        yield from parting_lines(diff.parting)
    if len(diff.prefixes) > 1:
        yield ""
        yield f"{'added':>9} {'removed':>9} {'changed':>9}  prefix"
        for row in diff.prefixes[:_PREFIXES_SHOWN]:
            name = f"{shorten(row.prefix, max(width - 40, 20))}*" if row.prefix else "(no prefix)"
            numbers = (format_count(number) for number in (row.added, row.removed, row.changed))
            yield "{:>9} {:>9} {:>9}".format(*numbers) + f"  {name}"
        if len(diff.prefixes) > _PREFIXES_SHOWN:
            yield f"{'':31}and {format_count(len(diff.prefixes) - _PREFIXES_SHOWN)} more"
    if diff.changes:
        yield ""
        yield "  db  key"
    for change in diff.changes[:limit]:
        yield from _change_lines(change, width)
    if len(diff.changes) > limit:
        yield f"and {format_count(len(diff.changes) - limit)} more (--limit)"


def _side(label: str, side: Side) -> Iterator[str]:
    point = f" at {side.point}" if side.point else ""
    path = shown_text(side.path)
    yield f"{label}{path}{point}, {counted(side.keys, 'key')}"
    note = None if side.writer is None else writer_note(side.writer)
    if note:
        yield " " * len(label) + note


def parting_lines(parting: Parting) -> Iterator[str]:
    """Yield where the commands of two logs part."""
    if parting.is_same:
        yield f"both hold the same {counted(parting.common, 'command')}"
        return
    if not parting.common:
        yield "the commands of the two are different from the first on"
    else:
        yield f"the first {counted(parting.common, 'command is', 'commands are')} the same; then"
    yield f"  left   {_from(parting.left, parting.left_behind)}"
    yield f"  right  {_from(parting.right, parting.right_behind)}"
    if parting.left_behind and parting.right_behind:
        if parting.conflicts is None:
            yield "  keys that both write behind that: too many to count"
            return
        names = ", ".join(f"db{db} {shown_name(key, 30)}" for db, key in parting.examples)
        yield f"  {counted(parting.conflicts, 'key is', 'keys are')} written by both behind that" + (
            f": {names}" if names else ""
        )


def _from(place: tuple[str, int, int | None] | None, behind: int) -> str:
    if place is None:
        return "ends"
    file, offset, time_s = place
    when = "" if time_s is None else f", {format_time_ms(time_s * 1000)}"
    return f"{counted(behind, 'command')} from {file} offset {format_count(offset)}{when}"


def _change_lines(change: KeyChange, width: int) -> Iterator[str]:
    key = shown_name(change.key, max(width - 40, 20))
    before, after = change.before, change.after
    line = f"{_SIGNS[change.kind]} {change.db:>2}  {key}"
    if before is None or after is None:
        facts = before or after
        assert facts is not None
        yield f"{line}  {_facts(facts)}"
        return
    told = [_facts(before)]
    if {"type", "length"} & set(change.what):
        told[0] += f" -> {_facts(after)}"
    if "value" in change.what and "length" not in change.what:
        told.append("another value")
    yield f"{line}  {', '.join(told)}"
    if "expire" in change.what:
        yield f"{'':6}  expires {_expire(before)} -> {_expire(after)}"


def _facts(facts: KeyFacts) -> str:
    if facts.length is None:
        return f"{facts.type_name} {shown_text(facts.module_type)}".rstrip()
    unit = " B" if facts.type_name == "string" else ""
    return f"{facts.type_name} {format_count(facts.length)}{unit}"


def _expire(facts: KeyFacts) -> str:
    return "no expiry" if facts.expire_at_ms is None else format_time_ms(facts.expire_at_ms)


def print_diff_csv(diff: Diff) -> None:
    """Print a header and one row a key."""
    out = CsvRows(sys.stdout, _CSV_HEADER)
    for change in diff.changes:
        sides = (change.before, change.after)
        types = ("" if side is None else side.type_name for side in sides)
        lengths = ("" if side is None or side.length is None else side.length for side in sides)
        expires = ("" if side is None or side.expire_at_ms is None else side.expire_at_ms for side in sides)
        what = " ".join(change.what)
        out.add((change.kind.value, change.db, change.key, *types, *lengths, *expires, what))


def diff_json(diff: Diff) -> dict[str, Any]:
    """Return a diff as one JSON object."""
    return {
        "schema": "aoftool.diff/1",
        "left": _side_json(diff.left),
        "right": _side_json(diff.right),
        "counts": {kind.value: diff.count(kind) for kind in ChangeKind},
        "prefixes": [
            {
                **json_bytes("prefix", row.prefix),
                "added": row.added,
                "removed": row.removed,
                "changed": row.changed,
            }
            for row in diff.prefixes
        ],
        "parting": None if diff.parting is None else _parting_json(diff.parting),
        "changes": [_change_json(change) for change in diff.changes],
        "libraries": None if diff.libraries is None else [_library_json(one) for one in diff.libraries],
        "notes": diff.notes,
    }


def _side_json(side: Side) -> dict[str, Any]:
    path = json_bytes("path", side.path.encode("utf-8", "surrogateescape"))
    writer = writer_json(side.writer)
    return {**path, "point": side.point or None, "keys": side.keys, "writer": writer}


def _parting_json(parting: Parting) -> dict[str, Any]:
    def place(found: tuple[str, int, int | None] | None) -> dict[str, Any] | None:
        return None if found is None else dict(zip(("file", "offset", "time_s"), found, strict=True))

    return {
        "common_commands": parting.common,
        "left": place(parting.left),
        "right": place(parting.right),
        "left_commands": parting.left_behind,
        "right_commands": parting.right_behind,
        "conflicting_keys": parting.conflicts,
        "examples": [{"db": db, **json_bytes("key", key)} for db, key in parting.examples],
    }


def _change_json(change: KeyChange) -> dict[str, Any]:
    return {
        "change": change.kind.value,
        "db": change.db,
        **json_bytes("key", change.key),
        "before": _facts_json(change.before),
        "after": _facts_json(change.after),
        "what": list(change.what),
    }


def _library_json(change: LibraryChange) -> dict[str, Any]:
    return {
        "change": change.kind.value,
        **json_bytes("name", change.name),
        "before": change.before,
        "after": change.after,
    }


def _facts_json(facts: KeyFacts | None) -> dict[str, Any] | None:
    if facts is None:
        return None
    body: dict[str, Any] = {
        "type": facts.type_name,
        "length": facts.length,
        "expire_at_ms": facts.expire_at_ms,
        "digest": facts.digest,
    }
    if facts.module_type:
        body["module_type"] = facts.module_type
    return body
