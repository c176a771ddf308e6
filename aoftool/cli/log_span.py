"""What time a log covers, and times that are told from there: `10m` before its end, or a time of day."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from aoftool.cli.times import parse_time_ms
from aoftool.errors import UsageError
from aoftool.units import format_time_ms

if TYPE_CHECKING:
    from aoftool.aof.model import Log, LogFile

__all__ = ["LogSpan", "absolute_time", "is_time_of_log", "refuse_outside", "span_of"]

_RELATIVE = re.compile(r"-?([0-9]{1,9})(s|m|h|d)")
_TIME_OF_DAY = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?Z?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# An annotation with a command or another one behind it, or the end.
_ANNOTATION = re.compile(rb"(?:^|\r\n)#TS:([0-9]{1,11})\r\n(?=[*#]|\Z)")
_WINDOW = 1 << 20
_MOST = 64 << 20


@dataclass(frozen=True, slots=True)
class LogSpan:
    """The time a log covers, Unix seconds.

    Attributes:
        first_s: its first `#TS`; None when none is near its beginning.
        last_s: its last `#TS`, or the last write to its last file.
        exact: they are annotations.
    """

    first_s: int | None
    last_s: int
    exact: bool

    @property
    def words(self) -> str:
        """Return it in words."""
        last = format_time_ms(self.last_s * 1000)
        if not self.exact:
            return f"the log has no #TS; it was last written at {last}"
        first = "" if self.first_s is None else f"{format_time_ms(self.first_s * 1000)} to "
        return f"the log covers {first or 'times up to '}{last}"


def span_of(log: Log) -> LogSpan | None:
    """Return what time a log covers; reads its beginning and its end. None for standard input.

    The last time comes from at most 64 MiB at the end, without which the files are asked.
    """
    import os

    from aoftool.aof.model import LogKind

    if log.kind is LogKind.STDIN:
        return None
    files = [file for file in log.files if file.exists]
    last = next((found for file in reversed(files) if (found := _edge(file, at_end=True)) is not None), None)
    if last is None:
        written = [int(os.stat(file.path).st_mtime) for file in files]
        return LogSpan(None, max(written), exact=False) if written else None
    first = next((found for file in files if (found := _edge(file, at_end=False)) is not None), None)
    return LogSpan(first, last, exact=True)


def _edge(file: LogFile, *, at_end: bool) -> int | None:
    """Return the first or the last time that annotations of a file tell; None without one near that edge."""
    from aoftool.aof.log import open_log_file

    with open_log_file(file) as source:
        size = source.size_bytes
        if not source.seekable or size is None:
            return None
        window = _WINDOW
        while True:
            start = max(size - window, 0) if at_end else 0
            found = _ANNOTATION.findall(source.read_at(start, min(window, size)))
            if found:
                return int(found[-1 if at_end else 0])
            if window >= min(size, _MOST):
                return None
            window *= 8


def is_time_of_log(text: str) -> bool:
    """Tell whether a text is a time that only the log makes one of: `10m`, `-10m`, `14:46`, `14:46:50`."""
    return bool(_RELATIVE.fullmatch(text.strip()) or _TIME_OF_DAY.fullmatch(text.strip()))


def absolute_time(text: str | None, log: Log, option: str) -> str | None:
    """Return a time that stands by itself, in UTC; a word on stderr tells what was made of it.

    `10m` and `-10m` are so long before the end of the log; a time of day is the last such moment in it.

    Raises:
        UsageError: standard input has no end yet, or the time of day is none.
    """
    if text is None or not is_time_of_log(text):
        return text
    span = span_of(log)
    if span is None:
        hint = "give a date too, such as 2026-11-21T14:46:50"
        raise UsageError(f"{option} {text}: nobody knows yet when standard input ends", hint=hint)
    end = datetime.fromtimestamp(span.last_s, timezone.utc)
    relative = _RELATIVE.fullmatch(text.strip())
    try:
        if relative is not None:
            moment = end - timedelta(seconds=int(relative[1]) * _SECONDS[relative[2]])
        else:
            moment = _time_of_day(text.strip(), end)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{option}: not a point in time: {text!a}", hint="use HH:MM:SS, or 10m") from error
    shown = format_time_ms(int(moment.timestamp()) * 1000)
    print(f"aoftool: {option} {text} is {shown}; {span.words}", file=sys.stderr)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _time_of_day(text: str, end: datetime) -> datetime:
    parts = _TIME_OF_DAY.fullmatch(text)
    assert parts is not None
    hour, minute, second = (int(part or 0) for part in parts.groups())
    moment = end.replace(hour=hour, minute=minute, second=second)
    return moment if moment <= end else moment - timedelta(days=1)


def refuse_outside(log: Log, since: str | None, until: str | None) -> None:
    """Refuse a stretch of time in which the log has nothing; for those who found nothing.

    Raises:
        UsageError: it lies outside of what the log covers.
    """
    span = span_of(log) if since is not None or until is not None else None
    if span is None:
        return
    late = since is not None and parse_time_ms(since) // 1000 > span.last_s
    early = until is not None and span.first_s is not None and parse_time_ms(until) // 1000 < span.first_s
    if late or early:
        option, text = ("--since", since) if late else ("--until", until)
        raise UsageError(f"{span.words}: nothing lies {'behind' if late else 'before'} {option} {text}")
