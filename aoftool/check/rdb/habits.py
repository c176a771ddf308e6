"""What the keys and types of one RDB part look like, so that chance finds can be told from records.

Almost any bytes can be read as some record: three zeros are an empty string under an empty key. Behind
damage only such a place is believed to be the start of a record that looks like the other records of
the part and that its writer would have written this way. Knows no value and no place in a file.
"""

from __future__ import annotations

from aoftool.dataclass import dataclass, field
from aoftool.rdb.decode.strings import read_string, string_frame
from aoftool.rdb.opcodes import EXPIRETIME_MS, FREQ, FUNCTION2, IDLE, SELECTDB, Family, type_info
from aoftool.rdb.records.record import Record

__all__ = ["Habits", "written_types"]

_MAX_KEY_BYTES = 4096
_INTEGER, _PLAIN = -2, -1
_LONG_VALUE, _LONG_TEXT = 8, 4
# Types each version writes; what its loader reads besides is told by the records themselves.
# Source: Valkey 9.1 and Redis 8.0 src/rdb.c rdbSaveObjectType; measured on Redis 6.2.5 to 8.0.6 and
# Valkey 8.1.1, 9.1.2.
_SINCE_7 = frozenset({0, 2, 4, 5, 7, 11, 16, 17, 18, 19})
_OLD = frozenset({0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 12, 13, 14, 15})
_RDB_7_0, _RDB_7_2 = 10, 11
# Longest text of an integer that writers store as a number.
_INTEGER_TEXT = 11


def written_types(family: Family, version: int) -> frozenset[int]:
    """Return the value types that a server writes under a header."""
    if version < _RDB_7_0:
        return _OLD
    if version == _RDB_7_0:
        return _SINCE_7
    common = _SINCE_7 | {20, 21}
    if family is Family.VALKEY:
        return common | {22, 23}
    if version == _RDB_7_2:
        return common
    return common | {number for number in range(22, 34) if type_info(family, number) is not None}


@dataclass
class Habits:
    """What was learned from records that nothing speaks against.

    Attributes:
        family, version: of the part.
        types: value types to expect.
        integer_keys: keys that are whole numbers are used.
        binary_keys: keys that are no printable text are used.
        empty_keys: the empty key is used.
        longest_key: bytes.
        expiring: keys with an expire time are used.
    """

    family: Family
    version: int
    types: set[int] = field(default_factory=set)
    integer_keys: bool = False
    binary_keys: bool = False
    empty_keys: bool = False
    longest_key: int = 64
    expiring: bool = False

    def __post_init__(self) -> None:
        self.types |= written_types(self.family, self.version)

    def learn(self, record: Record, key: bytes) -> None:
        """Take a record in whose place there is no doubt of."""
        self.types.add(record.type_id)
        if not key:
            self.empty_keys = True
        elif not _is_text(key):
            self.binary_keys = True
        elif key.isdigit():
            self.integer_keys = True
        self.longest_key = max(self.longest_key, len(key))
        self.expiring = self.expiring or record.expire_at_ms is not None

    def starts(self) -> frozenset[int]:
        """Return the bytes that a record or a database can begin with."""
        return frozenset(self.types) | {EXPIRETIME_MS, IDLE, FREQ, SELECTDB, FUNCTION2}

    def key_fits(self, key: bytes) -> bool:
        """Tell whether a key looks like those of the part."""
        if not key:
            return self.empty_keys
        if len(key) > max(_MAX_KEY_BYTES, 2 * self.longest_key):
            return False
        return self.binary_keys or _is_text(key)

    def frame_fits(self, raw: bytes | memoryview, at: int) -> bool:
        """Tell whether a string is written as a server writes it: shortest length, numbers as numbers."""
        start, size, unpacked = string_frame(raw, at)
        if unpacked == _INTEGER:
            return True
        if unpacked != _PLAIN:
            return unpacked > size
        if start - at != (1 if size < 64 else 2 if size < 16384 else 5 if size < 1 << 32 else 9):
            return False
        return size > _INTEGER_TEXT or not _is_integer(bytes(raw[start : start + size]))

    def fits(self, record: Record, *, unnamed: bool = False) -> bool:
        """Tell whether a record looks like the others and is written as servers write.

        Args:
            unnamed: it may have the empty key, though no other has, if its value was surely meant.
        """
        if record.type_id not in self.types:
            return False
        raw = record.raw()
        key_at = record.key_start - record.start
        key = read_string(raw, key_at)[0]
        known = self.key_fits(key) or (unnamed and not key and _holds_much(record))
        if not known or not self.frame_fits(raw, key_at):
            return False
        return record.type_id != 0 or self.frame_fits(raw, record.value_start - record.start)


def _holds_much(record: Record) -> bool:
    """Tell whether a value is more than what chance makes of bytes that begin with zeros."""
    value = record.value_bytes()
    if record.type_id != 0:
        return len(value) >= _LONG_VALUE
    text = read_string(value, 0)[0]
    return len(text) >= _LONG_TEXT and _is_text(text)


def _is_text(key: bytes) -> bool:
    if key.isascii():
        return key.decode("ascii").isprintable()
    try:
        return key.decode("utf-8").isprintable()
    except UnicodeDecodeError:
        return False


def _is_integer(text: bytes) -> bool:
    """Tell whether text is the canonical form of a 32-bit number."""
    digits = text[1:] if text.startswith(b"-") else text
    if not digits.isdigit() or (digits.startswith(b"0") and text != b"0"):
        return False
    return -(1 << 31) <= int(text) < 1 << 31
