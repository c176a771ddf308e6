"""Shows what the command streams of a log hold: prefixes, keys, types, sizes, what is large."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from aoftool.analysis.inspect.contents_model import (
    ContentsView,
    ExpiryView,
    KeyRank,
    NextRewrite,
    PrefixRow,
    Restart,
    Savings,
    SizeRow,
    Stretch,
    TypeRow,
)
from aoftool.analysis.inspect.model import Overview
from aoftool.check.health_model import Health
from aoftool.escape import printable, shorten, shown_name
from aoftool.next_step import next_step
from aoftool.report.csvout import CsvRows
from aoftool.report.lines import Printer
from aoftool.report.terminal import Column, figures, print_rows, say, words
from aoftool.units import counted, format_bytes, format_count, format_duration, format_share, format_time_ms

__all__ = [
    "expiry_line",
    "large_lines",
    "next_rewrite_line",
    "render_key_ranks",
    "render_prefixes",
    "render_sizes",
    "render_types",
    "restart_line",
    "savings_line",
    "simulate_step",
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
    text = f"{format_count(expiry.expiring)} of the {counted(there, 'key')} written"
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
        yield "", _stretch(item, f"transaction of {counted(item.commands, 'command')},"), ""


def _stretch(item: Stretch, what: str) -> str:
    key = f" on {shorten(item.key, _NAME_WIDTH)}" if item.key else ""
    return f"{what} {format_bytes(item.size_bytes)}{key}, {item.file} at offset {format_count(item.offset)}"


def _count(count: int | None) -> str:
    return "" if count is None else format_count(count)


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


def render_prefixes(console: Printer, view: ContentsView, top: int) -> None:
    """Print the table of prefixes; bytes add up to those of all commands."""
    columns: tuple[Column[PrefixRow], ...] = (
        words("prefix", lambda row: shown_name(row.prefix, _NAME_WIDTH)),
        figures("writes", lambda row: format_count(row.writes)),
        figures("bytes", lambda row: format_count(row.size_bytes)),
        figures("share", lambda row: format_share(row.size_bytes, view.size_bytes)),
        figures("keys", lambda row: _count(row.keys)),
        figures("no expiry", lambda row: _count(row.without_expiry)),
        figures("dead", lambda row: _share_of(row.dead_bytes, row.size_bytes)),
    )
    print_rows(console, columns, _folded(view.prefixes, top), lambda row: "" if row.is_prefix else "dim")


def render_key_ranks(console: Printer, ranks: Sequence[KeyRank], view: ContentsView) -> None:
    """Print a list of keys, with the error of each figure when they come from a sketch."""
    columns: tuple[Column[KeyRank], ...] = (
        words("key", lambda rank: shown_name(rank.key, _NAME_WIDTH)),
        figures("db", lambda rank: str(rank.db)),
        figures("writes", lambda rank: _figure(rank.writes, rank.writes_over)),
        figures("bytes", lambda rank: _figure(rank.size_bytes, rank.bytes_over)),
        figures("share", lambda rank: format_share(rank.size_bytes, view.size_bytes)),
        figures("dead", _dead),
        words("expires", _expires),
    )
    print_rows(console, columns, ranks)
    if not view.keys_exact:
        say(console, inexact_note(view))


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
    return "no expiry" if rank.expire_at_ms is None else format_time_ms(rank.expire_at_ms // 1000 * 1000)


def render_types(console: Printer, view: ContentsView) -> None:
    """Print commands by the type of value they work on."""
    columns: tuple[Column[TypeRow], ...] = (
        words("type", lambda row: row.group),
        figures("commands", lambda row: format_count(row.commands)),
        figures("share", lambda row: format_share(row.commands, view.commands)),
        figures("bytes", lambda row: format_count(row.size_bytes)),
        figures("share", lambda row: format_share(row.size_bytes, view.size_bytes)),
    )
    print_rows(console, columns, view.types)


def render_sizes(console: Printer, view: ContentsView) -> None:
    """Print how large commands and keys are, and how many arguments there are."""
    columns: tuple[Column[SizeRow], ...] = (
        figures("from", lambda row: format_count(row.least)),
        figures("to", lambda row: format_count(row.most)),
        figures("commands", lambda row: _count(row.commands or None)),
        figures("keys named", lambda row: _count(row.keys or None)),
        figures("arguments", lambda row: _count(row.arguments or None)),
    )
    print_rows(console, columns, view.sizes)
    say(console, "commands and keys by their bytes, commands once more by their number of arguments")


def write_key_ranks_csv(ranks: Iterable[KeyRank], stream: TextIO) -> None:
    """Write ranked keys as CSV; counts from a sketch are at most `over` too high."""
    names = ("db", "key", "writes", "writes_over", "size_bytes", "bytes_over", "dead_bytes", "expire_at_ms")
    out = CsvRows(stream, (*names, "deleted"))
    for rank in ranks:
        out.add([*(getattr(rank, name) for name in names), int(rank.deleted)])


_SHORT_S = 0.1


def restart_line(restart: Restart) -> str:
    """Return how long a server needs to load the log, and what takes it that long."""
    if restart.most_s < _SHORT_S:
        line = "loads in less than a tenth of a second"
    else:
        least, most = format_duration(restart.least_s), format_duration(restart.most_s)
        is_vague = restart.least_s < restart.most_s / 100
        line = (f"loads in {most} at most" if is_vague else f"loads in {least} to {most}") + _restart_parts(
            restart
        )
    return line + ("; longer if scripts or long values take their time" if restart.is_open else "")


def next_rewrite_line(found: NextRewrite) -> str:
    """Return when a server rewrites the log by itself, and what that assumes."""
    if not found.left_bytes:
        when = "due"
    else:
        when = f"at {format_bytes(found.due_bytes)}, {format_bytes(found.left_bytes)} from now"
        if found.bytes_per_s:
            when += f", in {format_duration(found.left_bytes / found.bytes_per_s)} at the mean pace"
    settings = f"{found.percentage} % and {format_bytes(found.least_bytes)} at least"
    return f"{when}: by default settings ({settings}), if there was no restart since the last one"


def simulate_step(overview: Overview, health: Health, found: NextRewrite) -> str:
    """Return the line that shows what other settings would do; empty where nobody needs it or it refuses."""
    is_replayed = overview.path != "-" and health.judged and not found.has_scripts
    return next_step("simulate", overview.path) if found.matters and is_replayed else ""


def _restart_parts(restart: Restart) -> str:
    """Return what the time goes to."""
    parts = []
    if restart.rdb_s and restart.commands_s:
        share = format_share(round(1e6 * restart.commands_s), round(1e6 * restart.total_s))
        parts.append(f"{share} of it for commands")
    if restart.slowest is not None and restart.commands_s:
        name, seconds = restart.slowest
        share = format_share(round(1e6 * seconds), round(1e6 * restart.total_s))
        parts.append(f"{printable(name)} {share}")
    if restart.walked_s > restart.total_s / 10:
        parts.append("where commands go over whole values: less if these are smaller than assumed")
    return "".join(f", {part}" for part in parts)
