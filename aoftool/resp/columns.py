"""Rows of commands as plain columns of bytes, the form in which a scanner hands them over.

Every column but `key_bytes` holds native 64-bit signed integers. Needs no numpy, so that consumers
which want Python objects do not pay for its import.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left

from aoftool.namedtuple import NamedTuple

__all__ = ["RowColumns", "rows_between", "untimed_first"]

_NUMBER_BYTES = 8


class RowColumns(NamedTuple):
    """One row for each command, and one key row for each key of those commands.

    Attributes:
        offset, length, argc: where the command starts, its bytes with framing, its arguments.
        command: number of its name in the scanner's `names()`.
        db, txn, time_s: as in `Command`.
        lenient: 1 when it needed the lenient grammar.
        key_end: number of key rows up to and including this command (of this set of columns).
        key_argument, key_offset, key_length: index in argv, and span of the key's bytes.
        key_bytes_end: end of the key's bytes in `key_bytes`; fewer than `key_length` are kept when
            the key is longer than `Limits.KEY_BYTES` or the command's keys together are too long.
        key_bytes: the bytes of all keys, one behind the other.
    """

    offset: bytes = b""
    length: bytes = b""
    argc: bytes = b""
    command: bytes = b""
    db: bytes = b""
    txn: bytes = b""
    time_s: bytes = b""
    lenient: bytes = b""
    key_end: bytes = b""
    key_argument: bytes = b""
    key_offset: bytes = b""
    key_length: bytes = b""
    key_bytes_end: bytes = b""
    key_bytes: bytes = b""


def rows_between(rows: RowColumns, first: int, last: int | None) -> RowColumns:
    """Return the rows of commands that start at `first` or behind, and before `last`; None for no bound."""
    offsets = _numbers(rows.offset)
    begin = bisect_left(offsets, first)
    end = len(offsets) if last is None else max(bisect_left(offsets, last), begin)
    if (begin, end) == (0, len(offsets)):
        return rows
    key_end = _numbers(rows.key_end)
    first_key = key_end[begin - 1] if begin else 0
    end_key = key_end[end - 1] if end else 0
    byte_end = _numbers(rows.key_bytes_end)
    first_byte = byte_end[first_key - 1] if first_key else 0
    end_byte = byte_end[end_key - 1] if end_key else 0
    of_rows = slice(begin * _NUMBER_BYTES, end * _NUMBER_BYTES)
    of_keys = slice(first_key * _NUMBER_BYTES, end_key * _NUMBER_BYTES)
    return RowColumns(
        offset=rows.offset[of_rows],
        length=rows.length[of_rows],
        argc=rows.argc[of_rows],
        command=rows.command[of_rows],
        db=rows.db[of_rows],
        txn=rows.txn[of_rows],
        time_s=rows.time_s[of_rows],
        lenient=rows.lenient[of_rows],
        key_end=array("q", (number - first_key for number in key_end[begin:end])).tobytes(),
        key_argument=rows.key_argument[of_keys],
        key_offset=rows.key_offset[of_keys],
        key_length=rows.key_length[of_keys],
        key_bytes_end=array("q", (number - first_byte for number in byte_end[first_key:end_key])).tobytes(),
        key_bytes=rows.key_bytes[first_byte:end_byte],
    )


def untimed_first(rows: RowColumns) -> tuple[RowColumns, RowColumns]:
    """Return the rows in front of the first with a time, and the others; once told, a time goes on."""
    if not rows.offset:
        return rows, rows
    times, offsets = _numbers(rows.time_s), _numbers(rows.offset)
    at = next((number for number, time_s in enumerate(times) if time_s >= 0), None)
    if at is None:
        return rows, RowColumns()
    return rows_between(rows, 0, offsets[at]), rows_between(rows, offsets[at], None)


def _numbers(column: bytes) -> array[int]:
    numbers = array("q")
    numbers.frombytes(column)
    return numbers
