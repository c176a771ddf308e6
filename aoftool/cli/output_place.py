"""Where an output is made, and what is still to be done for it to be where it was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aoftool.files.remote.names import is_remote

if TYPE_CHECKING:
    from aoftool.cli.options.common_options import ProgressMode
    from aoftool.files.remote.upload import StagedOutput

__all__ = ["OutputPlace", "output_place"]


class OutputPlace:
    """The place of an output.

    Attributes:
        local: where it is made: what was asked for, but on this machine; None where nothing was asked for.
    """

    def __init__(self, asked: str | None, staged: StagedOutput | None = None) -> None:
        self._staged = staged
        self.local = asked if staged is None else staged.local

    def publish(self, size_bytes: int, mode: ProgressMode, quiet: bool) -> None:
        """Put what was made into the store, where it is one; it is read back there."""
        if self._staged is None:
            return
        from aoftool.cli.progress import ProgressReporter

        with ProgressReporter("uploading", 2 * size_bytes, mode, quiet) as reporter:
            self._staged.publish(reporter)

    def shown(self, text: str) -> str:
        """Return a path, or a text with one, by the name that was asked for."""
        return text if self._staged is None else self._staged.shown(text)


@contextmanager
def output_place(asked: str | None, *, force: bool) -> Iterator[OutputPlace]:
    """Give the place for an output; for one in a store, a folder on this machine that goes at the end.

    Raises:
        OutputExistsError, UsageError, SourceError: as `aoftool.files.remote.upload.staged_output`.
    """
    if asked is None or not is_remote(asked):
        yield OutputPlace(asked)
        return
    from aoftool.files.remote.upload import staged_output

    with staged_output(asked, force=force) as staged:
        yield OutputPlace(asked, staged)
