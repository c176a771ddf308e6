"""Tables as files: Parquet, Arrow IPC, CSV, JSON lines. Row groups and batches keep memory bounded.

In CSV, text that a spreadsheet would take for a formula gets an apostrophe in front, and lists are joined by
blanks, as in every CSV here.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import IO, Protocol, cast

import numpy as np
import numpy.typing as npt

from aoftool.tables.arrow import ArrowTable, need_extra
from aoftool.tables.batch import Batch, Chosen, Data, Lists, Texts, nothing_of, texts_of
from aoftool.tables.schema import Column, Kind, Table
from aoftool.tables.stops import Stops

__all__ = ["Format", "Written", "write_table"]

# Encoded rows of a group wait in memory for its end.
_GROUP_ROWS, _GROUP_ROWS_OF_LISTS = 1 << 17, 1 << 12
# Numbers that rise from row to row: a dictionary of them is made in vain, differences are small. Measured:
# half the file, and a third less time.
_RISING = ("offset", "index")
_WRITTEN_BYTES = 1 << 20
_FORMULA = b"=+-@'"


class Format(str, Enum):
    """What a table is written as; the values are the endings of the files."""

    parquet = "parquet"
    arrow = "arrow"
    csv = "csv"
    jsonl = "jsonl"


class Written(Protocol):
    """Takes bytes."""

    def write(self, data: bytes) -> None:
        """Add bytes at the end."""


class _Sink:
    """A file object of the few words that the libraries need."""

    def __init__(self, out: Written) -> None:
        self._out = out
        self._at = 0
        self._held: list[bytes] = []
        self._held_bytes = 0
        self.failure: BaseException | None = None

    def write(self, data: bytes) -> int:
        """Add bytes; a failure is kept for the next batch or the end, for of some the library panics.

        The library writes some KiB at a time, half a million of them for a large log: they are put together.
        """
        self._held.append(bytes(data))
        self._held_bytes += len(data)
        self._at += len(data)
        if self._held_bytes >= _WRITTEN_BYTES:
            self.hand_on()
        return len(data)

    def hand_on(self) -> None:
        """Write what is held."""
        held, self._held, self._held_bytes = self._held, [], 0
        if self.failure is None and held:
            try:
                self._out.write(b"".join(held))
            except BaseException as failure:
                self.failure = failure

    def flush(self) -> None:
        """Do nothing: what takes the bytes syncs them at its end."""

    def seek(self, offset: int, whence: int = 0) -> int:
        """Refuse to go anywhere else: nothing is written twice."""
        if (whence, offset) not in ((0, self._at), (1, 0), (2, 0)):
            raise OSError("this file is written front to back")
        return self._at


def write_table(
    table: Table, batches: Iterable[Batch], form: Format, out: Written, arguments: bool = False
) -> int:
    """Write a table and return how many rows it has.

    Args:
        arguments: rows are large, for they hold arguments of commands.

    Raises:
        MissingExtraError: the libraries are not there.
        AoftoolError: whatever the batches and `out` raise.
    """
    try:
        importlib.import_module("arro3.io")
    except ImportError as error:
        raise need_extra(form.value, error) from error
    rows = 0

    def counted() -> Iterator[Batch]:
        nonlocal rows
        for batch in _for_csv(table, batches) if form is Format.csv else batches:
            if sink.failure is not None:
                raise sink.failure
            rows += batch.rows
            yield batch

    stops = Stops()
    source = ArrowTable(_flat(table) if form is Format.csv else table, counted, stops)
    sink = _Sink(out)
    try:
        with stops.kept():
            _write(source, cast(IO[bytes], sink), form, arguments)
            sink.hand_on()
    except BaseException:
        # The library tells what went wrong in words of its own.
        failure = sink.failure or source.failure
        if failure is not None:
            raise failure from None
        raise
    if sink.failure is not None:
        raise sink.failure
    return rows


def _write(source: ArrowTable, file: IO[bytes], form: Format, arguments: bool) -> None:
    from arro3 import io

    table, stream = source.table, source.reader()
    if form is Format.parquet:
        most = _GROUP_ROWS_OF_LISTS if arguments else _GROUP_ROWS
        rising = [name for name in _RISING if name in table.names]
        io.write_parquet(
            stream,
            file,
            compression="zstd(1)",
            max_row_group_size=most,
            column_dictionary_enabled=dict.fromkeys(rising, False),
            column_encoding=dict.fromkeys(rising, "delta_binary_packed"),
        )
    elif form is Format.arrow:
        io.write_ipc(stream, file)
    elif form is Format.csv:
        io.write_csv(stream, file, header=True)
    else:
        io.write_ndjson(stream, file, explicit_nulls=True)


def _flat(table: Table) -> Table:
    columns = tuple(
        Column(column.name, Kind.TEXT if column.kind is Kind.TEXTS else column.kind, column.meaning)
        for column in table.columns
    )
    return Table(table.name, table.about, columns)


def _for_csv(table: Table, batches: Iterable[Batch]) -> Iterator[Batch]:
    # The head of the file is written with the first batch.
    yield Batch(0, {column.name: nothing_of(column.kind, 0) for column in _flat(table).columns})
    for batch in batches:
        columns = {column.name: _harmless(batch.columns[column.name]) for column in table.columns}
        yield Batch(batch.rows, columns)


def _harmless(data: Data) -> Data:
    if isinstance(data, Lists):
        return _harmless(_joined(data))
    if isinstance(data, Chosen):
        return Chosen(data.numbers, _quoted(data.texts))
    return _quoted(data) if isinstance(data, Texts) else data


def _quoted(texts: Texts) -> Texts:
    """Put an apostrophe before every text that begins like a formula, or with one."""
    raw = np.frombuffer(texts.data + b"\0", np.uint8)
    begins = np.isin(raw[texts.offsets[:-1]], list(_FORMULA)) & (np.diff(texts.offsets) > 0)
    if not begins.any():
        return texts
    parts: list[bytes] = []
    done = 0
    for at in texts.offsets[:-1][begins].tolist():
        parts += (texts.data[done:at], b"'")
        done = at
    parts.append(texts.data[done:])
    added = np.concatenate((np.zeros(1, np.int32), np.cumsum(begins, dtype=np.int32)))
    return Texts(texts.offsets + added, b"".join(parts), texts.valid)


def _joined(data: Lists) -> Texts:
    """Return each list as one text: its items with blanks between, quoted where they hold any."""
    items = data.items
    texts = items.texts if isinstance(items, Chosen) else items
    lengths = np.diff(texts.offsets)
    if not any(odd in texts.data for odd in (b" ", b'"')) and bool((lengths > 0).all()):
        return _joined_plain(data, texts, lengths)
    ends = texts.offsets.tolist()
    numbers = items.numbers.tolist() if isinstance(items, Chosen) else range(len(ends) - 1)
    words = [_word(texts.data[ends[at] : ends[at + 1]].decode()) for at in numbers]
    bounds = data.offsets.tolist()
    valid = np.ones(len(bounds) - 1, np.bool_) if data.valid is None else data.valid
    return texts_of(
        [
            " ".join(words[begin:end]) if there else None
            for begin, end, there in zip(bounds, bounds[1:], valid.tolist(), strict=False)
        ]
    )


def _joined_plain(data: Lists, texts: Texts, lengths: npt.NDArray[np.int32]) -> Texts:
    """Return the same of items that need no quotes, without an object for each."""
    items = data.items
    numbers = items.numbers if isinstance(items, Chosen) else np.arange(len(lengths))
    numbers = numbers[: data.offsets[-1]]
    taken = lengths[numbers].astype(np.int64) + 1
    ends = np.cumsum(taken)
    # Every item with a byte behind it, which is a blank, or nothing where the list ends.
    total = int(ends[-1]) if len(ends) else 0
    places = np.arange(total) + np.repeat(texts.offsets[numbers] - (ends - taken), taken)
    raw = np.frombuffer(texts.data + b" ", np.uint8)[np.minimum(places, len(texts.data))]
    raw[ends - 1] = ord(" ")
    counts = np.diff(data.offsets)
    kept = np.ones(total, np.bool_)
    kept[ends[data.offsets[1:][counts > 0] - 1] - 1] = False
    offsets = np.concatenate((np.zeros(1, np.int64), ends))[data.offsets]
    offsets[1:] -= np.cumsum(counts > 0)
    return Texts(offsets.astype(np.int32), raw[kept].tobytes(), data.valid)


def _word(text: str) -> str:
    return f'"{text}"' if not text or " " in text or '"' in text else text
