"""The keys of a piece of the log as columns of text, as they may be shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aoftool.dataclass import dataclass
from aoftool.escape import printable
from aoftool.redaction import Redactor
from aoftool.resp.columns import RowColumns
from aoftool.tables.batch import Texts, texts_of

__all__ = ["KeyColumns", "shown_texts"]

Column = npt.NDArray[np.int64]

# What `escape.printable` leaves as it is.
_PLAIN = bytes(byte for byte in range(0x20, 0x7F) if byte != 0x5C)
_IS_ODD = np.ones(256, np.bool_)
_IS_ODD[list(_PLAIN)] = False


@dataclass(slots=True)
class KeyColumns:
    """Keys of some rows.

    Attributes:
        start: shape (rows + 1,); the keys of row i are those from `start[i]` to `start[i + 1]`.
        length: true bytes of each key.
        ends: shape (keys + 1,); the bytes of key k are `data[ends[k]:ends[k + 1]]`.
    """

    start: Column
    length: Column
    ends: Column
    data: bytes

    @classmethod
    def of(cls, rows: RowColumns) -> KeyColumns:
        """Return those that the scanner found."""
        return cls(
            _starts(rows.key_end), _column(rows.key_length), _starts(rows.key_bytes_end), rows.key_bytes
        )

    def replaced(self, found: dict[int, Sequence[bytes]]) -> KeyColumns:
        """Return them with other keys in some rows."""
        keys = [list(found[row]) if row in found else self.keys(row) for row in range(len(self.start) - 1)]
        every = [key for own in keys for key in own]
        length = np.array([len(key) for key in every], np.int64)
        start = np.concatenate((np.zeros(1, np.int64), np.cumsum([len(own) for own in keys], dtype=np.int64)))
        ends = np.concatenate((np.zeros(1, np.int64), np.cumsum(length)))
        return KeyColumns(start, length, ends, b"".join(every))

    def keys(self, row: int) -> list[bytes]:
        """Return the kept bytes of the keys of a row."""
        return [self.key(number) for number in range(self.start[row], self.start[row + 1])]

    def key(self, number: int) -> bytes:
        """Return the kept bytes of a key."""
        return self.data[self.ends[number] : self.ends[number + 1]]

    def every(self) -> list[bytes]:
        """Return the kept bytes of all keys."""
        ends = self.ends.tolist()
        return [self.data[ends[at] : ends[at + 1]] for at in range(len(ends) - 1)]

    def texts(self, redactor: Redactor | None) -> Texts:
        """Return the keys as they may be shown."""
        if redactor is not None and redactor.hides_keys:
            return texts_of([printable(redactor.key(key)) for key in self.every()])
        return shown_texts(self.data, self.ends)


def shown_texts(data: bytes, ends: Column) -> Texts:
    """Return byte strings that lie end to end as printable text; what is plain ASCII is not copied.

    Args:
        ends: shape (strings + 1,), from 0.
    """
    if not data.translate(None, _PLAIN):
        return Texts(ends.astype(np.int32), data)
    raw = np.frombuffer(data, np.uint8)
    odd = np.unique(np.searchsorted(ends, np.flatnonzero(_IS_ODD[raw]), side="right") - 1)
    lengths = np.diff(ends)
    parts: list[bytes] = []
    done = 0
    for number in odd.tolist():
        begin, end = int(ends[number]), int(ends[number + 1])
        text = printable(data[begin:end]).encode()
        lengths[number] = len(text)
        parts += (data[done:begin], text)
        done = end
    parts.append(data[done:])
    offsets = np.zeros(len(ends), np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return Texts(offsets, b"".join(parts))


def _column(raw: bytes) -> Column:
    return np.frombuffer(raw, np.int64)


def _starts(ends: bytes) -> Column:
    return np.concatenate((np.zeros(1, np.int64), _column(ends)))
