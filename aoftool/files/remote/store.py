"""What is asked of a store of objects: what stands under a name, a range of an object, the names in a prefix.

fsspec knows the stores and takes credentials the way each of them does; `stores` chooses and loads.
Every answer is of one state of an object: where a store can be told which (S3, web servers) it is asked to
refuse any other, and elsewhere it is looked at again behind every range.
"""

from __future__ import annotations

import datetime
import email.utils
from typing import Any

from aoftool.dataclass import dataclass
from aoftool.files.remote.rooms import room_of
from aoftool.units import counted

__all__ = [
    "PIECE_BYTES",
    "Filling",
    "ObjectStatus",
    "OtherObjectError",
    "ShortAnswerError",
    "Store",
    "WholeFilesOnlyError",
    "in_place_of",
    "nanoseconds",
    "whole",
]

PIECE_BYTES = 256 << 10
"""So much of an answer is taken at once."""
_MARKS = ("ETag", "etag", "generation", "content_md5", "md5Hash", "ino")
_TIMES = ("LastModified", "last_modified", "updated", "mtime", "modified", "Last-Modified")


class OtherObjectError(Exception):
    """Another object has the name by now."""


class ShortAnswerError(Exception):
    """A store gave fewer or other bytes than it was asked for."""


class WholeFilesOnlyError(Exception):
    """A web server has no ranges of files."""


@dataclass(frozen=True, slots=True)
class ObjectStatus:
    """What a store says of an object.

    Attributes:
        size_bytes: its size.
        mark: what tells it from another object of the same name, an ETag in most stores; empty for none.
        version: of a bucket that keeps versions: asked for by it, the object stays there when another
            takes its name.
        modified_ns: when it was written, Unix time; None where the store does not say.
    """

    size_bytes: int
    mark: str
    version: str | None = None
    modified_ns: int | None = None

    def is_same(self, other: ObjectStatus) -> bool:
        """Tell whether both are of one object."""
        return (self.size_bytes, self.mark, self.version) == (other.size_bytes, other.mark, other.version)


class Store:
    """A store by what every file system of fsspec can do.

    Args:
        system: the file system.
    """

    def __init__(self, system: Any) -> None:
        self.system = system

    def status(self, path: str) -> ObjectStatus | None:
        """Return what stands under a name; None for a prefix or folder.

        Raises:
            FileNotFoundError: nothing does.
        """
        info = self._info(path)
        if info.get("type") == "directory":
            return None
        return self._status_of(info)

    def read(self, path: str, status: ObjectStatus, start: int, end: int) -> memoryview:
        """Return a range of an object.

        Raises:
            OtherObjectError: another one has the name by now.
            ShortAnswerError: the store gave something else.
        """
        piece = memoryview(self.system.cat_file(path, start=start, end=end))
        if not status.is_same(self.status(path) or ObjectStatus(-1, "")):
            raise OtherObjectError
        return whole(piece, end - start)

    def names(self, path: str) -> list[tuple[str, str, int | None]]:
        """Return name, kind (`file`, `directory`) and size of all that stands in a prefix, one level deep."""
        listed = self.system.ls(self.system._strip_protocol(path).rstrip("/"), detail=True)
        found = []
        here = self.system._strip_protocol(path).strip("/")
        for entry in listed:
            path = entry["name"].strip("/")
            name = path.removeprefix(here).strip("/")
            if path != here and name and "/" not in name:
                found.append((name, str(entry.get("type", "file")), entry.get("size")))
        return found

    def put(self, local: str, path: str) -> None:
        """Make an object of a file; nobody sees it before it is whole."""
        self.system.put_file(local, path)

    def _info(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self.system.info(path)
        return found

    def _status_of(self, info: dict[str, Any]) -> ObjectStatus:
        size = info.get("size")
        if size is None:
            raise ShortAnswerError("it does not say how large the object is")
        mark = next((str(info[name]) for name in _MARKS if info.get(name)), "")
        time = next((info[name] for name in _TIMES if info.get(name)), None)
        return ObjectStatus(int(size), mark or str(time or ""), modified_ns=nanoseconds(time))


class Filling:
    """Room for one range, filled as its pieces arrive."""

    def __init__(self, length: int) -> None:
        self._room = room_of(length)
        self._filled = 0

    def add(self, piece: bytes) -> None:
        """Take the next piece.

        Raises:
            ShortAnswerError: there is no room for it.
        """
        end = self._filled + len(piece)
        if end > len(self._room):
            raise ShortAnswerError(f"more than the {counted(len(self._room), 'byte')} of the range")
        self._room[self._filled : end] = piece
        self._filled = end

    @property
    def room(self) -> memoryview:
        """Return what is still to be filled; `filled` says how much of it was."""
        return self._room[self._filled :]

    def filled(self, count: int) -> None:
        """Say that so many bytes of the front of `room` were filled."""
        self._filled += count

    def whole(self) -> memoryview:
        """Return the range.

        Raises:
            ShortAnswerError: it is not all there.
        """
        return whole(self._room[: self._filled], len(self._room))


def in_place_of(given: int | str, wanted: int) -> str:
    """Return words for an answer of another length."""
    return f"{counted(int(given), 'byte')} in place of {wanted:,}"


def whole(piece: memoryview, length: int) -> memoryview:
    """Return a piece that must have a length.

    Raises:
        ShortAnswerError: it has another.
    """
    if len(piece) != length:
        raise ShortAnswerError(in_place_of(len(piece), length))
    return piece


def nanoseconds(time: Any) -> int | None:
    """Return the Unix time that a store tells in its own way, None where it cannot be read."""
    if isinstance(time, datetime.datetime):
        return int(time.timestamp() * 1_000_000) * 1000
    if isinstance(time, (int, float)):
        return int(time * 1_000_000) * 1000
    if isinstance(time, str):
        try:
            return int(email.utils.parsedate_to_datetime(time).timestamp()) * 1_000_000_000
        except (TypeError, ValueError):
            pass
        try:
            told = datetime.datetime.fromisoformat(time.replace("Z", "+00:00"))
        except ValueError:
            return None
        return int(told.timestamp()) * 1_000_000_000
    return None
