"""One key of an RDB part: where it stands, what the structure says of it, its value on demand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aoftool.rdb import _record_py
from aoftool.rdb._record_py import RecordContext
from aoftool.rdb.native import kernel
from aoftool.rdb.walker import WalkerProtocol

__all__ = ["Record", "RecordContext", "build_records"]

_chosen = kernel("_record_cy", _record_py)
if TYPE_CHECKING:
    from aoftool.rdb._record_py import Record
else:
    Record = _chosen.Record

build_records: Callable[[WalkerProtocol, bytes | memoryview | None, int, RecordContext], list[Record]]
build_records = _chosen.build_records
