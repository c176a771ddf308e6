"""The log of a server: `pid:role day time level message`, as logfmt, or behind the prefix of a journal.

Source: src/server.c serverLogRaw (`log-format`, `log-timestamp-format` since Valkey 8.1). Months are
English whatever the locale, as servers set only the collation.
"""

from __future__ import annotations

import calendar
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from aoftool.captures.lines import Text
from aoftool.captures.model import LogEntry
from aoftool.dataclass import replace
from aoftool.regex import regex

__all__ = ["LEGACY", "LOGFMT", "read_log", "seconds_of_day"]

_MONTHS = {name: number for number, name in enumerate(calendar.month_abbr) if name}
# Processes write at once, each with its own reading of the clock.
_EARLY_S = 0.02
_CLOCK = r"(?P<clock>\d{2}:\d{2}:\d{2}(?:[.,]\d{1,6})?)"
LEGACY = regex(
    r"(?P<pid>\d{1,10}):(?P<role>[MCSX]) "
    rf"(?:(?P<day>\d{{1,2}}) (?P<month>[A-Z][a-z]{{2}}) (?P<year>\d{{4}}) {_CLOCK}"
    r"|(?P<iso>\d{4}-\d{2}-\d{2}T\S{1,40})|(?P<ms>\d{13}))"
    r" (?P<level>[.\-*#]) (?P<message>.*)"
)
LOGFMT = regex(
    r'pid=(?P<pid>\d{1,10}) role=(?P<role>\S{1,20}) timestamp="(?P<when>[^"]{1,60})"'
    r' level=(?P<level>\S{1,20}) message="(?P<message>.*)"?'
)
_ISO = regex(r"(\d{4})-(\d{2})-(\d{2})T(\d{2}:\d{2}:\d{2}(?:[.,]\d{1,6})?)")
_DATED = regex(r"(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}:\d{2}:\d{2}(?:[.,]\d{1,6})?)")
_ROLES = {"sentinel": "X", "RDB/AOF": "C", "replica": "S", "primary": "M", "master": "M"}
_LEVELS = {"debug": ".", "info": "-", "notice": "*", "warning": "#"}


def read_log(text: Text) -> tuple[LogEntry, ...]:
    """Return the lines that are log lines; reports of crashes and watchdogs between them have none.

    A line whose time does not fit between its neighbours' has none: a clock that was set back, or damage.
    """
    entries = list(_entries(text))
    kept = _in_order([entry.at_s for entry in entries])
    return tuple(entry if index in kept else replace(entry, at_s=None) for index, entry in enumerate(entries))


def _in_order(times: Sequence[float | None]) -> set[int]:
    """Return the positions of the longest run of times that do not fall."""
    tails: list[float] = []
    positions: list[int] = []
    before: list[int] = [-1] * len(times)
    for index, time in enumerate(times):
        if time is None:
            continue
        at = bisect_right(tails, time + _EARLY_S)
        before[index] = positions[at - 1] if at else -1
        if at == len(tails):
            tails.append(time)
            positions.append(index)
        else:
            tails[at], positions[at] = time, index
    kept = set()
    index = positions[-1] if positions else -1
    while index >= 0:
        kept.add(index)
        index = before[index]
    return kept


def _entries(text: Text) -> Iterator[LogEntry]:
    for index, line in enumerate(text.lines):
        if match := LEGACY.search(line):
            yield LogEntry(
                int(match["pid"]),
                match["role"],
                _moment(match),
                match["level"],
                match["message"].rstrip(),
                text.where(index),
                index,
            )
        elif match := LOGFMT.search(line):
            yield LogEntry(
                int(match["pid"]),
                _ROLES.get(match["role"], ""),
                _any_moment(match["when"]),
                _LEVELS.get(match["level"], "*"),
                match["message"].removesuffix('"'),
                text.where(index),
                index,
            )


def _moment(match: re.Match[str]) -> float | None:
    if match["ms"]:
        return int(match["ms"]) / 1000
    if match["iso"]:
        return _any_moment(match["iso"])
    return _date(int(match["year"]), _MONTHS.get(match["month"], 0), int(match["day"]), match["clock"])


def _any_moment(text: str) -> float | None:
    if re.fullmatch(r"\d{13}", text):
        return int(text) / 1000
    if match := _ISO.match(text):
        return _date(int(match[1]), int(match[2]), int(match[3]), match[4])
    if match := _DATED.match(text):
        return _date(int(match[3]), _MONTHS.get(match[2], 0), int(match[1]), match[4])
    return None


def _date(year: int, month: int, day: int, clock: str) -> float | None:
    seconds = seconds_of_day(clock)
    if seconds is None or not (1 <= month <= 12 and 1 <= day <= 31 and 1970 <= year <= 9998):
        return None
    return calendar.timegm((year, month, min(day, calendar.monthrange(year, month)[1]), 0, 0, 0)) + seconds


def seconds_of_day(clock: str) -> float | None:
    """Return `15:22:57.693656` in seconds; None where it is no time of a day."""
    hours, minutes, seconds = clock.split(":")
    total = int(hours) * 3600 + int(minutes) * 60 + float(seconds.replace(",", "."))
    return total if int(hours) < 24 and int(minutes) < 60 and total < 86_400 else None
