"""What time a log covers, by its annotations or else by its files."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aoftool.dataclass import dataclass
from aoftool.files.remote.names import is_remote
from aoftool.files.times import modified_ns
from aoftool.regex import regex
from aoftool.units import format_time_ms

if TYPE_CHECKING:
    from aoftool.aof.model import Log, LogFile

__all__ = ["LogSpan", "last_annotation_s", "span_of"]

# An annotation at the start of a line, with a command or another one behind it, or the end. It begins with
# its literal, which is looked for thirty times as fast as the start of a line.
_ANNOTATION = regex(rb"#TS:(?:(?<=\r\n#TS:)|(?<=\A#TS:))([0-9]{1,11})\r\n(?=[*#]|\Z)")
_WINDOW = 1 << 20
_MOST = 64 << 20


@dataclass(frozen=True, slots=True)
class LogSpan:
    """The time a log covers, Unix seconds.

    Attributes:
        first_s: its first `#TS`; None when none is near its beginning.
        last_s: its last `#TS`, or the last write to its last file.
        exact: they are annotations.
        written_s: the last write to one of its files.
    """

    first_s: int | None
    last_s: int
    exact: bool
    written_s: int = 0

    @property
    def words(self) -> str:
        """Return it in words."""
        last = format_time_ms(self.last_s * 1000)
        if not self.exact:
            return f"the log has no #TS; it was last written at {last}"
        first = "" if self.first_s is None else f"{format_time_ms(self.first_s * 1000)} to "
        return f"the log covers {first or 'times up to '}{last}"

    def holds(self, time_s: int) -> bool:
        """Tell whether the data at a time can be in the log: between its first `#TS` and its last write."""
        begun = self.first_s is None or time_s >= self.first_s
        return not self.exact or (begun and time_s <= max(self.last_s, self.written_s))


def span_of(log: Log) -> LogSpan | None:
    """Return what time a log covers; reads its beginning and its end. None for standard input.

    The last time comes from at most 64 MiB at the end, without which the files are asked.
    """
    from aoftool.aof.model import LogKind

    if log.kind is LogKind.STDIN:
        return None
    files = [file for file in log.files if file.exists]
    if not files:
        return None
    written = max(map(_written_s, files))
    last = next((found for file in reversed(files) if (found := _edge(file, at_end=True)) is not None), None)
    if last is None:
        return LogSpan(None, written, exact=False, written_s=written)
    first = next((found for file in files if (found := _edge(file, at_end=False)) is not None), None)
    return LogSpan(first, last, exact=True, written_s=written)


def last_annotation_s(file: LogFile) -> int | None:
    """Return the last time that annotations of a file tell; None without one in its last 64 MiB."""
    return _edge(file, at_end=True)


def _written_s(file: LogFile) -> int:
    try:
        return modified_ns(file.path) // 1_000_000_000
    except OSError:
        if not is_remote(file.path):
            raise
        return int(time.time())  # not every store says; nothing in it is later than now


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
