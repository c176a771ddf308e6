"""Type and opcode numbers of RDB files, by family, with the names people know them by.

Numbers 0 to 21 and 244 to 255 mean the same in both projects. The numbers between them collide: only
the magic of the file (`REDIS` or `VALKEY`) tells what 22, 23, 242 and 243 mean. The version in the
header does not gate anything: servers accept any number they know. Layouts are in `layouts`.
Sources: Redis 8.x src/rdb.h, Valkey 9.1 src/rdb.h; measured on Redis 6.2.5 to 8.0.6, Valkey 8.1.1
and 9.1.2.
"""

from __future__ import annotations

from aoftool.namedtuple import NamedTuple
from aoftool.rdb.family import Family

__all__ = [
    "AUX",
    "EOF",
    "EXPIRETIME",
    "EXPIRETIME_MS",
    "FREQ",
    "FUNCTION2",
    "FUNCTION_PRE_GA",
    "IDLE",
    "MODULE_AUX",
    "OPCODE_NAMES",
    "REDIS_HASH_TEMPLATE",
    "REDIS_KEY_META",
    "RESIZEDB",
    "SELECTDB",
    "SLOT_INFO",
    "STRING_FORMS",
    "VALKEY_SLOT_IMPORT",
    "VALKEY_UPDATE",
    "Family",
    "TypeInfo",
    "encoding_of",
    "opcode_name",
    "type_info",
]


REDIS_HASH_TEMPLATE = VALKEY_UPDATE = 242
REDIS_KEY_META = VALKEY_SLOT_IMPORT = 243
SLOT_INFO = 244
FUNCTION2 = 245
FUNCTION_PRE_GA = 246
MODULE_AUX = 247
IDLE = 248
FREQ = 249
AUX = 250
RESIZEDB = 251
EXPIRETIME_MS = 252
EXPIRETIME = 253
SELECTDB = 254
EOF = 255

OPCODE_NAMES = {
    SLOT_INFO: "SLOT_INFO",
    FUNCTION2: "FUNCTION2",
    FUNCTION_PRE_GA: "FUNCTION_PRE_GA",
    MODULE_AUX: "MODULE_AUX",
    IDLE: "IDLE",
    FREQ: "FREQ",
    AUX: "AUX",
    RESIZEDB: "RESIZEDB",
    EXPIRETIME_MS: "EXPIRETIME_MS",
    EXPIRETIME: "EXPIRETIME",
    SELECTDB: "SELECTDB",
    EOF: "EOF",
}
_FAMILY_OPCODES = {
    (Family.REDIS, 242): "HASH_TEMPLATE",
    (Family.REDIS, 243): "KEY_META",
    (Family.VALKEY, 242): "UPDATE",
    (Family.VALKEY, 243): "SLOT_IMPORT",
}


class TypeInfo(NamedTuple):
    """Name a value type: what TYPE answers and how the file encodes it."""

    type_name: str
    encoding: str


# A string value is the one type whose encoding is told by its first bytes, not by the type number.
STRING_FORMS = ("raw", "int", "lzf")

_SHARED = {
    0: TypeInfo("string", "string"),
    1: TypeInfo("list", "plain"),
    2: TypeInfo("set", "plain"),
    3: TypeInfo("zset", "text"),
    4: TypeInfo("hash", "plain"),
    5: TypeInfo("zset", "binary"),
    6: TypeInfo("module", "module-v1"),
    7: TypeInfo("module", "module"),
    9: TypeInfo("hash", "zipmap"),
    10: TypeInfo("list", "ziplist"),
    11: TypeInfo("set", "intset"),
    12: TypeInfo("zset", "ziplist"),
    13: TypeInfo("hash", "ziplist"),
    14: TypeInfo("list", "quicklist"),
    15: TypeInfo("stream", "stream-v1"),
    16: TypeInfo("hash", "listpack"),
    17: TypeInfo("zset", "listpack"),
    18: TypeInfo("list", "quicklist2"),
    19: TypeInfo("stream", "stream-v2"),
    20: TypeInfo("set", "listpack"),
    21: TypeInfo("stream", "stream-v3"),
}
_REDIS = {
    22: TypeInfo("hash", "plain-ttl-rc"),
    23: TypeInfo("hash", "listpack-ttl-rc"),
    24: TypeInfo("hash", "plain-ttl"),
    25: TypeInfo("hash", "listpack-ttl"),
    26: TypeInfo("stream", "stream-v4"),
    27: TypeInfo("stream", "stream-v5"),
    28: TypeInfo("array", "array"),
    29: TypeInfo("hash", "template-listpack-full"),
    30: TypeInfo("hash", "template-listpack"),
    31: TypeInfo("hash", "template-array-full"),
    32: TypeInfo("hash", "template-array"),
    33: TypeInfo("bitmap", "roaring"),
}
_VALKEY = {
    22: TypeInfo("hash", "hash2"),
    # A type of its own in Valkey 9.2; nobody here has seen what TYPE answers.
    23: TypeInfo("path-hash", "path-hash"),
}
_COLLECTIONS = frozenset({"list", "set", "zset", "hash"})
_TYPES = {Family.REDIS: _SHARED | _REDIS, Family.VALKEY: _SHARED | _VALKEY}


def type_info(family: Family, type_id: int) -> TypeInfo | None:
    """Return the name and encoding of a value type, None for a number that is no type there."""
    return _TYPES[family].get(type_id)


def collection_types(family: Family) -> bytes:
    """Return one byte a type number, 1 for those whose values have elements and must have some."""
    known = _TYPES[family]
    return bytes(number in known and known[number].type_name in _COLLECTIONS for number in range(256))


def encoding_of(family: Family, type_id: int, form: int) -> str:
    """Return the encoding's name; `form` indexes `STRING_FORMS` and counts for type 0 only."""
    if type_id == 0:
        return STRING_FORMS[form]
    return _TYPES[family][type_id].encoding


def opcode_name(family: Family, number: int) -> str | None:
    """Return the name of an opcode, None for a number that is none there."""
    return OPCODE_NAMES.get(number) or _FAMILY_OPCODES.get((family, number))
