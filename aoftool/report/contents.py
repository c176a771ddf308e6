"""Shows what the command streams of a log hold: prefixes, keys, types, sizes, what is large."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

from rich.console import Console

from aoftool.analysis.contents_model import (
    ContentsView,
    ExpiryView,
    KeyRank,
    PrefixRow,
    Restart,
    Savings,
    Stretch,
)
from aoftool.escape import json_bytes, printable, shorten
from aoftool.report.csvout import CsvRows
from aoftool.report.terminal import print_table
from aoftool.units import format_bytes, format_count, format_duration, format_share, format_time_ms

__all__ = [
    "contents_json",
    "expiry_line",
    "expiry_members",
    "key_rank_json",
    "large_lines",
    "prefix_json",
    "render_key_ranks",
    "render_prefixes",
    "render_sizes",
    "render_types",
    "restart_line",
    "savings_line",
    "write_key_ranks_csv",
]

_NAME_WIDTH = 40


def savings_line(savings: Savings) -> str:
    """Return live and dead bytes and what a rewrite would leave, or why that is not known."""
    if savings.reason is not None:
        return savings.reason
    live = savings.live_bytes + savings.base_bytes - savings.base_dead_bytes
    dead = savings.dead_bytes + savings.base_dead_bytes
    bound = "at most " if savings.upper_bound else "about "
    return (
        f"{format_bytes(live)} live, {format_bytes(dead)} dead ({format_share(dead, live + dead)});"
        f" a rewrite leaves {bound}{format_bytes(savings.estimate_bytes)}"
    )


def expiry_line(expiry: ExpiryView) -> str:
    """Return keys with an expire time, and the second in which most of them end."""
    there = expiry.keys - expiry.deleted
    text = f"{format_count(expiry.expiring)} of the {format_count(there)} keys written"
    if expiry.seconds:
        second, count = expiry.seconds[0]
        text += f"; most in one second: {format_count(count)} at {format_time_ms(second * 1000)}"
    return text


def large_lines(view: ContentsView) -> Iterator[tuple[str, str, str]]:
    """Yield labelled lines for the largest command and transaction."""
    if view.largest:
        yield "largest", _stretch(view.largest[0], f"{printable(view.largest[0].name)} of"), ""
    if view.transactions:
        item = view.transactions[0]
        yield "", _stretch(item, f"transaction of {format_count(item.commands)} commands,"), ""


def _stretch(item: Stretch, what: str) -> str:
    key = f" on {shorten(item.key, _NAME_WIDTH)}" if item.key else ""
    return f"{what} {format_bytes(item.size_bytes)}{key}, {item.file} at offset {format_count(item.offset)}"


def _share_of(part: int | None, whole: int) -> str:
    return "" if part is None else format_share(part, whole)


def _folded(rows: Sequence[PrefixRow], top: int) -> list[PrefixRow]:
    """Return the first rows, one that holds the rest, and the rows that are no prefix."""
    named = [row for row in rows if row.is_prefix]
    rest = named[top:]
    if len(rest) < 2:
        return list(rows)
    counted = all(row.keys is not None for row in rest)
    judged = all(row.dead_bytes is not None for row in rest)
    folded = PrefixRow(
        f"{len(rest)} more".encode(),
        sum(row.writes for row in rest),
        sum(row.size_bytes for row in rest),
        sum(row.keys or 0 for row in rest) if counted else None,
        sum(row.expiring or 0 for row in rest) if counted else None,
        sum(row.deleted or 0 for row in rest) if counted else None,
        sum(row.dead_bytes or 0 for row in rest) if judged else None,
    )
    return [*named[:top], folded, *(row for row in rows if not row.is_prefix)]


def render_prefixes(console: Console, view: ContentsView, top: int) -> None:
    """Print the table of prefixes; bytes add up to those of all commands."""
    columns = (
        ("prefix", "left"),
        ("writes", "right"),
        ("bytes", "right"),
        ("share", "right"),
        ("keys", "right"),
        ("no expiry", "right"),
        ("dead", "right"),
    )
    rows = (
        (
            (
                shorten(row.prefix, _NAME_WIDTH),
                format_count(row.writes),
                format_count(row.size_bytes),
                format_share(row.size_bytes, view.size_bytes),
                "" if row.keys is None else format_count(row.keys),
                "" if row.without_expiry is None else format_count(row.without_expiry),
                _share_of(row.dead_bytes, row.size_bytes),
            ),
            "" if row.is_prefix else "dim",
        )
        for row in _folded(view.prefixes, top)
    )
    print_table(console, columns, rows)


def render_key_ranks(console: Console, ranks: Sequence[KeyRank], view: ContentsView) -> None:
    """Print a list of keys, with the error of each figure when they come from a sketch."""
    columns = (
        ("key", "left"),
        ("db", "right"),
        ("writes", "right"),
        ("bytes", "right"),
        ("share", "right"),
        ("dead", "right"),
        ("expires", "left"),
    )
    rows = (
        (
            (
                shorten(rank.key, _NAME_WIDTH),
                str(rank.db),
                _figure(rank.writes, rank.writes_over),
                _figure(rank.size_bytes, rank.bytes_over),
                format_share(rank.size_bytes, view.size_bytes),
                _dead(rank),
                _expires(rank),
            ),
            "",
        )
        for rank in ranks
    )
    print_table(console, columns, rows)
    if not view.keys_exact:
        console.print(inexact_note(view))


def inexact_note(view: ContentsView) -> str:
    """Return in words how sure the counts of keys are."""
    least, most = view.distinct_keys
    return (
        f"Between {format_count(least)} and {format_count(most)} distinct keys: more than the"
        f" {format_count(view.key_limit)} that are counted one by one; what follows -- is the largest error."
    )


def _figure(figure: int, over: int) -> str:
    return format_count(figure) if not over else f"{format_count(figure)} --{format_count(over)}"


def _dead(rank: KeyRank) -> str:
    if rank.dead_bytes is None:
        return ""
    return f"{format_count(rank.dead_bytes)} ({format_share(rank.dead_bytes, rank.size_bytes)})"


def _expires(rank: KeyRank) -> str:
    if rank.deleted:
        return "deleted"
    return "" if rank.expire_at_ms is None else format_time_ms(rank.expire_at_ms // 1000 * 1000)


def render_types(console: Console, view: ContentsView) -> None:
    """Print commands by the type of value they work on."""
    columns = (
        ("type", "left"),
        ("commands", "right"),
        ("share", "right"),
        ("bytes", "right"),
        ("share", "right"),
    )
    rows = (
        (
            (
                row.group,
                format_count(row.commands),
                format_share(row.commands, view.commands),
                format_count(row.size_bytes),
                format_share(row.size_bytes, view.size_bytes),
            ),
            "",
        )
        for row in view.types
    )
    print_table(console, columns, rows)


def render_sizes(console: Console, view: ContentsView) -> None:
    """Print how large commands and keys are, and how many arguments there are."""
    columns = (
        ("from", "right"),
        ("to", "right"),
        ("commands", "right"),
        ("keys named", "right"),
        ("arguments", "right"),
    )
    rows = (
        (
            (
                format_count(row.least),
                format_count(row.most),
                format_count(row.commands) if row.commands else "",
                format_count(row.keys) if row.keys else "",
                format_count(row.arguments) if row.arguments else "",
            ),
            "",
        )
        for row in view.sizes
    )
    print_table(console, columns, rows)
    console.print("commands and keys by their bytes, commands once more by their number of arguments")


def prefix_json(row: PrefixRow) -> dict[str, Any]:
    """Return one prefix as JSON members."""
    return {
        **json_bytes("prefix", row.prefix),
        "is_prefix": row.is_prefix,
        "writes": row.writes,
        "size_bytes": row.size_bytes,
        "keys": row.keys,
        "keys_expiring": row.expiring,
        "keys_deleted": row.deleted,
        "dead_bytes": row.dead_bytes,
    }


def write_key_ranks_csv(ranks: Iterable[KeyRank], stream: TextIO) -> None:
    """Write ranked keys as CSV; counts from a sketch are at most `over` too high."""
    names = ("db", "key", "writes", "writes_over", "size_bytes", "bytes_over", "dead_bytes", "expire_at_ms")
    out = CsvRows(stream, (*names, "deleted"))
    for rank in ranks:
        out.add([*(getattr(rank, name) for name in names), int(rank.deleted)])


def key_rank_json(row: KeyRank) -> dict[str, Any]:
    """Return one key as JSON members."""
    return {
        "db": row.db,
        **json_bytes("key", row.key),
        "writes": row.writes,
        "writes_over": row.writes_over,
        "size_bytes": row.size_bytes,
        "bytes_over": row.bytes_over,
        "dead_bytes": row.dead_bytes,
        "expire_at_ms": row.expire_at_ms,
        "deleted": row.deleted,
    }


def _stretch_json(row: Stretch) -> dict[str, Any]:
    return {
        "file": row.file,
        "offset": row.offset,
        "size_bytes": row.size_bytes,
        "commands": row.commands,
        "arguments": row.arguments,
        **json_bytes("command", row.name),
        **json_bytes("key", row.key),
        "db": row.db,
        "time_s": row.time_s if row.time_s >= 0 else None,
    }


def expiry_members(view: ExpiryView) -> dict[str, Any]:
    """Return expire times as JSON members."""
    return {
        "keys": view.keys,
        "keys_expiring": view.expiring,
        "keys_deleted": view.deleted,
        "seconds": [{"second": second, "keys": keys} for second, keys in view.seconds],
        "horizon": [{"range": label, "keys": keys} for label, keys in view.horizon],
        "passed": view.passed,
        "on_full_minutes": view.minutes,
        "on_full_hours": view.hours,
        "end_s": view.end_s,
    }


def _savings_json(savings: Savings) -> dict[str, Any]:
    return {
        "reason": savings.reason,
        "live_bytes": savings.live_bytes,
        "dead_bytes": savings.dead_bytes,
        "base_bytes": savings.base_bytes,
        "base_dead_bytes": savings.base_dead_bytes,
        "estimate_bytes": savings.estimate_bytes,
        "upper_bound": savings.upper_bound,
        "causes": [{"cause": cause, "size_bytes": size} for cause, size in savings.causes],
    }


def _restart_json(restart: Restart) -> dict[str, Any]:
    name, seconds = restart.slowest or (b"", 0.0)
    return {
        "seconds": round(restart.total_s, 6),
        "least_seconds": round(restart.total_s * restart.factors[0], 6),
        "most_seconds": round(restart.total_s * restart.factors[1], 6),
        "rdb_seconds": round(restart.rdb_s, 6),
        "command_seconds": round(restart.commands_s, 6),
        "slowest": {**json_bytes("command", name), "seconds": round(seconds, 6)},
        "at_least": restart.is_open,
    }


_SHORT_S = 0.1


def restart_line(restart: Restart) -> str:
    """Return how long a server needs to load the log."""
    if restart.total_s * restart.factors[1] < _SHORT_S:
        return "loads in less than a tenth of a second"
    least, most = (format_duration(restart.total_s * factor) for factor in restart.factors)
    line = f"loads in {least} to {most}"
    if restart.rdb_s and restart.commands_s:
        share = format_share(round(1e6 * restart.commands_s), round(1e6 * restart.total_s))
        line += f", {share} of it for commands"
    return line + ("; more where commands walk long values" if restart.is_open else "")


def contents_json(view: ContentsView) -> dict[str, Any]:
    """Return the whole view as JSON members; nothing is folded or rounded."""
    return {
        "filtered": view.filtered,
        "commands": view.commands,
        "size_bytes": view.size_bytes,
        **json_bytes("separator", view.separator),
        "depth": view.depth,
        "prefixes": [prefix_json(row) for row in view.prefixes],
        "keys_exact": view.keys_exact,
        "key_limit": view.key_limit,
        "distinct_keys": list(view.distinct_keys),
        "keys_by_bytes": [key_rank_json(row) for row in view.keys_by_bytes],
        "keys_by_writes": [key_rank_json(row) for row in view.keys_by_writes],
        "types": [
            {"type": row.group, "commands": row.commands, "size_bytes": row.size_bytes} for row in view.types
        ],
        "sizes": [
            {
                "least": row.least,
                "most": row.most,
                "commands": row.commands,
                "keys": row.keys,
                "arguments": row.arguments,
            }
            for row in view.sizes
        ],
        "largest_commands": [_stretch_json(row) for row in view.largest],
        "largest_transactions": [_stretch_json(row) for row in view.transactions],
        "expiry": None if view.expiry is None else expiry_members(view.expiry),
        "savings": None if view.savings is None else _savings_json(view.savings),
        "restart": None if view.restart is None else _restart_json(view.restart),
        "remarks": list(view.remarks),
    }
