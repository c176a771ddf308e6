"""The daily or weekly pattern of a log: its hours laid upon one day, or its days upon one week.

Takes exact times only. Rates are over the hours that the log covers, those at its ends counted by the part
that it covers of them.
"""

from __future__ import annotations

from datetime import datetime, timezone

from aoftool.analysis.clock.model import Axis
from aoftool.analysis.growth.model import Growth
from aoftool.analysis.habits.model import Column, HabitTable, Unit
from aoftool.units import format_duration, format_share

__all__ = ["FOLDS", "folded"]

FOLDS = {"day": 3600, "week": 86400}
"""Seconds of a step, by what is folded."""

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_COLUMNS = [
    Column("step", "UTC", Unit.NAME),
    Column("covered_s", "covered", Unit.SECONDS),
    Column("commands", "commands", Unit.COUNT),
    Column("size_bytes", "bytes", Unit.BYTES),
    Column("bytes_per_s", "bytes/s", Unit.RATE),
    Column("of_peak", "of the peak", Unit.SHARE),
]


def folded(growth: Growth, fold: str, first_s: int, last_s: int) -> HabitTable | None:
    """Return the pattern; None where the log tells no times.

    Args:
        growth: in steps of `FOLDS[fold]` seconds.
        first_s, last_s: Unix seconds of the first and the last `#TS`.
    """
    if growth.axis is not Axis.TIME or growth.width != FOLDS[fold]:
        return None
    count = 24 if fold == "day" else 7
    commands, sizes, covered = [0] * count, [0] * count, [0] * count
    for bucket in growth.buckets:
        moment = datetime.fromtimestamp(bucket.start, timezone.utc)
        step = moment.hour if fold == "day" else moment.weekday()
        commands[step] += bucket.commands
        sizes[step] += bucket.size_bytes
        covered[step] += max(min(bucket.end, last_s + 1) - max(bucket.start, first_s), 0)
    rates = [size / seconds if seconds else 0.0 for size, seconds in zip(sizes, covered, strict=True)]
    known = [step for step in range(count) if covered[step]]
    peak = max(known, key=lambda step: rates[step])
    out = HabitTable(f"fold-{fold}", list(_COLUMNS))
    for step in known:
        share = rates[step] / rates[peak] if rates[peak] else 0.0
        name = _name(fold, step)
        out.rows.append([name.encode(), covered[step], commands[step], sizes[step], rates[step], share])
    trough = min(known, key=lambda step: rates[step])
    of_peak = format_share(round(1e6 * rates[trough]), round(1e6 * rates[peak]))
    out.facts.append(("covers", format_duration(last_s - first_s + 1)))
    out.facts.append(
        ("trough", f"{_name(fold, trough)}, {of_peak} of the peak: a time for rewrites and backups")
    )
    out.facts.append(("peak", _name(fold, peak)))
    if last_s - first_s + 1 < 2 * (86400 if fold == "day" else 7 * 86400):
        out.notes.append(f"less than two {fold}s: what comes back cannot be told from what came once")
    return out


def _name(fold: str, step: int) -> str:
    return f"{step:02}:00 to {(step + 1) % 24:02}:00" if fold == "day" else _DAYS[step]
