"""Windows over a source: pieces of bounded size, where what was not used comes again.

The source ends up exactly behind the last byte used, also when it cannot seek, so whatever follows an
RDB part can be read from the same source.
"""

from __future__ import annotations

from aoftool.errors import SourceError
from aoftool.files import Source

__all__ = ["WINDOW_BYTES", "Feed", "go_to"]

# Large enough that the cost of a call vanishes, small enough for the second-level cache.
WINDOW_BYTES = 256 * 1024


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
