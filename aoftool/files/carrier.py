"""Stored bytes, front to back: a regular file or a stream, before any decompression.

A carrier knows nothing of formats. It raises OSError as the system does, and `ShrunkError` where a file
ends before its size at open; `aoftool.files.source` makes of both what the rest of the program sees.
"""

from __future__ import annotations

import os
import stat
from typing import Protocol

from aoftool.errors import SourceError
from aoftool.escape import shown_path
from aoftool.files.failures import PlacedError, ShrunkError, cannot_open
from aoftool.files.syscalls import READS

__all__ = ["Carrier", "FileCarrier", "RangedCarrier", "ReadsInto", "StreamCarrier", "open_file_carrier"]

DROP_BYTES = 256 * 1024

_SPECIAL = (
    (stat.S_ISDIR, "a directory", "name a file in it"),
    (stat.S_ISFIFO, "a FIFO", "read it through standard input: aoftool ... - < FIFO"),
    (stat.S_ISSOCK, "a socket", None),
    (stat.S_ISCHR, "a character device", "copy it to a file, or read it through standard input"),
    (stat.S_ISBLK, "a block device", "copy it to a file, or read it through standard input"),
)


class Carrier(Protocol):
    """Bytes that are read once, front to back."""

    @property
    def offset(self) -> int:
        """Stored bytes consumed so far."""

    def read_into(self, view: memoryview) -> int:
        """Fill the front of `view`; 0 means the end."""

    def read(self, limit: int) -> bytes:
        """Return at most `limit` bytes; empty means the end."""

    def peek(self, count: int) -> bytes:
        """Return up to `count` next bytes without consuming them; fewer only at the end."""

    def skip(self, count: int) -> int:
        """Step over up to `count` bytes and return how many there were."""

    def close(self) -> None:
        """Let go of the input."""


class RangedCarrier(Carrier, Protocol):
    """Bytes of known number that can be had at any offset, and by several readers."""

    offset: int
    size_bytes: int

    def read_at(self, offset: int, length: int) -> bytes:
        """Return a range, cut to the size at open; the place does not move."""

    def duplicate(self) -> RangedCarrier:
        """Return another reader of the same bytes, at their start."""


class FileCarrier:
    """Read a regular file through a descriptor that this object owns.

    The place is kept here and not in the kernel, so duplicates of one descriptor do not disturb each
    other. Nothing past `size_bytes`, the size at open, is handed out: a log that a server appends to
    is read as it was, and reading ends. Nothing before it is left out: a file that shrank is an error.

    Args:
        descriptor: open for reading; closed by `close`.
        size_bytes: where reading stops.
    """

    def __init__(self, descriptor: int, size_bytes: int) -> None:
        self.descriptor = descriptor
        self.size_bytes = size_bytes
        self.offset = 0

    def read_into(self, view: memoryview) -> int:
        """Fill the front of `view`; 0 means the end, or no room in it."""
        room = self.size_bytes - self.offset
        if room <= 0 or not len(view):
            return 0
        if room < len(view):
            view = view[:room]
        count = READS.read_into(self.descriptor, view, self.offset)
        if not count:
            raise ShrunkError(self.offset, self.size_bytes)
        self.offset += count
        return count

    def read(self, limit: int) -> bytes:
        """Return at most `limit` bytes; empty means the end."""
        piece = self.read_at(self.offset, limit)
        self.offset += len(piece)
        return piece

    def peek(self, count: int) -> bytes:
        """Return up to `count` next bytes without consuming them."""
        return self.read_at(self.offset, count)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return a range, cut to the size at open; the place does not move."""
        # Bounded by what the file can hold, not by what the caller (or a damaged length) asks for.
        length = min(length, self.size_bytes - offset)
        if length <= 0 or offset < 0:
            return b""
        pieces: list[bytes] = []
        got = 0
        # One call gives at most 2 GiB, and less where a signal or a bad sector cuts it short.
        while got < length:
            try:
                piece = READS.read_at(self.descriptor, length - got, offset + got)
            except OSError as error:
                raise PlacedError(error, offset + got) from error
            if not piece:
                raise ShrunkError(offset + got, self.size_bytes)
            if len(piece) == length:
                return piece
            pieces.append(piece)
            got += len(piece)
        return b"".join(pieces)

    def skip(self, count: int) -> int:
        """Step over up to `count` bytes, never past the end."""
        count = max(0, min(count, self.size_bytes - self.offset))
        now = os.fstat(self.descriptor).st_size
        if self.offset + count > now:
            raise ShrunkError(max(self.offset, now), self.size_bytes)
        self.offset += count
        return count

    def duplicate(self) -> FileCarrier:
        """Return another reader of the same open file, at its start."""
        return FileCarrier(os.dup(self.descriptor), self.size_bytes)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)


class ReadsInto(Protocol):
    """What is read front to back."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the front of `buffer` and return how many bytes came; 0 or None means the end."""


class StreamCarrier:
    """Read a stream that cannot seek, such as standard input. The stream is not closed."""

    def __init__(self, stream: ReadsInto) -> None:
        self._stream = stream
        self._held = b""
        self.offset = 0
        self._scratch: memoryview | None = None

    def _fill(self, view: memoryview) -> int:
        # readinto1 gives what one system call has, so a slow pipe is handled as it arrives.
        reader = getattr(self._stream, "readinto1", None) or self._stream.readinto
        return reader(view) or 0

    def read_into(self, view: memoryview) -> int:
        """Fill the front of `view`; 0 means the end."""
        if self._held:
            count = min(len(view), len(self._held))
            view[:count] = self._held[:count]
            self._held = self._held[count:]
        else:
            count = self._fill(view) if len(view) else 0
        self.offset += count
        return count

    def read(self, limit: int) -> bytes:
        """Return at most `limit` bytes; empty means the end."""
        buffer = bytearray(min(limit, DROP_BYTES))
        with memoryview(buffer) as view:
            count = self.read_into(view)
        del buffer[count:]
        return bytes(buffer)

    def peek(self, count: int) -> bytes:
        """Return up to `count` next bytes without consuming them; fewer only at the end."""
        while len(self._held) < count:
            buffer = bytearray(count - len(self._held))
            with memoryview(buffer) as view:
                got = self._fill(view)
            if not got:
                break
            self._held += bytes(buffer[:got])
        return self._held[:count]

    def skip(self, count: int) -> int:
        """Read and drop up to `count` bytes."""
        if self._scratch is None:
            self._scratch = memoryview(bytearray(DROP_BYTES))
        left = count
        while left > 0:
            got = self.read_into(self._scratch[: min(left, DROP_BYTES)])
            if not got:
                break
            left -= got
        return count - left

    def close(self) -> None:
        """Leave the stream open: it is not ours."""


def open_file_carrier(path: str) -> tuple[FileCarrier, os.stat_result]:
    """Open a regular file read-only.

    Returns:
        The carrier and what the system said about the file when it was opened.

    Raises:
        ReadFailedError: the disk or the network fails.
        SourceError: the path is missing, unreadable or no regular file.
    """
    # Looked at before it is opened: opening a FIFO or a device can wait or act. O_NONBLOCK covers a
    # FIFO that takes the place of a file in between; on regular files it means nothing.
    _refuse_special(_stat(path), path)
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    try:
        descriptor = READS.open(path, flags)
    except OSError as error:
        raise cannot_open(error, path) from error
    try:
        status = os.fstat(descriptor)
        _refuse_special(status, path)
    except BaseException:
        os.close(descriptor)
        raise
    return FileCarrier(descriptor, status.st_size), status


def _stat(path: str) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        raise cannot_open(error, path) from error
    except ValueError as error:  # an embedded NUL
        raise SourceError(f"no file can have the name {shown_path(path)}: {error}") from error


def _refuse_special(status: os.stat_result, path: str) -> None:
    for is_kind, words, hint in _SPECIAL:
        if is_kind(status.st_mode):
            raise SourceError(f"{shown_path(path)} is {words}, not a regular file", path=path, hint=hint)
