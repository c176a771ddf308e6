"""The arguments of commands that somebody asks for, read from the log a second time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aoftool.analysis.tables.keys import shown_texts
from aoftool.aof.model import Log
from aoftool.errors import RespError
from aoftool.files import Source, open_source
from aoftool.redaction import Redactor
from aoftool.resp.canonical import NotCanonical, split_command
from aoftool.resp.frame import read_frame
from aoftool.tables.batch import Lists
from aoftool.units import counted

__all__ = ["ARGUMENT_BYTES", "ArgumentReader", "in_parts"]

ARGUMENT_BYTES = 64 * 1024
"""Commands above this are shown without their arguments, so that a batch has a bounded size."""

# Of the commands of one batch together.
_PART_BYTES = 16 << 20
# To find the keys of a command, so much of it is read.
_SEARCHED_BYTES = 1 << 20

Column = npt.NDArray[np.int64]


class ArgumentReader:
    """Reads commands of a log at their offsets; needs files that can be read twice.

    Attributes:
        notes: what was left out, in words.
    """

    def __init__(self, log: Log, redactor: Redactor | None) -> None:
        self._log, self._redactor = log, redactor
        self._sources: dict[int, Source] = {}
        self._left_out = 0

    def __enter__(self) -> ArgumentReader:
        return self

    def __exit__(self, *_: object) -> None:
        for source in self._sources.values():
            source.close()
        self._sources.clear()

    @property
    def notes(self) -> list[str]:
        """Return what is to be known."""
        if not self._left_out:
            return []
        return [f"the arguments of {counted(self._left_out, 'command')} above 64 KiB were left out"]

    def argv(self, file_number: int, offset: int, length: int) -> list[bytes] | None:
        """Return the arguments of one command with its name; None where they cannot be read."""
        source = self._source(file_number)
        if not source.seekable or length > _SEARCHED_BYTES:
            return None
        return _argv(source.read_at(offset, length))

    def column(self, file_number: int, offsets: Column, lengths: Column) -> Lists:
        """Return the arguments of commands, without their names, as they may be shown."""
        source = self._source(file_number)
        counts: list[int] = []
        texts: list[bytes] = []
        valid: list[bool] = []
        for offset, length in zip(offsets.tolist(), lengths.tolist(), strict=True):
            found = _argv(source.read_at(offset, length)) if length <= ARGUMENT_BYTES else None
            valid.append(found is not None)
            self._left_out += found is None
            own = [] if found is None else found[1:]
            if found is not None and self._redactor is not None:
                from aoftool.analysis.redact.commands import redacted_argv

                own = redacted_argv(found, self._redactor)[1:]
            counts.append(len(own))
            texts += own
        starts = np.zeros(len(counts) + 1, np.int32)
        np.cumsum(counts, out=starts[1:])
        ends_of = np.zeros(len(texts) + 1, np.int64)
        np.cumsum([len(text) for text in texts], out=ends_of[1:])
        return Lists(starts, shown_texts(b"".join(texts), ends_of), np.array(valid, np.bool_))

    def _source(self, file_number: int) -> Source:
        found = self._sources.get(file_number)
        if found is None:
            found = self._sources[file_number] = open_source(self._log.files[file_number].path)
        return found


def in_parts(chosen: Column, lengths: Column) -> list[Column]:
    """Split rows so that the arguments of a part take a bounded size.

    Args:
        chosen: numbers of rows, ascending.
        lengths: bytes of the command of every row.
    """
    ends = np.cumsum(np.minimum(lengths[chosen], ARGUMENT_BYTES))
    return np.split(chosen, np.flatnonzero(np.diff(ends // _PART_BYTES)) + 1)


def _argv(data: bytes) -> list[bytes] | None:
    try:
        found = split_command(data, 0)
        return None if found is None else found[0]
    except NotCanonical:
        pass
    try:
        return read_frame(data, 0).argv
    except RespError:
        return None
