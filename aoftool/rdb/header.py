"""The magic and version at the start of an RDB.

`REDIS` and four digits, or `VALKEY` and three digits (Valkey 9.0 and later). The envelope of a compressed
RDB (`VCS`, Valkey 9.2) is taken off by `aoftool.files`, so that only one it cannot open is seen here; `VKCS`
was its draft. Which server accepts which version is not known here.
"""

from __future__ import annotations

from aoftool.namedtuple import NamedTuple
from aoftool.rdb.damage import MESSAGES, RdbIssue
from aoftool.rdb.family import Family

__all__ = ["HEADER_BYTES", "RdbHeader", "is_rdb", "parse_header"]

HEADER_BYTES = 9
_DRAFT = b"VKCS"
_ENVELOPE = b"VCS"
# The bytes behind the magic are numbers below this one; text is not.
_FIRST_TEXT = 0x20
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
    return head.startswith((*_MAGICS, _DRAFT)) or _is_envelope(head)


def _is_envelope(head: bytes) -> bool:
    return head.startswith(_ENVELOPE) and head[3:4] < bytes([_FIRST_TEXT]) and len(head) > len(_ENVELOPE)


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
    if head.startswith(_DRAFT):
        return RdbIssue("rdb-envelope", offset, f"{MESSAGES['rdb-envelope']}: VKCS, a draft of Valkey 9.2")
    if _is_envelope(head):
        return RdbIssue("rdb-envelope", offset, f"{MESSAGES['rdb-envelope']}: {_odd_envelope(head)}")
    if any(magic.startswith(head) for magic in (*_MAGICS, _DRAFT, _ENVELOPE)):
        return _issue("rdb-truncated", offset)
    return _issue("rdb-magic", offset)


def _odd_envelope(head: bytes) -> str:
    """Say what of an envelope is not as Valkey 9.2 writes it."""
    fields = zip(("version", "codec", "reserved byte", "kind of stream"), head[3:7], strict=False)
    known = {"version": (1,), "codec": (1, 2), "reserved byte": (0,), "kind of stream": (1,)}
    odd = [f"{name} {value}" for name, value in fields if value not in known[name]]
    return "VCS, " + (", ".join(odd) or "which ends inside its seven bytes")


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
