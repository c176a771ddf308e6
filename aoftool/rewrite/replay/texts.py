"""Read the texts of chosen rows back from the log, in order and in large pieces.

Spans between chosen rows are not read when they are long. Memory is one window, or the largest
command.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from aoftool.columns import Column, zeros
from aoftool.errors import SourceError
from aoftool.files import Source, open_source
from aoftool.kernels import kernel
from aoftool.liveness.model import Chunk
from aoftool.rdb.encode.encode import string_records
from aoftool.resp.canonical import NotCanonical
from aoftool.resp.frame import read_frame
from aoftool.rewrite.decide.picking import distinct_rows, spans_of

__all__ = ["TextReader"]

_OPEN_FILES = 8
_WINDOW_BYTES = 1 << 20
_LARGE_WINDOW_BYTES = 4 << 20
_ENCODERS = 2
_WORTH_THREADS_BYTES = 8 << 20

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    from aoftool.rewrite.replay._texts_py import encode_pairs, encode_sets, split_rows, split_sets
else:
    _chosen = kernel("aoftool.rewrite.replay._texts_cy")
    encode_sets, split_rows, split_sets = _chosen.encode_sets, _chosen.split_rows, _chosen.split_sets
    encode_pairs = _chosen.encode_pairs


class TextReader:
    """Give the arguments of rows of a trace.

    Args:
        paths: files by number.
        threads: 1 where nothing may be encoded by others than the caller's.
    """

    def __init__(self, paths: Sequence[str], threads: int = 2) -> None:
        self._paths, self._threads = paths, threads
        self._sources: dict[int, Source] = {}

    def __enter__(self) -> TextReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        for source in self._sources.values():
            source.close()
        self._sources.clear()

    def path(self, chunk: Chunk) -> str:
        """Return the file a chunk stands in."""
        return self._paths[chunk.file]

    def sets(self, chunk: Chunk, rows: Column) -> Iterator[list[tuple[bytes, bytes, None]]]:
        """Yield lists of (key, value, None) of plain SET rows, which are in ascending order.

        Raises:
            SourceError: the file does not hold these bytes any more.
        """
        for group, data, start in self.pieces(chunk, rows):
            try:
                yield split_sets(memoryview(data), start, _starts(chunk, group))
            except NotCanonical:
                yield [(argv[1], argv[2], None) for argv in self.split(data, start, chunk, group)]

    def set_records(self, chunk: Chunk, rows: Column, compress: bool) -> Iterator[tuple[bytes, int]]:
        """Yield (RDB records, how many) of plain SET rows, which are in ascending order.

        Many of them are encoded by threads, while the caller does something with the ones before.

        Args:
            compress: pack long strings with LZF, as servers do.

        Raises:
            SourceError: the file does not hold these bytes any more.
        """

        def encoded(group: Column, data: bytes, start: int) -> bytes:
            try:
                return encode_sets(memoryview(data), start, _starts(chunk, group), compress)
            except NotCanonical:
                rows_of = [(argv[1], argv[2], None) for argv in self.split(data, start, chunk, group)]
                return string_records(rows_of, compress)

        offsets = chunk.columns.offsets
        size = offsets[rows[-1] + 1] - offsets[rows[0]] if len(rows) else 0
        if self._threads == 1 or size < _WORTH_THREADS_BYTES:
            for group, data, start in self.pieces(chunk, rows):
                yield encoded(group, data, start), len(group)
            return
        # Here: it takes longer to import than a small log to read.
        from concurrent.futures import ThreadPoolExecutor

        waiting: deque[tuple[Future[bytes], int]] = deque()
        with ThreadPoolExecutor(_ENCODERS) as pool:
            for group, data, start in self.pieces(chunk, rows):
                waiting.append((pool.submit(encoded, group, data, start), len(group)))
                if len(waiting) > _ENCODERS:
                    future, count = waiting.popleft()
                    yield future.result(), count
            for future, count in waiting:
                yield future.result(), count

    def pair_records(
        self, chunk: Chunk, rows: Column, places: Column, compress: bool
    ) -> Iterator[tuple[bytes, Column]]:
        """Yield (RDB records, size of each) of keys that rows set to the argument behind them.

        Args:
            rows: in ascending order, a row of several keys once for each of them.
            places: which argument of its row each key is.
            compress: pack long strings with LZF, as servers do.

        Raises:
            SourceError: the file does not hold these bytes any more.
        """
        for group, data, start in self.pieces(chunk, distinct_rows(rows)):
            here = slice(bisect_left(rows, group[0]), bisect_right(rows, group[-1]))
            starts = _starts(chunk, rows[here])
            sizes = zeros("q", len(starts))
            try:
                records = encode_pairs(memoryview(data), start, starts, places[here], compress, sizes)
            except NotCanonical:
                texts = dict(zip(group.tolist(), self.split(data, start, chunk, group), strict=True))
                pairs = zip(rows[here].tolist(), places[here].tolist(), strict=True)
                made: list[int] = []
                strings = [(texts[row][place], texts[row][place + 1], None) for row, place in pairs]
                records = string_records(strings, compress, made)
                for place, size in enumerate(made):
                    sizes[place] = size
            yield records, sizes

    def texts(self, chunk: Chunk, rows: Column) -> Iterator[tuple[int, list[bytes]]]:
        """Yield (row, arguments) of rows, which are in ascending order.

        Raises:
            SourceError: the file does not hold these bytes any more.
        """
        for group, data, start in self.pieces(chunk, rows):
            yield from zip(group.tolist(), self.split(data, start, chunk, group), strict=True)

    def pieces(
        self, chunk: Chunk, rows: Column, helper: Executor | None = None
    ) -> Iterator[tuple[Column, bytes, int]]:
        """Yield (rows, bytes that hold them, offset of the first byte).

        Args:
            helper: a thread of it reads the next piece while the caller works on one, which is larger then.

        Raises:
            SourceError: the file does not hold these bytes any more.
        """
        source = self._source(chunk.file)
        if helper is None:
            for group in _windows(chunk, rows, _WINDOW_BYTES):
                yield _piece(source, chunk, group)
            return
        waiting: Future[tuple[Column, bytes, int]] | None = None
        try:
            for group in _windows(chunk, rows, _LARGE_WINDOW_BYTES):
                before, waiting = waiting, helper.submit(_piece, source, chunk, group)
                if before is not None:
                    yield before.result()
            if waiting is not None:
                yield waiting.result()
        finally:
            # Nobody reads from a source that is closed next.
            if waiting is not None:
                waiting.cancel()
                waiting.exception() if not waiting.cancelled() else None

    def split(self, data: bytes, base: int, chunk: Chunk, rows: Column) -> list[list[bytes]]:
        starts, ends = spans_of(chunk.columns.offsets, rows)
        try:
            return split_rows(memoryview(data), base, starts)
        except NotCanonical:
            # Some command is written in a way that only the scanner knows.
            return [
                read_frame(data[start - base : end - base], start).argv
                for start, end in zip(starts, ends, strict=True)
            ]

    def _source(self, file: int) -> Source:
        if file not in self._sources:
            if len(self._sources) >= _OPEN_FILES:
                # Files are read in order: the one that was opened first is needed last, if ever.
                self._sources.pop(next(iter(self._sources))).close()
            self._sources[file] = open_source(self._paths[file])
        return self._sources[file]


def _starts(chunk: Chunk, rows: Column) -> Column:
    return spans_of(chunk.columns.offsets, rows)[0]


def _piece(source: Source, chunk: Chunk, group: Column) -> tuple[Column, bytes, int]:
    """Return rows, the bytes from the first to the last of them, and where these start.

    Raises:
        SourceError: the file does not hold these bytes any more.
    """
    start, end = chunk.columns.offsets[group[0]], chunk.columns.offsets[group[-1] + 1]
    data = source.read_at(start, end - start)
    if len(data) != end - start:
        raise SourceError(f"{source.name} has changed since it was read", path=source.path)
    return group, data, start


def _windows(chunk: Chunk, rows: Column, window_bytes: int) -> Iterator[Column]:
    """Split rows into groups whose bytes lie close together and fit a window."""
    if not len(rows):
        return
    starts, ends = spans_of(chunk.columns.offsets, rows)
    first = 0
    while first < len(rows):
        # At least one row, however large it is.
        stop = max(first + 1, bisect_right(ends, starts[first] + window_bytes))
        yield rows[first:stop]
        first = stop
