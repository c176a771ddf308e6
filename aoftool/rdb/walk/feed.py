"""Windows over a source: pieces of bounded size, where what was not used comes again.

The source ends up exactly behind the last byte used, also when it cannot seek, so whatever follows an
RDB part can be read from the same source.
"""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.errors import SourceError
from aoftool.files import Source
from aoftool.files.threads.ahead import MARGIN_BYTES, ReadAhead

__all__ = ["WINDOW_BYTES", "AheadFeed", "Feed", "go_to"]

# Large enough that the cost of a call vanishes, small enough for the second-level cache.
WINDOW_BYTES = 256 * 1024

# A thread is started for inputs that have so many windows; it reads larger ones, for each is handed over.
_WINDOWS_BEFORE = 64
_AHEAD_BYTES = 512 * 1024


def go_to(source: Source, offset: int) -> None:
    """Bring the source to an absolute offset.

    Raises:
        SourceError: the source cannot go back.
    """
    if source.seekable:
        source.seek(offset)
    elif offset < source.tell():
        raise SourceError(f"{source.name} cannot be read again from an earlier place")
    else:
        source.skip(offset - source.tell())


class Feed:
    """Hand out windows of a source that start at the first unused byte.

    Args:
        source: read from where it stands.
        window_bytes: size of a window at most.
    """

    def __init__(self, source: Source, window_bytes: int = WINDOW_BYTES) -> None:
        self._source = source
        self._size = window_bytes
        self._buffer = memoryview(bytearray(window_bytes)) if source.seekable else None
        self._given = 0

    def window(self, used: int = 0) -> memoryview:
        """Return the next window, after `used` bytes of the last one.

        The old window must not be looked at any more. The new one starts with the bytes that were
        not used; it is empty, or no longer than them, only when the input ends there.
        """
        self.finish(used)
        if self._buffer is None:
            view = memoryview(self._source.peek(self._size))
        else:
            view = self._buffer[: self._source.read_into(self._buffer)]
        self._given = len(view)
        return view

    def finish(self, used: int) -> None:
        """Leave the source behind `used` bytes of the last window."""
        if self._buffer is None:
            if used:
                self._source.skip(used)
        elif used != self._given:
            self._source.seek(self._source.tell() - (self._given - used))
        self._given = 0

    def stop(self) -> None:
        """Read no more; wherever the source stands."""


class AheadFeed(Feed):
    """Read the next window while one is looked at, once there were many.

    Between the first window and `finish`, or `stop`, nobody else may move the source. It may be read at an
    offset.

    Args:
        source: a plain file.
    """

    def __init__(self, source: Source, window_bytes: int = WINDOW_BYTES) -> None:
        super().__init__(source, window_bytes)
        self._windows = 0
        self._ahead: ReadAhead | None = None
        self._pieces: Iterator[tuple[bytearray, int]] = iter(())
        self._view = memoryview(b"")
        self._at = 0

    def window(self, used: int = 0) -> memoryview:
        """Return the next window, after `used` bytes of the last one."""
        rest = bytes(self._view[used:])
        if self._ahead is None or len(rest) > MARGIN_BYTES:
            self.finish(used)
            self._windows += 1
            if self._windows <= _WINDOWS_BEFORE or len(rest) > MARGIN_BYTES:
                return super().window()
            rest = b""
            self._start()
        else:
            self._at += used
        # The buffer of the old window is filled anew from here on.
        buffer, count = next(self._pieces, (bytearray(MARGIN_BYTES), 0))
        start = MARGIN_BYTES - len(rest)
        buffer[start:MARGIN_BYTES] = rest
        self._view = memoryview(buffer)[start : MARGIN_BYTES + count]
        return self._view

    def _start(self) -> None:
        self._at = self._source.tell()
        self._ahead = ReadAhead(self._source, _AHEAD_BYTES, None)
        self._ahead.__enter__()
        self._pieces = iter(self._ahead)

    def finish(self, used: int) -> None:
        """Leave the source behind `used` bytes of the last window."""
        if self._ahead is None:
            super().finish(used)
            return
        self.stop()
        self._source.seek(self._at + used)

    def stop(self) -> None:
        """Read no more; wherever the source stands."""
        ahead, self._ahead = self._ahead, None
        self._view = memoryview(b"")
        if ahead is not None:
            ahead.__exit__()
