"""Outputs in a store: made on this machine first, then put there, and read back before anybody is told.

An object is visible only when it is whole: large ones go up in parts that the store puts together at the end.
The manifest of a set goes last, as on a disk. What went up is taken away where the rest does not follow.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from aoftool.errors import AoftoolError, OutputExistsError, SourceError, UsageError, VerifyError
from aoftool.files.remote.carrier import open_object_carrier
from aoftool.files.remote.failures import asked_again, refused_by_store
from aoftool.files.remote.names import is_web, without_secrets
from aoftool.files.remote.objects import look_at
from aoftool.files.remote.stores import store_of
from aoftool.files.spool import temporary_folder
from aoftool.files.temporary import LOST_SUFFIX
from aoftool.progress import Progress, no_progress

__all__ = ["StagedOutput", "staged_output"]

_PREFIX = ".aoftool-out-"
_BUFFER_BYTES = 1 << 20


class StagedOutput:
    """An output that is made on this machine and belongs in a store.

    Attributes:
        url: where it belongs.
        local: where it is to be made.
    """

    def __init__(self, url: str, folder: str) -> None:
        self.url = url.rstrip("/")
        self._folder = folder
        self._above = os.path.dirname(self.url)
        self.local = os.path.join(folder, os.path.basename(self.url))

    def shown(self, text: str) -> str:
        """Return a text with the URL in place of the name that the output has on this machine."""
        return text.replace(self._folder, self._above)

    def publish(self, progress: Progress = no_progress) -> list[str]:
        """Put everything that was made into the store, read it back, and return the URLs.

        Args:
            progress: told of bytes put there and read back.

        Raises:
            SourceError, ReadFailedError: the store refuses or fails; what went up is taken away again.
            VerifyError: what stands there is not what was made.
        """
        made = sorted(self._files(), key=lambda path: (path.endswith(".manifest"), path))
        done: list[str] = []
        try:
            for path in made:
                url = self.shown(path)
                _put(path, url)
                done.append(url)
                progress(os.path.getsize(path))
                _compare(path, url, progress)
        except AoftoolError:
            for url in done:
                with suppress(Exception):
                    store_of(url).system.rm_file(url)
            raise
        return done

    def _files(self) -> Iterator[str]:
        # Copies of the input may lie beside them.
        for made in (self.local, f"{self.local}{LOST_SUFFIX}"):
            if os.path.isfile(made):
                yield made
            for folder, _, names in os.walk(made):
                yield from (os.path.join(folder, name) for name in names)


@contextmanager
def staged_output(url: str, *, force: bool = False) -> Iterator[StagedOutput]:
    """Give an output on this machine that `publish` puts into a store.

    Args:
        force: replace an object of that name.

    Raises:
        OutputExistsError: an object of that name is there and may not be replaced, or a prefix is.
        UsageError: a web server takes no objects.
        SourceError, ReadFailedError: the store refuses or fails.
    """
    if is_web(url):
        raise UsageError(
            f"{without_secrets(url)} cannot be written to", hint="-o FILE, s3://, gs:// or az://"
        )
    _refuse_taken(url, force)
    with temporary_folder(_PREFIX) as folder:
        staged = StagedOutput(url, folder)
        try:
            yield staged
        except AoftoolError as error:
            error.path = staged.shown(error.path) if error.path else error.path
            error.message = staged.shown(error.message)
            error.hint = staged.shown(error.hint) if error.hint else error.hint
            raise


def _refuse_taken(url: str, force: bool) -> None:
    try:
        found = look_at(url)
    except SourceError as error:
        if isinstance(error.__cause__, FileNotFoundError) and "no bucket" not in error.message:
            return
        raise
    if found is None:
        raise OutputExistsError(f"{without_secrets(url)} exists already, as a prefix", path=url)
    if not force:
        raise OutputExistsError(
            f"{without_secrets(url)} exists already", path=url, hint="--force replaces it"
        )


def _put(path: str, url: str) -> None:
    store = store_of(url)
    try:
        asked_again(lambda: store.put(path, url))
    except Exception as error:
        raise refused_by_store(error, url, "write") from error


def _compare(path: str, url: str, progress: Progress) -> None:
    with open(path, "rb", buffering=0) as file:
        made = _digest(file.readinto, no_progress)
    carrier = open_object_carrier(url)
    try:
        stands = _digest(carrier.read_into, progress)
    finally:
        carrier.close()
    if made != stands:
        raise VerifyError(f"{without_secrets(url)} does not read back as it was written", path=url)


def _digest(read_into: Callable[[memoryview], int | None], progress: Progress) -> bytes:
    found = hashlib.sha256()
    with memoryview(bytearray(_BUFFER_BYTES)) as buffer:
        while count := read_into(buffer):
            found.update(buffer[:count])
            progress(count)
    return found.digest()
