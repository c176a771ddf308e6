"""Ask the input of a rewrite who wrote it.

The RDB part answers first; the commands are read for it only where that says nothing, or says less than the
commands themselves. A thread of its own reads them then, beside whoever reads them for something else.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence

from aoftool.files import open_source
from aoftool.progress import Progress, no_progress
from aoftool.releases import Release
from aoftool.replay.differences import rivals
from aoftool.replay.evidence import Evidence, base_version, gather
from aoftool.replay.writer import find_writer, named_release
from aoftool.replay.writer_model import Certainty, Writer
from aoftool.rewrite.inputs import Input

__all__ = ["Witness"]

# Less is read in the time that a thread takes to start.
_WORTH_A_THREAD = 1 << 20


class Witness:
    """Say who wrote the log that a rewrite reads.

    Args:
        given: the release that the user named.
        thorough: read the commands whatever the RDB part says: they hold what its writer did not have.
        fields: AUX fields of the base that the log was salvaged from.
    """

    def __init__(
        self,
        found: Input,
        given: str | None,
        *,
        thorough: bool = False,
        fields: Mapping[bytes, bytes] | None = None,
    ) -> None:
        self._input, self._given, self._thorough = found, given, thorough
        self._aux = {**(fields or {}), **({} if found.base is None else found.base.aux)}
        self._read: Evidence | None = None
        self._hearing: _Hearing | None = None

    def writer(self, progress: Progress = no_progress) -> Writer:
        """Return the writer as far as the RDB part tells; where the commands must be asked, a guess.

        They are read beside what the caller does until `after`, or until `dismiss` where that is not reached.
        """
        if self._given is None and (self._thorough or named_release(self._aux) is None):
            if self._input.size_bytes < _WORTH_A_THREAD:
                return find_writer(self._aux, self._evidence(progress))
            self._hearing = _Hearing(self, progress)
            self._hearing.start()
        return find_writer(self._aux, self._early(), self._given)

    def dismiss(self) -> None:
        """Read no further, if commands are being read."""
        if self._hearing is not None:
            self._hearing.stop()
            self._hearing = None

    def after(self, writer: Writer, names: Iterable[bytes], progress: Progress = no_progress) -> Writer:
        """Return the writer again, with the names of all commands known.

        A log whose base an older server wrote may go on with commands of a newer one.

        Raises:
            ReadFailedError: a file that was read for it cannot be read to its end.
        """
        if self._hearing is not None:
            self._read, self._hearing = self._hearing.end(), None
            return find_writer(self._aux, self._read)
        if self._read is not None or writer.certainty is Certainty.GIVEN:
            return writer
        seen = self._early()
        for name in names:
            seen.add_name(name)
        if seen.explained_by(writer.release):
            return writer
        return self.anew(progress)

    def anew(self, progress: Progress = no_progress) -> Writer:
        """Return the writer with everything that the commands say."""
        return find_writer(self._aux, self._evidence(progress), self._given)

    def rivals(self, writer: Writer, names: Sequence[bytes]) -> tuple[Release, ...]:
        """Return one release for each way in which possible writers may load the log, the writer first."""
        return rivals(writer, names, self._read or self._early()) if writer.is_open else ()

    def _early(self) -> Evidence:
        return Evidence(multi_part=self._input.multi_part, base=base_version(self._input.base))

    def _evidence(self, progress: Progress) -> Evidence:
        if self._read is None:
            self._read = self.hear(progress)
        return self._read

    def hear(self, progress: Progress) -> Evidence:
        """Read all commands for what they say."""
        found = self._early()
        for tail in self._input.tails:
            with open_source(tail.path) as source:
                gather(source, tail.start, found, end=tail.end, progress=progress)
        return found


class _StopError(Exception):
    """Nobody waits for the evidence any more."""


class _Hearing(threading.Thread):
    """Read the commands of a log for what they say of their writer, beside the thread that begins it."""

    def __init__(self, witness: Witness, progress: Progress) -> None:
        super().__init__(name="asking who wrote the log", daemon=True)
        self._witness, self._progress = witness, progress
        self._stopped = False
        self._found: Evidence | None = None
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Read to the end, or until nobody waits."""
        try:
            self._found = self._witness.hear(self._went)
        except BaseException as failure:
            self._failure = failure

    def _went(self, count: int) -> None:
        if self._stopped:
            raise _StopError
        self._progress(count)

    def end(self) -> Evidence:
        """Wait for the end and return what was found, or raise what went wrong."""
        self.join()
        if self._failure is not None:
            raise self._failure
        assert self._found is not None
        return self._found

    def stop(self) -> None:
        """End soon, and wait for that: the files may be gone afterwards."""
        self._stopped = True
        self.join()
