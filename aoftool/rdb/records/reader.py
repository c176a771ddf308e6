"""Records of an RDB part, one after the other, in constant memory.

The structure walk finds the records; this module keeps the bytes they stand in. A record larger than
the keep limit is not held when the source can be read again at an offset; from a stream it has to be.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from aoftool.files import Source
from aoftool.progress import Progress, no_progress
from aoftool.rdb.records.record import Record, RecordContext, build_records
from aoftool.rdb.walk.summary import RdbWalk
from aoftool.rdb.walk.walk import StructurePass, walk

__all__ = ["KEEP_BYTES", "RecordReader", "empty_note", "records", "walk"]

# Larger records of plain files are read again when somebody wants their bytes.
KEEP_BYTES: Final = 8 * 1024 * 1024


class RecordReader:
    """Iterate over the records of one RDB part; once. Nobody else may move the source meanwhile.

    After the last record `summary` says how the part ended: damage is data there, never an exception.

    Args:
        source, start, progress, top: as for `aoftool.rdb.walk.walk`.
        whole, ahead: as for `aoftool.rdb.walk.walk.StructurePass`.
        skip_empty: leave out collections without elements, which servers do not load; `context` counts
            them.
    """

    def __init__(
        self,
        source: Source,
        start: int = 0,
        progress: Progress = no_progress,
        *,
        top: int = 0,
        whole: bool = True,
        skip_empty: bool = False,
        ahead: bool = False,
    ) -> None:
        self._pass = StructurePass(source, start, progress, top=top, rows=True, whole=whole, ahead=ahead)
        self._seekable = source.seekable
        # The pieces an unfinished record arrived in, and where the first of them stands.
        self._pieces: list[bytes] = []
        self._base = start
        summary = self._pass.summary
        self._context: RecordContext | None = None
        if summary.family is not None and self._pass.collector is not None:
            again = source if source.seekable else None
            self._context = RecordContext(
                summary.family, summary.version, again, self._pass.collector.templates, skip_empty
            )

    @property
    def summary(self) -> RdbWalk:
        """Return what is known of the part so far; complete after the last record."""
        return self._pass.summary

    @property
    def context(self) -> RecordContext | None:
        """Return what the records share; None when the part has no readable header."""
        return self._context

    @property
    def empty(self) -> int:
        """Return how many collections without elements were left out so far."""
        return 0 if self._context is None else self._context.empty

    @property
    def templates(self) -> dict[int, tuple[bytes, ...]]:
        """Return the field names of the hash templates defined so far."""
        return {} if self._context is None else self._context.templates

    def __iter__(self) -> Iterator[Record]:
        for batch in self.batches():
            yield from batch

    def batches(self) -> Iterator[list[Record]]:
        """Yield the records window by window; instead of iterating, where a call a record is too much."""
        walker = self._pass.walker
        if walker is None or self._context is None:
            return
        context = self._context
        for piece, offset in self._pass.windows():
            self._hold(piece, offset)
            # Rows that end before `base` hold no bytes: while a record goes on there is nothing to join.
            data = self._held() if walker.needed_from > self._base else None
            yield build_records(walker, data, self._base, context)
            self._let_go(walker.needed_from, offset + len(piece))

    def _hold(self, piece: memoryview, offset: int) -> None:
        """Add a piece to what is kept of an unfinished record."""
        if not self._pieces:
            # Nothing is held, or the record in work is not kept: what follows starts with this piece.
            self._base = offset
        self._pieces.append(bytes(piece))

    def _held(self) -> bytes:
        """Return all that is held, from offset `_base` on.

        Pieces are joined only here, when a record is whole: each byte of a large one is copied once,
        and what was handed out never changes under its reader.
        """
        if len(self._pieces) > 1:
            self._pieces = [b"".join(self._pieces)]
        return self._pieces[0]

    def _let_go(self, needed_from: int, end: int) -> None:
        """Keep only what the unfinished record still needs."""
        if needed_from >= end or (self._seekable and end - needed_from > KEEP_BYTES):
            self._pieces = []
        elif self._pieces and needed_from > self._base:
            rest = memoryview(self._held())[needed_from - self._base :]
            self._pieces, self._base = [bytes(rest)], needed_from


def records(
    source: Source, start: int = 0, progress: Progress = no_progress, *, skip_empty: bool = False
) -> RecordReader:
    """Return an iterator over the records of the RDB part at an offset of a source.

    The source is left behind the part when the iteration ends. Memory is constant in the number of
    keys; a record above 8 MiB is kept only when the source is a stream.
    """
    return RecordReader(source, start, progress, skip_empty=skip_empty)


def empty_note(count: int) -> str:
    """Say that collections without elements were left out."""
    keys = "key of the RDB part holds" if count == 1 else "keys of the RDB part hold"
    return f"{count:,} {keys} no elements: servers since 7.0 leave such keys out, and so is done here"
