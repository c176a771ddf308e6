"""The magic and version at the start of an RDB.

`REDIS` and four digits, `VALKEY` and three digits (Valkey 9.0 and later), or `VKCS`: the LZ4 envelope
of Valkey 9.2, known by name only. Which server accepts which version is not known here.
"""

from __future__ import annotations

from typing import NamedTuple

from aoftool.rdb.damage import MESSAGES, RdbIssue
from aoftool.rdb.opcodes import Family

__all__ = ["ENVELOPE", "HEADER_BYTES", "RdbHeader", "is_rdb", "parse_header"]

HEADER_BYTES = 9
ENVELOPE = b"VKCS"
_MAGICS = {b"REDIS": Family.REDIS, b"VALKEY": Family.VALKEY}


class RdbHeader(NamedTuple):
    """The nine bytes, the family that gives the numbers their meaning, and the version."""

    magic: bytes
    family: Family
    version: int


def is_rdb(head: bytes) -> bool:
    """Tell whether the first bytes of a file announce an RDB, readable or not.

    Servers look at five or six bytes; a file shorter than a magic is none.
    """
    return head.startswith((*_MAGICS, ENVELOPE))


def parse_header(head: bytes, offset: int = 0) -> RdbHeader | RdbIssue:
    """Return the header in the first nine bytes, or what is wrong with it.

    Args:
        head: the first nine bytes, fewer where the input ends.
        offset: where they stand, for the issue.
    """
    for magic, family in _MAGICS.items():
        if head.startswith(magic):
            return _versioned(head, len(magic), family, offset)
    if not head:
        return _issue("rdb-empty", offset)
    if head.startswith(ENVELOPE):
        return _issue("rdb-envelope", offset)
    if any(magic.startswith(head) for magic in (*_MAGICS, ENVELOPE)):
        return _issue("rdb-truncated", offset)
    return _issue("rdb-magic", offset)


def _versioned(head: bytes, size: int, family: Family, offset: int) -> RdbHeader | RdbIssue:
    digits = head[size:HEADER_BYTES]
    if digits and not digits.isdigit():
        return _issue("rdb-version", offset + size)
    if len(head) < HEADER_BYTES:
        return _issue("rdb-truncated", offset)
    if int(digits) < 1:
        return _issue("rdb-version", offset + size)
    return RdbHeader(head[:HEADER_BYTES], family, int(digits))


def _issue(code: str, offset: int) -> RdbIssue:
    return RdbIssue(code, offset, MESSAGES[code])
