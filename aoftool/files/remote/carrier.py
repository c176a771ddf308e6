"""The bytes of one object as a carrier, and the watch that tells what has become of it.

The same promises as of a file on a disk: read up to its size at open, any range at any time, errors and no
silence where bytes cannot be had.
"""

from __future__ import annotations

from aoftool.errors import SourceError
from aoftool.files.changes import ChangeKind, SourceChange
from aoftool.files.remote.names import without_secrets
from aoftool.files.remote.objects import PinnedObject, let_go, pinned
from aoftool.files.remote.ranges import RangeReader

__all__ = ["ObjectCarrier", "ObjectWatch", "open_object_carrier"]


class ObjectCarrier:
    """Read an object of a store.

    Args:
        pinned_object: of which this is one user.
    """

    def __init__(self, pinned_object: PinnedObject) -> None:
        self.object = pinned_object
        self.size_bytes = pinned_object.status.size_bytes
        self.offset = 0
        self._ranges = RangeReader(pinned_object.blocks)
        self._closed = False

    def read_into(self, view: memoryview) -> int:
        """Fill the front of `view`; 0 means the end, or no room in it."""
        room = min(self.size_bytes - self.offset, len(view))
        if room <= 0:
            return 0
        piece = self._ranges.piece(self.offset, room)
        view[: len(piece)] = piece
        self.offset += len(piece)
        return len(piece)

    def read(self, limit: int) -> bytes:
        """Return at most `limit` bytes; empty means the end."""
        room = min(self.size_bytes - self.offset, limit)
        if room <= 0:
            return b""
        piece = bytes(self._ranges.piece(self.offset, room))
        self.offset += len(piece)
        return piece

    def peek(self, count: int) -> bytes:
        """Return up to `count` next bytes without consuming them."""
        return self.read_at(self.offset, count)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return a range, cut to the size at open; the place does not move."""
        length = min(length, self.size_bytes - offset)
        if length <= 0 or offset < 0:
            return b""
        pieces = []
        got = 0
        while got < length:
            piece = self._ranges.piece(offset + got, length - got)
            if len(piece) == length:
                return bytes(piece)
            pieces.append(bytes(piece))
            got += len(piece)
        return b"".join(pieces)

    def skip(self, count: int) -> int:
        """Step over up to `count` bytes, never past the end."""
        count = max(0, min(count, self.size_bytes - self.offset))
        self.offset += count
        return count

    def duplicate(self) -> ObjectCarrier:
        """Return another reader of the same object, at its start."""
        self.object.users += 1
        return ObjectCarrier(self.object)

    def close(self) -> None:
        """Let go of the object."""
        if not self._closed:
            self._closed = True
            self._ranges.close()
            let_go(self.object)


class ObjectWatch:
    """Tell whether an object is still the one that was opened.

    Args:
        pinned_object: as it was opened.
    """

    def __init__(self, pinned_object: PinnedObject) -> None:
        self.path = pinned_object.path
        self.size_bytes = pinned_object.status.size_bytes
        self._object = pinned_object

    def look(self) -> list[SourceChange]:
        """Return what is different now: another object has the name. What was read is of the old one."""
        if not self._object.is_replaced():
            return []
        words = "was replaced or removed while it was read; it was read as it had been"
        message = f"{without_secrets(self.path)} {words}"
        return [SourceChange(ChangeKind.SUPERSEDED, message, None, self.size_bytes, None)]


def open_object_carrier(path: str) -> ObjectCarrier:
    """Open an object.

    Raises:
        SourceError: there is none, or the store refuses.
        ReadFailedError: the store fails.
    """
    found = pinned(path)
    if found is None:
        message = f"{without_secrets(path)} is a prefix, not an object"
        raise SourceError(message, path=path, hint="name an object in it")
    return ObjectCarrier(found)
