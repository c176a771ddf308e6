"""What can be wrong in an RDB part: stable codes, their wording, and how they travel.

Damage found while walking or checking is data (`RdbIssue`). A decoder that is asked for a value it
cannot give raises `EncodingDamage` with the same code. Knows nothing of what a server would do
with the damage: that is the business of `aoftool.check`.
"""

from __future__ import annotations

from typing import NamedTuple

from aoftool.errors import RdbError

__all__ = ["MESSAGES", "EncodingDamage", "RdbIssue", "damage"]

MESSAGES = {
    "rdb-empty": "the file is empty",
    "rdb-magic": "this is not an RDB: it starts with neither REDIS, VALKEY nor VKCS",
    "rdb-version": "the version in the header is not a number from 1 up",
    "rdb-envelope": "an LZ4 envelope (VKCS, Valkey 9.2 and later) wraps this RDB; it cannot be read yet",
    "rdb-truncated": "the input ends inside this item",
    "rdb-opcode": "no type or opcode of this format family has this number",
    "rdb-opcode-layout": "this type or opcode has no layout that can be walked",
    "rdb-length": "a length starts with a byte that is not a length encoding",
    "rdb-string": "a string starts with a byte that is not a string encoding",
    "rdb-variant": "a tag inside the value is out of range",
    "rdb-module-item": "a module value holds an item of unknown kind",
    "rdb-template": "a hash names a template that was not defined before it",
    "rdb-command": "the replayed command is not well-formed RESP",
    "rdb-checksum": "the stored checksum differs from the computed one",
    "lzf-invalid": "a compressed string does not unpack to its stated length",
    "blob-size": "the size in the blob's header differs from its real size",
    "blob-short": "the blob is shorter than its header or an entry says",
    "blob-end": "the blob does not end with its end mark",
    "blob-count": "the entry count in the blob's header differs from the entries in it",
    "blob-encoding": "an entry of the blob starts with an invalid encoding byte",
    "blob-tail": "the offset of the last entry in the header is wrong",
    "blob-backlink": "an entry states a wrong length for walking backwards",
    "blob-trailing": "bytes follow the end mark inside the blob",
    "intset-width": "an intset's width is not 2, 4 or 8",
    "intset-order": "an intset's members are not strictly ascending",
    "zipmap-length": "a zipmap holds an invalid length byte",
    "score-text": "a score is not a number",
    "hash-odd": "a hash or sorted set blob holds a field without its value",
    "hash-ttl": "the expire time of a hash field is out of range",
    "stream-key": "the key of a stream node is not a 16-byte ID",
    "stream-node": "a stream node's entries do not follow its layout",
}


class RdbIssue(NamedTuple):
    """Say what is wrong at one place.

    Attributes:
        code: stable name of the class of damage.
        offset: absolute offset in the (decompressed) input of the byte that shows it.
        message: one printable sentence.
    """

    code: str
    offset: int
    message: str


class EncodingDamage(RdbError):
    """Bytes that break an encoding; `code` is one of `MESSAGES`, `offset` counts from the start of
    the buffer that was decoded unless the caller moved it."""

    def __init__(self, code: str, offset: int, message: str | None = None) -> None:
        super().__init__(message or MESSAGES[code], offset=offset)
        self.code = code

    def moved(self, base: int) -> EncodingDamage:
        """Return the same damage, `base` bytes further on."""
        return EncodingDamage(self.code, (self.offset or 0) + base, self.message)

    def issue(self, base: int = 0) -> RdbIssue:
        """Return this damage as data, `base` bytes further on."""
        return RdbIssue(self.code, (self.offset or 0) + base, self.message)


def damage(code: str, offset: int) -> EncodingDamage:
    """Return the exception for a code: the one constructor that compiled kernels call."""
    return EncodingDamage(code, offset)
