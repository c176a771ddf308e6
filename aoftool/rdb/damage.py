"""What can be wrong in an RDB part: stable codes, their wording, and how they travel.

Damage found while walking or checking is data (`RdbIssue`). A decoder that is asked for a value it
cannot give raises `EncodingDamage` with the same code. Knows nothing of what a server would do
with the damage: that is the business of `aoftool.check`.
"""

from __future__ import annotations

from aoftool.errors import RdbError
from aoftool.namedtuple import NamedTuple

__all__ = ["MESSAGES", "EncodingDamage", "RdbIssue", "damage"]

MESSAGES = {
    "rdb-empty": "the file is empty",
    "rdb-magic": "this is not an RDB: it starts with neither REDIS, VALKEY nor VCS",
    "rdb-version": "the version in the header is not a number from 1 up",
    "rdb-envelope": "an envelope that aoftool cannot open wraps this RDB",
    "rdb-truncated": "the input ends inside this item",
    "rdb-unknown": "a type or an opcode that aoftool cannot read, though nothing says that it is damaged",
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
    "score-nan": "a score is NaN",
    "zset-order": "the members of a sorted set blob are not in order",
    "duplicate-element": "a set, sorted set or hash holds the same element twice",
    "value-empty": "a collection without elements",
    "list-node": "a list node holds more than 65535 elements, which no server counts right",
    "hash-ttl-order": "the fields of a hash blob are not in order of their expire times",
    "hash-odd": "a hash or sorted set blob holds a field without its value",
    "hash-ttl": "the expire time of a hash field is out of range",
    "stream-key": "the key of a stream node is not a 16-byte ID",
    "stream-node": "a stream node's entries do not follow its layout",
    "stream-node-key": "a stream node's key is not the ID of its first entry",
    "stream-node-count": "a stream node counts other live or deleted entries than it holds",
    "stream-entry-count": "a stream entry states a wrong number of elements",
    "stream-order": "the IDs of a stream do not rise",
    "stream-length": "the length of a stream is not the number of its live entries",
    "stream-last-id": "the last ID of a stream is below the ID of an entry",
    "stream-first-id": "the first ID of a stream is not that of its first live entry",
    "stream-max-deleted": "the greatest deleted ID of a stream is above its last ID",
    "stream-entries-added": "a stream counts fewer entries added than it holds",
    "stream-group": "a stream has two consumer groups of the same name",
    "stream-consumer": "a consumer group has two consumers of the same name",
    "stream-pel-twice": "a pending entry is listed twice in its group or by its consumers",
    "stream-pel-owner": "a pending entry of a group belongs to no consumer",
    "stream-pel-unknown": "a consumer holds a pending entry that its group does not list",
    "duplicate-key": "the same key stands twice in one database",
    "database-range": "a database number above 15, which servers refuse with default settings",
    "database-again": "a database is selected again after another one",
    "function-name": "a function library does not say its name in its first line",
    "function-again": "the same function library stands twice in the part",
    "slot-info": "a slot-info field holds fewer than three numbers",
    "slot-import": "a slot import has a job name of other than 40 bytes, or no such slots",
    "trailing-bytes": "bytes follow the end of the RDB",
    "resize-hint": "a RESIZEDB opcode announces another number of keys than there are",
    "resize-room": "a RESIZEDB opcode announces more keys than any memory holds",
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

    def in_value(self, start: int) -> EncodingDamage:
        """Return the same damage at its place in the input, the value standing at `start`.

        Damage inside a blob gets the place of the value: the blob may be packed.
        """
        inside = self.code.startswith(("blob-", "intset-", "zipmap-", "hash-", "stream-node"))
        return EncodingDamage(self.code, start + (0 if inside else self.offset or 0), self.message)

    def issue(self, base: int = 0) -> RdbIssue:
        """Return this damage as data, `base` bytes further on."""
        return RdbIssue(self.code, (self.offset or 0) + base, self.message)


def damage(code: str, offset: int) -> EncodingDamage:
    """Return the exception for a code: the one constructor that compiled kernels call."""
    return EncodingDamage(code, offset)
