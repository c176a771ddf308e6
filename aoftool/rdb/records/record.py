"""One key of an RDB part: where it stands, what the structure says of it, its value on demand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aoftool.kernels import kernel
from aoftool.rdb.records import _record_py
from aoftool.rdb.records._record_py import RecordContext
from aoftool.rdb.walk.walker import WalkerProtocol

__all__ = ["Record", "RecordContext", "build_records", "record_of_row"]

_chosen = kernel("aoftool.rdb.records._record_cy")
if TYPE_CHECKING:
    from aoftool.rdb.records._record_py import Record
else:
    Record = _chosen.Record

build_records: Callable[[WalkerProtocol, bytes | memoryview | None, int, RecordContext], list[Record]]
build_records = _chosen.build_records


def record_of_row(row: tuple[int, ...], context: RecordContext) -> Record:
    """Return the record of a row that was found before; its bytes are read from the context's source.

    Args:
        row: numbers in the order of `aoftool.rdb.walk.walker.Row`.
    """
    return _record_py.Record(None, 0, row, context)
