"""What stands in a prefix of a store, one level deep, as a directory would list it."""

from __future__ import annotations

from aoftool.dataclass import dataclass
from aoftool.errors import SourceError
from aoftool.files.remote.failures import asked_again, refused_by_store
from aoftool.files.remote.names import is_web
from aoftool.files.remote.objects import look_at
from aoftool.files.remote.stores import store_of

__all__ = ["PrefixListing", "is_prefix"]

_NAMES_MOST = 200_000


@dataclass(frozen=True, slots=True)
class PrefixEntry:
    """What a name stands for: an object with its size, or a prefix."""

    is_object: bool
    size_bytes: int | None


def is_prefix(path: str) -> bool:
    """Tell whether a URL is a prefix or folder and no object.

    Raises:
        AoftoolError: nothing is there, or the store refuses or fails.
    """
    return look_at(path, "read") is None


class PrefixListing:
    """The names in one prefix.

    Attributes:
        names: sorted.

    Raises:
        SourceError: the store refuses.
        ReadFailedError: it fails.
    """

    def __init__(self, path: str) -> None:
        self._path = path.rstrip("/")
        self._is_web = is_web(path)
        store = store_of(path)
        try:
            listed = asked_again(lambda: store.names(path))
        except Exception as error:
            raise refused_by_store(error, path, "list") from error
        self._entries = {
            name.encode("utf-8", "surrogateescape"): PrefixEntry(kind != "directory", size)
            for name, kind, size in listed[:_NAMES_MOST]
        }
        self.names = sorted(self._entries)

    def look(self, name: bytes) -> PrefixEntry | None:
        """Return what a name stands for; None for nothing.

        A web server may list nothing, or no sizes: there each name is asked for.
        """
        found = self._entries.get(name)
        if not self._is_web or (found is not None and not found.is_object):
            return found
        try:
            status = look_at(f"{self._path}/{name.decode('utf-8', 'surrogateescape')}")
        except SourceError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise
        return None if status is None else PrefixEntry(True, status.size_bytes)
