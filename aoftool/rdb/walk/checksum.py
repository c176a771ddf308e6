"""The CRC64 at the end of an RDB: CRC-64/Jones, reflected, start 0, no final xor, stored LE.

It covers every byte from the magic to the EOF opcode. A stored 0 means that the writer had
checksums off. Source: Valkey 9.1 src/crc64.c; `123456789` gives e9c6d914c4b8d9ca.
"""

from __future__ import annotations

from enum import Enum
from functools import cache
from typing import Any, Final

from aoftool.dataclass import dataclass

__all__ = ["CHECKSUM_BYTES", "CHECKSUM_SINCE", "Checksum", "ChecksumState", "crc64"]

CHECKSUM_BYTES: Final = 8
# First RDB version with a checksum behind the end. Source: Redis 2.6 src/rdb.c rdbLoad.
CHECKSUM_SINCE: Final = 5


class ChecksumState(Enum):
    """What is known of a checksum."""

    OK = "ok"
    WRONG = "wrong"
    DISABLED = "disabled"  # stored as 0: the writer had rdbchecksum off
    ABSENT = "absent"  # the version is below 5: there is none
    UNREAD = "unread"  # the end was not reached


@dataclass(frozen=True, slots=True)
class Checksum:
    """A verdict with both numbers; None where there is none."""

    state: ChecksumState
    stored: int | None = None
    computed: int | None = None


@cache
def _model() -> Any:
    # Not above: most runs meet no RDB and need only the names of this module.
    import anycrc

    return anycrc.Model("CRC64-REDIS")


def crc64(data: bytes | bytearray | memoryview, start: int = 0) -> int:
    """Return the CRC64 of the bytes, going on from `start`; about 10 GB/s on large buffers."""
    result: int = _model().calc(data, start)
    return result
