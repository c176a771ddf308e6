"""Records of an RDB part as columns, for deciding millions of them at once.

The compiled counterpart of going through `RecordReader` one by one; absent without compiled code.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aoftool.liveness.model import Trace
from aoftool.native import PURE
from aoftool.rdb.reader import RecordReader
from aoftool.rdb.strings import read_string

__all__ = ["EXPIRES", "NATIVE", "RowReader", "split_times", "usable"]

if TYPE_CHECKING:
    from aoftool.liveness._keys_cy import KeyTable
    from aoftool.rewrite._rows_cy import UNKNOWN, fields, number_rows

    NATIVE: bool
elif PURE:
    NATIVE = False
else:
    try:
        from aoftool.liveness._keys_cy import KeyTable
        from aoftool.rdb._walk_cy import Walker as _Walker
        from aoftool.rewrite._rows_cy import UNKNOWN, fields, number_rows

        NATIVE = hasattr(_Walker, "take_packed_rows")
    except ImportError:
        NATIVE = False

EXPIRES = 1
"""Flag of a row: it has an expire time."""
_TIMED = 7


class RowReader(RecordReader):
    """Give the records of an RDB part as numpy rows, window by window."""

    def numbered(self, trace: Trace) -> Iterator[tuple[NDArray[Any], NDArray[np.int64]]]:
        """Yield (rows, key numbers, -1 where the table lacks the key) in file order.

        Columns have the names of `_rows_cy.fields`; `number` is the type byte.
        """
        kind = np.dtype([(name, np.int64) for name in fields()])
        walker: Any = self._pass.walker
        if walker is None or self._context is None:
            return
        for piece, offset in self._pass.windows():
            self._hold(piece, offset)
            packed = walker.take_packed_rows()
            data, base = self._view(), self._base
            if packed:
                rows = np.frombuffer(packed, kind)
                numbers = number_rows(trace.keys, packed, b"" if data is None else data, base)  # type: ignore[arg-type]
                for index in np.flatnonzero(numbers == UNKNOWN).tolist():
                    numbers[index] = self._number(trace, rows[index])
                yield rows, numbers
            self._let_go(walker.needed_from, offset + len(piece))

    def _number(self, trace: Trace, row: Any) -> int:
        """Return the number of a key that is packed, or stands in bytes that were not kept."""
        start, end = int(row["key_at"]), int(row["value_at"])
        data, base = self._view(), self._base
        if data is not None and start >= base:
            raw = bytes(data[start - base : end - base])
        else:
            assert self._context is not None
            assert self._context.source is not None
            raw = self._context.source.read_at(start, end - start)
        return trace.keys.find(int(row["db"]), read_string(raw, 0)[0])


def usable(trace: Trace) -> bool:
    """Tell whether rows can be had for this trace."""
    return NATIVE and isinstance(trace.keys, KeyTable)


def split_times(rows: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell of which rows a time stands outside of the span; see `Record.split_times`."""
    found: NDArray[np.bool_] = (rows["start"] == rows["type_at"]) & ((rows["flags"] & _TIMED) != 0)
    return found
