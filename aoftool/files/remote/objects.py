"""Objects as they were when they were first looked at: whoever opens one again meanwhile reads the same.

An object that is open, or that is kept for a while as the files of a log are, is pinned: every range of it is
asked of that one version, and a store that has another by then is an error and no damage.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from aoftool.errors import AoftoolError
from aoftool.files.remote.failures import asked_again, refused_by_store
from aoftool.files.remote.ranges import BlockCache
from aoftool.files.remote.store import ObjectStatus, Store
from aoftool.files.remote.stores import store_of

__all__ = [
    "PinnedObject",
    "keep_object",
    "kept_object",
    "let_go",
    "look_at",
    "modified_ns",
    "pinned",
    "release_objects",
    "version_of",
]

# A store is asked at most so often whether an object is still the same.
_LOOK_S = 2.0
_NO_TIME = "the store does not say when it was written"
# Objects up to this size are fetched once while they are pinned, so many bytes of them in all: a verb opens
# its files many times.
_SMALL_BYTES, _SMALL_IN_ALL = 1 << 20, 16 << 20


class PinnedObject:
    """One object of one moment.

    Attributes:
        path: its URL.
        status: what the store said of it then.
        blocks: what was fetched of it, for all its readers.
    """

    def __init__(self, path: str, store: Store, status: ObjectStatus) -> None:
        self.path, self.status = path, status
        self.users = 0
        self._store = store
        self._looked = (time.monotonic(), True)
        self._whole: memoryview | None = None
        self._busy = threading.Lock()
        self._stopped = threading.Event()
        self.blocks = BlockCache(self.read, status.size_bytes)

    def read(self, start: int, end: int) -> memoryview:
        """Return a range of it; asked again where the store fails.

        Raises:
            ReadFailedError: it cannot be had, or another object has the name by now.
            SourceError: the store refuses.
        """
        if self.status.size_bytes > _SMALL_BYTES:
            return self._read(start, end)
        with self._busy:
            if self._whole is None and _take_room(self.status.size_bytes):
                try:
                    self._whole = self._read(0, self.status.size_bytes)
                except BaseException:
                    _take_room(-self.status.size_bytes)
                    raise
        return self._read(start, end) if self._whole is None else self._whole[start:end]

    def forget(self) -> None:
        """Forget the bytes that were fetched; those on their way are not waited for."""
        self._stopped.set()
        self.blocks.forget()
        if self._whole is not None:
            _take_room(-len(self._whole))
            self._whole = None

    def _read(self, start: int, end: int) -> memoryview:
        try:
            return asked_again(lambda: self._store.read(self.path, self.status, start, end), self._stopped)
        except Exception as error:
            raise refused_by_store(error, self.path, offset=start) from error

    def is_replaced(self) -> bool:
        """Tell whether the name is gone or of another object by now; a store that fails tells nothing."""
        when, same = self._looked
        if same and time.monotonic() - when > _LOOK_S:
            try:
                now = self._store.status(self.path)
                same = now is not None and self.status.is_same(now)
            except FileNotFoundError:
                same = False
            except Exception:  # of no use for what was read
                same = True
            self._looked = (time.monotonic(), same)
        return not same


_pinned: dict[str, PinnedObject] = {}
_kept: dict[str, PinnedObject] = {}
_lock = threading.Lock()
_room_taken = 0


def _take_room(count: int) -> bool:
    """Take room for bytes of small objects, or give it back; tell whether there is any."""
    global _room_taken
    with _lock:
        if count > 0 and _room_taken + count > _SMALL_IN_ALL:
            return False
        _room_taken += count
        return True


def look_at(path: str, action: str = "look at") -> ObjectStatus | None:
    """Return what stands under a URL now, None for a prefix.

    Raises:
        SourceError: nothing does, or the store refuses; MissingExtraError as `store_of`.
        ReadFailedError: the store fails.
    """
    store = store_of(path)
    try:
        return asked_again(lambda: store.status(path))
    except Exception as error:
        raise refused_by_store(error, path, action) from error


def pinned(path: str) -> PinnedObject | None:
    """Return the object of a URL for one more user, who calls `let_go`; None for a prefix.

    Raises:
        as `look_at`.
    """
    with _lock:
        found = _pinned.get(path)
        if found is not None:
            found.users += 1
            return found
    status = look_at(path, "read")
    if status is None:
        return None
    with _lock:
        found = _pinned.setdefault(path, PinnedObject(path, store_of(path), status))
        found.users += 1
        return found


def let_go(found: PinnedObject) -> None:
    """Say that one user is done; nobody pins it any more after the last."""
    with _lock:
        found.users -= 1
        is_last = found.users <= 0 and _pinned.get(found.path) is found
        if is_last:
            del _pinned[found.path]
    if is_last:
        found.forget()


def keep_object(path: str) -> PinnedObject | None:
    """Pin an object until `release_objects`; None for a prefix.

    Raises:
        as `look_at`.
    """
    if path not in _kept:
        found = pinned(path)
        if found is None:
            return None
        _kept[path] = found
    return _kept[path]


def kept_object(path: str) -> PinnedObject | None:
    """Return the object that is kept under a URL, None when there is none."""
    return _kept.get(path)


def release_objects(paths: Iterable[str] | None = None) -> None:
    """Let go of some objects that are kept, or of all."""
    for path in list(_kept) if paths is None else paths:
        found = _kept.pop(path, None)
        if found is not None:
            let_go(found)


def modified_ns(path: str) -> int:
    """Return when an object was written, Unix time in nanoseconds.

    Raises:
        OSError: it is not there, or the store does not say.
    """
    status = _status(path)
    if status is None or status.modified_ns is None:
        raise OSError(_NO_TIME)
    return status.modified_ns


def version_of(path: str) -> str:
    """Return what the store tells an object from another of the same name by, and its time.

    Times of stores are whole seconds, in which an object may be written twice.

    Raises:
        OSError: as `modified_ns`.
    """
    status = _status(path)
    if status is None or status.modified_ns is None:
        raise OSError(_NO_TIME)
    return f"{status.modified_ns} {status.mark} {status.version or ''}"


def _status(path: str) -> ObjectStatus | None:
    found = _pinned.get(path)
    try:
        return look_at(path) if found is None else found.status
    except AoftoolError as error:
        raise OSError(error.message) from error
