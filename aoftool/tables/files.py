"""Tables as files: Parquet, Arrow IPC, CSV, JSON lines. Row groups and batches keep memory bounded.

Parquet and Arrow are written by libraries, which are optional; text is written here (`aoftool.tables.cells`).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import IO, Protocol, cast

from aoftool.tables.arrow import ArrowTable, need_extra
from aoftool.tables.batch import Batch
from aoftool.tables.cells import table_text
from aoftool.tables.schema import Table
from aoftool.tables.stops import Stops

__all__ = ["Format", "Written", "write_table"]

# Encoded rows of a group wait in memory for its end.
_GROUP_ROWS, _GROUP_ROWS_OF_LISTS = 1 << 17, 1 << 12
# Numbers that rise from row to row: a dictionary of them is made in vain, differences are small. Measured:
# half the file, and a third less time.
_RISING = ("offset", "index")
_ENCODED_ROWS = 1 << 13
_WRITTEN_BYTES = 1 << 20


class Format(str, Enum):
    """What a table is written as; the values are the endings of the files."""

    parquet = "parquet"
    arrow = "arrow"
    csv = "csv"
    jsonl = "jsonl"

    @property
    def is_text(self) -> bool:
        """Tell whether it is written without libraries."""
        return self in (Format.csv, Format.jsonl)


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
        MissingExtraError: the libraries are not there, which text does without.
        AoftoolError: whatever the batches and `out` raise.
    """
    rows = 0

    def counted() -> Iterator[Batch]:
        nonlocal rows
        for batch in batches:
            rows += batch.rows
            yield batch

    if form.is_text:
        for text in table_text(table, counted(), is_csv=form is Format.csv):
            out.write(text)
    else:
        _write_by_library(table, counted, form, out, arguments)
    return rows


def _write_by_library(
    table: Table, batches: Callable[[], Iterator[Batch]], form: Format, out: Written, arguments: bool
) -> None:
    """Write Parquet or Arrow; interruptions and failures of the output wait until the library has ended."""
    try:
        importlib.import_module("arro3.io")
    except ImportError as error:
        raise need_extra(form.value, error) from error
    sink = _Sink(out)

    def until_failure() -> Iterator[Batch]:
        for batch in batches():
            if sink.failure is not None:
                raise sink.failure
            yield batch

    stops = Stops()
    source = ArrowTable(table, until_failure, stops)
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
            # Pages end with their group, or where they are large. Measured: a sixth less time, and a tenth
            # less file, than pages of 20,000 rows.
            data_page_row_count_limit=most,
            write_batch_size=_ENCODED_ROWS,
            column_dictionary_enabled=dict.fromkeys(rising, False),
            column_encoding=dict.fromkeys(rising, "delta_binary_packed"),
        )
    else:
        io.write_ipc(stream, file)
