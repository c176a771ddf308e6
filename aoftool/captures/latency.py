"""LATENCY LATEST and LATENCY HISTORY, raw, numbered or JSON.

LATEST has 4 columns up to Redis 8.0 (name, time, latest, max), 6 since Valkey 8.1 (and sum, count).
"""

from __future__ import annotations

from collections.abc import Sequence

from aoftool.captures.lines import Text
from aoftool.captures.model import LatencyEvent, LatencySample
from aoftool.captures.numbers import integer
from aoftool.captures.replies import items_of
from aoftool.regex import regex

__all__ = ["EVENT", "MOMENT", "read_history", "read_latest"]

# Source: src/latency.c and all calls of latencyAddSampleIfNeeded.
EVENT = regex(
    r"command|fast-command|command-unblocking|fork|aof-[a-z-]{3,40}|rdb-[a-z-]{3,40}|expire-[a-z-]{3,20}"
    r"|eviction-[a-z-]{3,20}|active-defrag-cycle|while-blocked-cron|module-[A-Za-z-]{3,20}|cluster-[a-z-]{3,40}"
)
MOMENT = regex(r"[12]\d{9}")
# No stall that a server outlives is longer; a figure beyond is a damaged one.
_MAX_MS = 7 * 86_400_000


def read_latest(text: Text) -> tuple[LatencyEvent, ...]:
    """Return the rows that are whole."""
    found = []
    for values, where in _rows(text):
        numbers = [integer(value) for value in values[1:]]
        if len(numbers) >= 3 and None not in numbers:
            event = _event(values[0], [number for number in numbers if number is not None], where)
            if event is not None:
                found.append(event)
    return tuple(found)


def _event(name: str, numbers: Sequence[int], where: str) -> LatencyEvent | None:
    at_s, latest, worst = numbers[:3]
    has_sums = len(numbers) >= 5
    if MOMENT.fullmatch(str(at_s)) is None or not 0 <= latest <= worst <= _MAX_MS:
        return None
    return LatencyEvent(
        name, at_s, latest, worst, numbers[3] if has_sums else None, numbers[4] if has_sums else None, where
    )


def _rows(text: Text) -> list[tuple[list[str], str]]:
    items = items_of(text)
    if items is not None:
        return [(list(item.flat), item.where) for item in items if item.flat]
    rows: list[tuple[list[str], str]] = []
    for index, line in enumerate(text.whole_lines):
        if EVENT.fullmatch(line.strip()):
            rows.append(([line.strip()], text.where(index)))
        elif rows:
            rows[-1][0].append(line.strip())
    return rows


def read_history(text: Text, event: str) -> tuple[LatencySample, ...]:
    """Return the samples of one event; the reply does not name it, the name of the file does."""
    items = items_of(text)
    if items is not None:
        values = [(value, item.where) for item in items for value in item.flat]
    else:
        values = [(line.strip(), text.where(index)) for index, line in enumerate(text.whole_lines)]
    found = []
    for (moment, where), (length, _) in zip(values[::2], values[1::2], strict=False):
        ms = integer(length)
        if MOMENT.fullmatch(moment) and ms is not None and 0 <= ms <= _MAX_MS:
            found.append(LatencySample(event, int(moment), ms, where))
    return tuple(found)
