"""Rows of commands as plain columns of bytes, the form in which a scanner hands them over.

Every column but `key_bytes` holds native 64-bit signed integers. Needs no numpy, so that consumers
which want Python objects do not pay for its import.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["RowColumns"]


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
