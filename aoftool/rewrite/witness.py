"""Ask the input of a rewrite who wrote it.

The RDB part answers first; the commands are read for it only where that says nothing, or says less than the
commands themselves.
"""

from __future__ import annotations

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

    def writer(self, progress: Progress = no_progress) -> Writer:
        """Return the writer as far as the RDB part tells, else as the commands tell."""
        if self._given is None and (self._thorough or named_release(self._aux) is None):
            return find_writer(self._aux, self._evidence(progress))
        return find_writer(self._aux, self._early(), self._given)

    def after(self, writer: Writer, names: Iterable[bytes], progress: Progress = no_progress) -> Writer:
        """Return the writer again, with the names of all commands known.

        A log whose base an older server wrote may go on with commands of a newer one.
        """
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
            self._read = self._early()
            for tail in self._input.tails:
                with open_source(tail.path) as source:
                    gather(source, tail.start, self._read, end=tail.end, progress=progress)
        return self._read
