"""Records of an RDB part as columns, for deciding millions of them at once.

The compiled counterpart of going through `RecordReader` one by one; absent without compiled code.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from aoftool.kernels import kernel_alone
from aoftool.liveness.model import Trace
from aoftool.rdb.decode.strings import read_string
from aoftool.rdb.records._record_py import EMPTY_MOST, Record
from aoftool.rdb.records.reader import RecordReader

__all__ = ["NATIVE", "Decider", "RowReader", "rows_of", "usable"]

# Flag of a row: its elements are not counted.
_UNCOUNTED = 8

if TYPE_CHECKING:
    from aoftool.liveness._keys_cy import KeyTable
    from aoftool.rewrite.decide._rows_cy import UNKNOWN, Decider, fields, number_rows

    NATIVE: bool
elif all(
    kernel_alone(name)
    for name in ("aoftool.liveness._keys_cy", "aoftool.rdb.walk._walk_cy", "aoftool.rewrite.decide._rows_cy")
):
    from aoftool.liveness._keys_cy import KeyTable
    from aoftool.rewrite.decide._rows_cy import UNKNOWN, Decider, fields, number_rows

    NATIVE = True
else:
    NATIVE, Decider = False, None


class RowReader(RecordReader):
    """Give the records of an RDB part window by window."""

    def numbered(self, trace: Trace) -> Iterator[tuple[bytes, NDArray[np.int64]]]:
        """Yield (packed rows, key numbers, -1 where the table lacks the key) in file order."""
        walker: Any = self._pass.walker
        if walker is None or self._context is None:
            return
        # This module is of use with the kernels only, and these have one table of keys.
        keys = cast("KeyTable", trace.keys)
        for piece, offset in self._pass.windows():
            self._hold(piece, offset)
            packed = walker.take_packed_rows()
            if packed:
                packed = self._without_empty(packed)
                # The window as a whole: rows of what was skipped are left out, their bytes are not.
                numbers = number_rows(keys, packed, self._held(), self._base)
                for index in np.flatnonzero(numbers == UNKNOWN).tolist():
                    numbers[index] = self._number(trace, rows_of(packed)[index])
                yield packed, numbers
            self._let_go(walker.needed_from, offset + len(piece))

    def _without_empty(self, packed: bytes) -> bytes:
        """Return packed rows without those of collections that hold nothing, where these are skipped."""
        context = self._context
        assert context is not None
        if not context.skip_empty:
            return packed
        rows = rows_of(packed)
        uncounted = (rows["flags"] & _UNCOUNTED) != 0
        maybe = np.flatnonzero(
            np.where(uncounted, rows["end"] - rows["value_at"] <= EMPTY_MOST, rows["elements"] == 0)
        )
        gone = [index for index in maybe.tolist() if self._record(rows[index]).is_empty]
        if not gone:
            return packed
        context.empty += len(gone)
        context.empty_bytes += int((rows["end"][gone] - rows["start"][gone]).sum())
        return np.delete(rows, gone).tobytes()

    def _record(self, row: Any) -> Record:
        assert self._context is not None
        data = self._held() if int(row["start"]) >= self._base else None
        return Record(data, self._base, tuple(row.tolist()), self._context)

    def _number(self, trace: Trace, row: Any) -> int:
        """Return the number of a key that is packed, or stands in bytes that were not kept."""
        start, end = int(row["key_at"]), int(row["value_at"])
        if start >= self._base:
            raw = self._held()[start - self._base : end - self._base]
        else:
            assert self._context is not None
            assert self._context.source is not None
            raw = self._context.source.read_at(start, end - start)
        return trace.keys.find(int(row["db"]), read_string(raw, 0)[0])


def usable(trace: Trace) -> bool:
    """Tell whether rows can be had for this trace."""
    # Records of emptied slots are decided one by one.
    return NATIVE and isinstance(trace.keys, KeyTable) and trace.emptied is None


def rows_of(packed: bytes) -> NDArray[Any]:
    """Return packed rows as an array whose columns have the names of `_rows_cy.fields`."""
    return np.frombuffer(packed, np.dtype([(name, np.int64) for name in fields()]))
