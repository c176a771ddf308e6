"""Shows what a rewrite found and did: on a terminal, or as the versioned JSON object."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from typing import Any

from aoftool.escape import hidden, json_bytes, printable, shown_path, shown_text
from aoftool.report.lines import Printer
from aoftool.report.terminal import facts, print_room, print_table, say
from aoftool.report.writer import writer_json, writer_words
from aoftool.rewrite.model import DeadRow, OutputSize, RewriteResult, RewriteSummary
from aoftool.units import counted, format_bytes, format_count, format_duration, format_share

__all__ = ["render_rewrite", "rewrite_json"]

_SCHEMA = "aoftool.rewrite/1"
_REFUSED_SHOWN = 3
# What only our own rewrite finds out; null where a server did it.
_FOUND = ("base", "commands", "dead_by_cause", "dead", "estimate_bytes", "estimate_is_upper_bound")
_CAUSES = ("overwritten", "deleted", "flushed", "trimmed", "needless", "no-effect", "framing")
_DEAD_COLUMNS = (
    ("dead command", "left"),
    ("cause", "left"),
    ("count", "right"),
    ("bytes", "right"),
    ("share", "right"),
)
_SIZE_COLUMNS = (
    ("result", "left"),
    ("size", "right"),
    ("saved", "right"),
    ("share", "right"),
    ("base", "right"),
    ("commands behind", "right"),
)


def render_rewrite(
    console: Printer,
    result: RewriteResult,
    *,
    top: int = 12,
    mode: str = "dry-run",
    receipt: str | None = None,
    kept_bytes: int = 0,
) -> None:
    """Print the result.

    Args:
        top: rows of dead commands to show.
        mode: `dry-run`, `quick`, `done`, or `server`: it did it, and nothing is known of the commands.
        receipt: folder with the receipt of a rewrite in place.
        kept_bytes: what the old log takes.
    """
    summary = result.summary
    facts(console, _head(result, mode))
    if result.sizes:
        console.print()
        rows = [(_size_cells(size, summary), "") for size in result.sizes]
        print_table(console, _SIZE_COLUMNS, rows)
    if summary.tail.dead:
        console.print()
        _render_dead(console, summary, top)
    if result.files:
        console.print()
        for file in result.files:
            console.print(f"wrote {shown_path(file.path)}, {format_bytes(file.size_bytes)}")
    if receipt is not None:
        where = "beside the new files" if len(result.files) > 1 else "in the folder of the receipt"
        console.print()
        say(console, f"the log as it was is kept, {where}. To take it back:")
        console.print(f"  aoftool undo {shlex.quote(shown_path(receipt))}")
        print_room(console, shown_path(receipt), kept_bytes)


def _head(result: RewriteResult, mode: str) -> Iterator[tuple[str, str, str]]:
    summary = result.summary
    files = counted(len(summary.files), "file")
    history = f", and {format_bytes(summary.history_bytes)} of history" if summary.history_bytes else ""
    yield "log", f"{shown_path(summary.path)}: {files}, {format_bytes(summary.size_bytes)}{history}", "bold"
    if summary.writer is not None:
        yield "written by", writer_words(summary.writer), ""
    yield "target", f"{summary.target} ({summary.target_reason})", ""
    if mode != "server":
        yield from _found(summary)
    if summary.estimate_bytes is not None:
        known = ", reckoned from a sample" if summary.sampled else ""
        if summary.upper_bound:
            known = ", an upper bound: commands that build on each other were not replayed"
        yield "estimate", f"{format_bytes(summary.estimate_bytes)}{known}", "bold"
    for size in result.sizes[:1]:
        yield "keys", _keys(size), ""
    for size in result.sizes[:1]:
        if size.refused:
            yield "refused", _refused(size), "yellow"
    yield "time", format_duration(summary.elapsed_s + result.elapsed_s), ""
    for note in summary.notes:
        yield "note", note, "yellow"
    if result.verified is not None:
        yield "verified", result.verified.text, "green"
    if mode == "dry-run":
        yield "", "nothing was written: give -o OUT or --in-place", ""


def _found(summary: RewriteSummary) -> Iterator[tuple[str, str, str]]:
    """Yield what was found by following the log, which a server does not tell."""
    base, tail = summary.base, summary.tail
    if base.keys:
        parts = f"{format_count(base.dead)} dead, {format_count(base.touched)} touched by later commands"
        yield "base", f"{counted(base.keys, 'key')} in {format_bytes(base.size_bytes)}: {parts}", ""
    live = f"{format_count(tail.live)} live ({format_share(tail.live, tail.commands)})"
    yield "commands", f"{format_count(tail.commands)} in {format_bytes(tail.size_bytes)}: {live}", ""
    yield (
        "live bytes",
        f"{format_bytes(tail.live_bytes)} ({format_share(tail.live_bytes, tail.size_bytes)})",
        "",
    )


def _keys(size: OutputSize) -> str:
    places = ", ".join(f"db{db} {format_count(count)}" for db, count in sorted(size.keys.items()))
    expired = f"; {format_count(size.expired_keys)} expired ones left out" if size.expired_keys else ""
    return f"{format_count(size.key_count)}" + (f" ({places})" if len(size.keys) > 1 else "") + expired


def _refused(size: OutputSize) -> str:
    """Return what was refused, as a server that loads the log refuses it, most frequent first."""
    shown = [
        f"{format_count(count)} {shown_text(name)} ({shown_text(text)})"
        for (name, text), count in size.refused.most_common(_REFUSED_SHOWN)
    ]
    more = ", ..." if len(size.refused) > _REFUSED_SHOWN else ""
    return f"{format_count(size.refused_commands)} of the commands replayed: {', '.join(shown)}{more}"


def _size_cells(size: OutputSize, summary: RewriteSummary) -> list[str]:
    saved = summary.size_bytes - size.size_bytes
    return [
        "RDB" if size.format.value == "rdb" else "commands",
        format_bytes(size.size_bytes),
        format_bytes(saved),
        format_share(saved, summary.size_bytes),
        format_bytes(size.base_bytes),
        format_bytes(size.tail_bytes),
    ]


def _render_dead(console: Printer, summary: RewriteSummary, top: int) -> None:
    dead = summary.tail.dead
    rows = [_dead_cells(row, summary) for row in dead[:top]]
    rest = dead[top:]
    if rest:
        total = DeadRow(b"", "", sum(row.commands for row in rest), sum(row.size_bytes for row in rest))
        cells = _dead_cells(total, summary)
        rows.append([f"({len(rest)} more)", *cells[1:]])
    print_table(console, _DEAD_COLUMNS, [(cells, "") for cells in rows])


def _dead_cells(row: DeadRow, summary: RewriteSummary) -> list[str]:
    return [
        printable(hidden(row.name)),
        row.cause,
        format_count(row.commands),
        format_bytes(row.size_bytes),
        format_share(row.size_bytes, summary.tail.size_bytes),
    ]


def rewrite_json(result: RewriteResult, *, mode: str) -> dict[str, Any]:
    """Return the JSON object."""
    summary = result.summary
    tail, base = summary.tail, summary.base
    body = {
        "schema": _SCHEMA,
        "mode": mode,
        **json_bytes("path", os.fsencode(summary.path)),
        "writer": writer_json(summary.writer),
        "target": summary.target,
        "target_reason": summary.target_reason,
        "size_bytes": summary.size_bytes,
        "history_bytes": summary.history_bytes,
        "files": [
            {**json_bytes("path", os.fsencode(file.path)), "role": file.role, "size_bytes": file.size_bytes}
            for file in summary.files
        ],
        "base": {
            "keys": base.keys,
            "size_bytes": base.size_bytes,
            "touched": base.touched,
            "dead": base.dead,
            "dead_bytes": base.dead_bytes,
        },
        "commands": {
            "count": tail.commands,
            "size_bytes": tail.size_bytes,
            "live": tail.live,
            "live_bytes": tail.live_bytes,
            "dead_bytes": tail.dead_bytes,
            "trimmed": tail.trimmed,
            "unfinished": tail.unfinished,
            "opaque": tail.opaque,
            "modules": tail.modules,
            "unexecuted": sum(tail.unexecuted.values()),
            "torn_bytes": tail.torn_bytes,
        },
        "dead_by_cause": _by_cause(tail.dead),
        "dead": [
            {
                **json_bytes("command", hidden(row.name)),
                "cause": row.cause,
                "count": row.commands,
                "size_bytes": row.size_bytes,
            }
            for row in tail.dead
        ],
        "estimate_bytes": summary.estimate_bytes,
        "estimate_is_upper_bound": summary.upper_bound,
        "results": [_size_json(size, summary) for size in result.sizes],
        "written": [
            {**json_bytes("path", os.fsencode(file.path)), "size_bytes": file.size_bytes}
            for file in result.files
        ],
        "verified": None if result.verified is None else result.verified.text,
        "verification": _verification(result),
        "notes": summary.notes,
        "elapsed_s": round(summary.elapsed_s + result.elapsed_s, 3),
    }
    if mode == "server":
        body |= dict.fromkeys(_FOUND)
    return body


def _verification(result: RewriteResult) -> dict[str, object] | None:
    found = result.verified
    if found is None:
        return None
    return {
        "server": found.server,
        "release": found.release,
        "compared": found.compared,
        "not_seen": found.not_seen,
    }


def _by_cause(dead: list[DeadRow]) -> dict[str, int]:
    totals = dict.fromkeys(_CAUSES, 0)
    for row in dead:
        totals[row.cause] = totals.get(row.cause, 0) + row.size_bytes
    return totals


def _size_json(size: OutputSize, summary: RewriteSummary) -> dict[str, Any]:
    return {
        "format": size.format.value,
        "size_bytes": size.size_bytes,
        "saved_bytes": summary.size_bytes - size.size_bytes,
        "base_bytes": size.base_bytes,
        "tail_bytes": size.tail_bytes,
        "keys": size.key_count,
        "keys_by_db": {str(db): count for db, count in sorted(size.keys.items())},
        "expiring_keys": size.expiring_keys,
        "expired_keys_left_out": size.expired_keys,
        "copied_records": size.copied_records,
        "copied_sets": size.copied_sets,
        "refused_commands": size.refused_commands,
        "refused": [
            {"command": name, "answer": shown_text(text), "count": count}
            for (name, text), count in size.refused.most_common()
        ],
    }
