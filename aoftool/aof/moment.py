"""Moments of a log as people type them, in one grammar for every verb, and the places that they are.

    FILE:OFFSET             before the command at that byte of a file
    OFFSET                  of the one file that holds commands; commas and underscores may part its digits
    1763733600, @1763733600 Unix time, in seconds or in milliseconds
    2026-11-21T09:00        ISO 8601, in UTC unless it names a zone
    10m, 2h, 3d, yesterday  that long before the end of the log; yesterday is 1d
    14:46, 14:46:50         the last such time of day in the log, in UTC unless it names a zone: 14:46+02:00
    before:NAME, before:NAME:2  before the last command of a name, or before the second of them
    end                     the end of the log

A number of ten digits or more without separators is an offset where the file is that large, else a Unix
time. A time means the end of its second, as annotations count seconds. A command that stands in a
transaction stands for the transaction: before it is before the MULTI.
"""

from __future__ import annotations

import os
import re
from enum import Enum
from typing import TYPE_CHECKING

from aoftool.aof.model import LogKind, Place
from aoftool.aof.span import LogSpan, span_of
from aoftool.dataclass import dataclass
from aoftool.errors import UsageError
from aoftool.escape import shown_path, unprintable
from aoftool.next_step import instead, next_step
from aoftool.regex import regex
from aoftool.units import and_more, format_time_ms

if TYPE_CHECKING:
    from aoftool.aof.model import Log

__all__ = [
    "GRAMMAR",
    "Moment",
    "MomentKind",
    "Resolved",
    "is_number",
    "need_within",
    "parse_time_ms",
    "resolve",
]

GRAMMAR = (
    "[FILE:]OFFSET, a time in UTC by #TS (YYYY-MM-DD[THH:MM:SS], HH:MM[:SS], Unix time, 10m or yesterday"
    " before the end), before:NAME[:nth], or end"
)
"""The grammar in words, for help and errors."""

_RELATIVE = regex(r"-?([0-9]{1,9})(s|m|h|d|w)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_TIME_OF_DAY = regex(
    r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?(?:Z|([+-])([0-9]{2}):?([0-9]{2}))?", re.IGNORECASE
)
_BEFORE = regex(r"before:(.+?)(?::(-?[0-9]{1,9}))?", re.DOTALL)
_DATE = regex(r"[0-9]{4}-[0-9]{2}")
_UNIX = regex(r"@-?[0-9]{1,16}")
_NUMBER = regex(r"[0-9][0-9,_]{0,29}")
# Larger plain numbers are milliseconds: as seconds they would lie beyond the year 5138.
_LARGEST_SECONDS = 100_000_000_000
# Smaller numbers are offsets only: as times they lie before September 2001, and no annotation does.
_LEAST_UNIX = 1_000_000_000
# More digits than an offset or a time has; far fewer than the interpreter refuses to read.
_DIGITS = 16
_NAMES_SHOWN = 6


class MomentKind(Enum):
    """What a moment is told by."""

    END = "end"
    OFFSET = "offset"
    NUMBER = "offset or Unix time"
    TIME = "time"
    BACK = "time before the end"
    TIME_OF_DAY = "time of day"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of some log, as it was typed; `resolve` says where it is in one.

    Attributes:
        text: as it was typed.
        number: bytes of an offset, Unix milliseconds of a time, seconds before the end, seconds of the day,
            or which command of the name, from 1; 0 for the last.
        file: of an offset: a name, the end of one, or a path; empty for the one file with commands.
        name: of a command, in upper case.
    """

    kind: MomentKind
    text: str
    number: int = 0
    file: str = ""
    name: bytes = b""

    @classmethod
    def parse(cls, text: str) -> Moment:
        """Return what a text means, by the grammar of this module.

        Raises:
            UsageError: it means nothing.
        """
        stripped = text.strip()
        found = (
            _parse_word(stripped)
            or _parse_number(stripped)
            or _parse_clock(stripped)
            or _parse_file(stripped)
        )
        if found is None:
            raise UsageError(f"not a moment: {text!a}", hint=f"use {GRAMMAR}")
        return found

    @property
    def is_end(self) -> bool:
        """Tell whether it is the end of the log."""
        return self.kind is MomentKind.END


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where a moment is in a log: before the command at a place, at the end of a second, or at its end.

    Attributes:
        place: None for a time and for the end.
        time_ms: Unix milliseconds; None for a place and for the end.
        words: it in words, where the log made something of what was typed; else empty.
    """

    place: Place | None = None
    time_ms: int | None = None
    words: str = ""

    @property
    def time_s(self) -> int | None:
        """Return the Unix second that its time lies in, as annotations count."""
        return None if self.time_ms is None else self.time_ms // 1000


def is_number(text: str) -> bool:
    """Tell whether a text is a number in ASCII digits, no longer than offsets are."""
    return text.isascii() and text.isdecimal() and len(text) <= _DIGITS


def parse_time_ms(text: str) -> int:
    """Return Unix milliseconds for a Unix time (seconds or milliseconds) or an ISO 8601 time.

    A time without a zone is UTC.

    Raises:
        UsageError: it is neither.
    """
    stripped = text.strip().removeprefix("@")
    if re.fullmatch(r"-?[0-9]{1,16}", stripped):
        number = int(stripped)
        return number * 1000 if abs(number) < _LARGEST_SECONDS else number
    # Here, because few command lines name a time.
    from datetime import datetime, timezone

    try:
        moment = datetime.fromisoformat(stripped.replace("Z", "+00:00"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        hint = "use seconds or milliseconds since 1970, or YYYY-MM-DD[THH:MM:SS]"
        raise UsageError("not a point in time: " + ascii(text), hint=hint) from error


def _parse_word(text: str) -> Moment | None:
    if text == "end":
        return Moment(MomentKind.END, text)
    if text == "yesterday":
        return Moment(MomentKind.BACK, text, _SECONDS["d"])
    command = _BEFORE.fullmatch(text)
    if command is None:
        return None
    if command[2] and int(command[2]) < 1:
        raise UsageError(
            f"not a moment: {text!a}; commands of a name are counted from 1",
            hint=f"use before:{command[1]}:1 for the first, before:{command[1]} for the last",
        )
    return Moment(MomentKind.COMMAND, text, int(command[2] or 0), name=unprintable(command[1]).upper())


def _parse_number(text: str) -> Moment | None:
    if _UNIX.fullmatch(text):
        return Moment(MomentKind.TIME, text, parse_time_ms(text))
    if not _NUMBER.fullmatch(text):
        return None
    digits = text.replace(",", "").replace("_", "")
    if not is_number(digits):
        return None
    both = digits == text and int(digits) >= _LEAST_UNIX
    return Moment(MomentKind.NUMBER if both else MomentKind.OFFSET, text, int(digits))


def _parse_clock(text: str) -> Moment | None:
    back = _RELATIVE.fullmatch(text)
    if back is not None:
        return Moment(MomentKind.BACK, text, int(back[1]) * _SECONDS[back[2]])
    parts = _TIME_OF_DAY.fullmatch(text)
    if parts is not None:
        return Moment(MomentKind.TIME_OF_DAY, text, _second_of_day(text, parts))
    if _DATE.match(text):
        try:
            return Moment(MomentKind.TIME, text, parse_time_ms(text))
        except UsageError:
            # A file may be named like a date.
            return None
    return None


def _second_of_day(text: str, parts: re.Match[str]) -> int:
    """Return which second of the day in UTC a time of day is; that of a zone may be of the day before."""
    hour, minute, second = (int(part or 0) for part in parts.group(1, 2, 3))
    ahead_h, ahead_min = (int(part or 0) for part in parts.group(5, 6))
    if hour > 23 or minute > 59 or second > 59 or ahead_h > 23 or ahead_min > 59:
        raise UsageError(f"not a point in time: {text!a}", hint="use HH:MM:SS, or 10m")
    ahead_s = (ahead_h * 3600 + ahead_min * 60) * (-1 if parts[4] == "-" else 1)
    return (hour * 3600 + minute * 60 + second - ahead_s) % _SECONDS["d"]


def _parse_file(text: str) -> Moment | None:
    file, _, number = text.rpartition(":")
    digits = number.replace(",", "").replace("_", "")
    if not file or not is_number(digits):
        return None
    return Moment(MomentKind.OFFSET, text, int(digits), file=file)


def resolve(moment: Moment, log: Log, *, as_state: bool = False) -> Resolved:
    """Return where a moment is in a log.

    Reads the edges of the log for times, and the whole of it for a command.

    Args:
        as_state: it is the data then that are asked for, so that a time outside of the log is refused.

    Raises:
        UsageError: it lies outside of the log, or names no file or no command of it.
        InputError: the log has no files.
        SourceError, RdbError: as for `streams_of`.
    """
    if moment.kind is MomentKind.END:
        return Resolved() if as_state else Resolved(_end_of(log))
    if moment.kind is MomentKind.OFFSET:
        return Resolved(_place_of_offset(moment, log))
    if moment.kind is MomentKind.COMMAND:
        return Resolved(_place_in_log(moment, log))
    if moment.kind is MomentKind.NUMBER:
        place = _place_of_number(moment, log)
        if place is not None:
            return Resolved(place)
    return _time_in_log(moment, log, as_state)


def _time_in_log(moment: Moment, log: Log, as_state: bool) -> Resolved:
    relative = moment.kind in (MomentKind.BACK, MomentKind.TIME_OF_DAY)
    span = span_of(log) if relative or as_state else None
    if relative and span is None:
        hint = "give a date too, such as 2026-11-21T14:46:50"
        raise UsageError(f"{moment.text}: nobody knows yet when standard input ends", hint=hint)
    if relative and span is not None:
        time_ms = _absolute_s(moment, span) * 1000
        words = f"{moment.text} is {format_time_ms(time_ms)}; {span.words}"
    else:
        time_ms, words = (moment.number, "")
        if moment.kind is MomentKind.NUMBER:
            time_ms = parse_time_ms(moment.text)
    if as_state and span is not None and not span.holds(time_ms // 1000):
        raise UsageError(
            f"{moment.text} lies outside of the log: {span.words}",
            hint="name a moment in it, or end for its last",
        )
    return Resolved(time_ms=time_ms, words=words)


def _absolute_s(moment: Moment, span: LogSpan) -> int:
    if moment.kind is MomentKind.BACK:
        return span.last_s - moment.number
    from datetime import datetime, timedelta, timezone

    try:
        end = datetime.fromtimestamp(span.last_s, timezone.utc)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{moment.text}: {span.words}, and a time of day needs a date there") from error
    found = end.replace(hour=0, minute=0, second=0) + timedelta(seconds=moment.number)
    return int(found.timestamp()) - (86400 if found > end else 0)


def _end_of(log: Log) -> Place | None:
    """Return the place behind everything; None where nobody knows it before all is read."""
    if log.kind is LogKind.STDIN or not log.files:
        return None
    last = len(log.files) - 1
    size = _size_of(log, last)
    return None if size is None else Place(last, size)


def _place_of_number(moment: Moment, log: Log) -> Place | None:
    """Return the place, where one file could be meant that is so large; else the number is a time."""
    numbers = _with_commands(log)
    if len(numbers) != 1 or log.kind is LogKind.STDIN:
        return None
    size = _size_of(log, numbers[0])
    return None if size is None or moment.number > size else Place(numbers[0], moment.number)


def _place_of_offset(moment: Moment, log: Log) -> Place:
    from aoftool.aof.log import need_files

    need_files(log)
    number = _file_number(moment, log)
    if log.kind is not LogKind.STDIN:
        size = _size_of(log, number)
        if size is not None:
            need_within(moment.number, size, _names(log)[number], log.path)
    return Place(number, moment.number)


def need_within(offset: int, size_bytes: int, name: str, path: str) -> None:
    """Refuse an offset behind the end of its file.

    Args:
        name: of the file.
        path: of the log, for what to type next.

    Raises:
        UsageError: it lies there.
    """
    if offset > size_bytes:
        raise UsageError(
            f"{shown_path(name)} ends at {size_bytes:,}, and offset {offset:,} lies behind that",
            hint=next_step("log", path, "--tail 20"),
        )


def _size_of(log: Log, number: int) -> int | None:
    """Return the size of a file as it is read; of what is compressed nobody knows it yet."""
    from aoftool.aof.log import open_log_file

    with open_log_file(log.files[number]) as source:
        return source.size_bytes


def _names(log: Log) -> list[str]:
    return [os.fsdecode(file.name or os.fsencode(os.path.basename(file.path))) for file in log.files]


def _with_commands(log: Log) -> list[int]:
    """Return the numbers of the files that an offset alone may mean."""
    found = [number for number, own in enumerate(_names(log)) if not own.endswith(".rdb")]
    return found or ([0] if log.files else [])


def _file_number(moment: Moment, log: Log) -> int:
    """Return which file an offset is in; the one with commands where no name says it.

    Raises:
        UsageError: none, or several.
    """
    name, offset = moment.file, moment.number
    names = _names(log)
    if name:
        found = [
            number
            for number, own in enumerate(names)
            if own.endswith(name) or os.path.basename(name) == own or log.files[number].path == name
        ]
        exact = [number for number in found if names[number] == os.path.basename(name)]
        found = exact if len(exact) == 1 else found
    else:
        found = _with_commands(log)
    if len(found) == 1:
        return found[0]
    shown = ", ".join(shown_path(own) for own in names[:_NAMES_SHOWN])
    more = and_more(len(names) - _NAMES_SHOWN)
    what = "several files could be meant" if found else f"the log has no file {name!a}"
    meant = found or _with_commands(log) or [0]
    # Standard input is for those who read it.
    sized = [] if log.kind is LogKind.STDIN else meant
    large = [number for number in sized if offset <= (_size_of(log, number) or 0)]
    places = [f"{names[number]}:{offset}" for number in large or meant]
    raise UsageError(f"{what}; it has {shown}{more}", hint=instead(moment.text, places))


def _place_in_log(moment: Moment, log: Log) -> Place:
    if log.kind is LogKind.STDIN:
        raise UsageError("standard input can be read only once", hint=f"save it to a file for {moment.text}")
    from aoftool.aof.moment_places import place_of_command, streams_of

    return place_of_command(streams_of(log), moment.name, moment.number or None, log.path)
