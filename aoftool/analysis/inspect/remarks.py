"""What stands out in a log, in at most five plain sentences, the weightiest first.

Each rule looks at finished rows and says one thing with its figures, or nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aoftool.analysis.clock.model import Axis
from aoftool.analysis.growth.model import Growth
from aoftool.analysis.inspect.contents_model import ContentsView
from aoftool.analysis.inspect.model import CommandRow
from aoftool.commands.groups import WHOLE
from aoftool.escape import printable, shorten
from aoftool.units import counted, format_bytes, format_count, format_duration, format_share, format_time_ms

__all__ = ["remarks_of"]

_MOST = 5
_DEAD_SHARE = 0.5
_DEAD_LEAST = 64 * 1024
_HOT_SHARE = 0.2
_HOT_LEAST = 1000
_LARGE_COMMAND = 1 << 20
_LARGE_TRANSACTION = 10_000
_STORM_SHARE = 0.25
_STORM_LEAST = 1000
_SELECT_SHARE = 0.2
_SELECT_LEAST = 1000


def remarks_of(view: ContentsView, growth: Growth, commands: list[CommandRow]) -> list[str]:
    """Return the sentences."""
    selects = sum(row.count for row in commands if row.name == b"SELECT")
    found = [
        *_whole(commands),
        *_dead(view),
        *_clock(growth),
        *_changes(growth),
        *_expiry(view),
        *_transactions(view),
        *_large(view),
        *_hot(view),
        *_gaps(growth),
        *_selects(view, selects),
    ]
    return found[:_MOST]


def _whole(commands: Iterable[CommandRow]) -> Iterator[str]:
    """Name the commands that empty or exchange whole databases."""
    for row in commands:
        if row.name in WHOLE and row.count:
            times = "once" if row.count == 1 else counted(row.count, "time")
            where = ""
            if row.largest_file is not None and row.largest_offset is not None:
                first = "" if row.count == 1 else "one of them "
                where = f" ({first}in {row.largest_file} at offset {format_count(row.largest_offset)})"
            yield f"{printable(row.name)} ran {times}{where}."


def _clock(growth: Growth) -> Iterator[str]:
    steps = [step for step in growth.clock if step.kind == "backwards"]
    if steps:
        step = steps[0]
        times = f", {len(steps)} times in all" if len(steps) > 1 else ""
        yield (
            f"The clock went back by {format_duration(step.from_s - step.to_s)} in {step.file} at offset"
            f" {format_count(step.offset)}{times}."
        )


def _dead(view: ContentsView) -> Iterator[str]:
    rows = [
        row
        for row in view.prefixes
        if row.dead_bytes is not None and row.dead_bytes >= max(_DEAD_LEAST, _DEAD_SHARE * row.size_bytes)
    ]
    rows.sort(key=lambda row: (-(row.dead_bytes or 0), row.prefix))
    if rows:
        row = rows[0]
        yield (
            f"{_whole_share(row.dead_bytes or 0, row.size_bytes)} of the bytes under"
            f" {shorten(row.prefix, 40)} are dead ({format_bytes(row.dead_bytes or 0)}): a rewrite helps."
        )


def _whole_share(part: int, whole: int) -> str:
    """Return a share in whole percent, never rounded up to all of it."""
    return f"{100 * part // whole if part < whole else 100} %"


def _changes(growth: Growth) -> Iterator[str]:
    if growth.axis is not Axis.TIME or not growth.changes:
        return
    change = max(growth.changes, key=lambda item: abs(item.after - item.before))
    bucket = growth.buckets[change.bucket]
    verb = "grows" if change.after > change.before else "falls"
    yield (
        f"From {format_time_ms(bucket.start * 1000)} on the log {verb} from {_rate(change.before)} to"
        f" {_rate(change.after)}, most of it {shorten(change.driver, 40)}"
        f" ({printable(change.command)})."
    )


def _rate(bytes_per_s: float) -> str:
    return f"{format_bytes(round(bytes_per_s))}/s"


def _expiry(view: ContentsView) -> Iterator[str]:
    expiry = view.expiry
    if expiry is None or not expiry.seconds:
        return
    second, count = expiry.seconds[0]
    if count >= max(_STORM_LEAST, _STORM_SHARE * expiry.expiring):
        yield (
            f"{counted(count, 'key')}, {format_share(count, expiry.expiring)} of those with an expire"
            f" time, expire in the one second {format_time_ms(second * 1000)}."
        )


def _transactions(view: ContentsView) -> Iterator[str]:
    large = [item for item in view.transactions if item.commands >= _LARGE_TRANSACTION]
    if large:
        item = large[0]
        yield (
            f"One transaction holds {counted(item.commands, 'command')} and"
            f" {format_bytes(item.size_bytes)} ({item.file} at offset"
            f" {format_count(item.offset)}): a server runs it in one piece."
        )


def _large(view: ContentsView) -> Iterator[str]:
    if view.largest and view.largest[0].size_bytes >= _LARGE_COMMAND:
        item = view.largest[0]
        yield (
            f"The largest command is a {printable(item.name)} of {format_bytes(item.size_bytes)} on"
            f" {shorten(item.key, 40)} ({item.file} at offset {format_count(item.offset)})."
        )


def _hot(view: ContentsView) -> Iterator[str]:
    writes = sum(row.writes for row in view.prefixes if row.is_prefix)
    if view.keys_by_writes and view.keys_by_writes[0].writes >= max(_HOT_LEAST, _HOT_SHARE * writes):
        key = view.keys_by_writes[0]
        yield (
            f"{format_share(key.writes, writes)} of all writes go to one key, {shorten(key.key, 40)}"
            f" ({format_count(key.writes)})."
        )


def _gaps(growth: Growth) -> Iterator[str]:
    if growth.gaps:
        gap = growth.gaps[0]
        yield (
            f"Nothing was written for {format_duration(gap.seconds)} from"
            f" {format_time_ms(gap.from_s * 1000)} on."
        )


def _selects(view: ContentsView, selects: int) -> Iterator[str]:
    if selects >= max(_SELECT_LEAST, _SELECT_SHARE * view.commands):
        yield (
            f"{format_count(selects)} of {format_count(view.commands)} commands are SELECT: clients take"
            " turns in several databases."
        )
