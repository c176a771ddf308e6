"""Numbers of RDB files that are known by name though not walked, and who writes them.

`layouts` describes what can be stepped over. This table is for the rest: types and opcodes of engines that
speak an RDB of their own, of previews, and of releases whose layout is not published. A number may have
several owners: forks took free numbers that Redis gave away later.
Sources: the public sources and release notes of each engine (Dragonfly src/server/rdb_extensions.h and
rdb_save.cc, KeyDB src/rdb.h and rdb.cpp, Redis src/rdb.h); of Redis Enterprise only the numbers are known. No
engine but Redis and Valkey was at hand.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from aoftool.namedtuple import NamedTuple
from aoftool.rdb.opcodes import Family
from aoftool.regex import regex

__all__ = [
    "KEPT_COMPATIBLE",
    "KNOWN_VERSION",
    "MEMBER_TIMES",
    "OWN_VERSION",
    "UNMEASURED_TYPES",
    "Meaning",
    "foreign_writer",
    "meanings",
    "type_since",
]

MEMBER_TIMES = b"keydb-subexpire-"
"""How fields with the expire times of members begin, which KeyDB has behind a key; the first names the key.
Source: KeyDB src/rdb.cpp."""

KEYDB, DRAGONFLY, ENTERPRISE = "KeyDB", "Dragonfly", "Redis Enterprise"

# Redis went from 6.2 to 7.0, and its candidates for that were numbered 6.9. Source: KeyDB src/version.h.
_KEYDB_VERSION = regex(rb"6\.3\.\d")

OWN_VERSION = b"df-ver"
"""The AUX field in which later releases of Dragonfly give their own version."""

KEPT_COMPATIBLE = frozenset((DRAGONFLY, ENTERPRISE))
"""Engines whose `redis-ver` is no version of theirs, but that of the Redis that they are compatible with."""

KNOWN_VERSION: Mapping[Family, int] = {Family.REDIS: 15, Family.VALKEY: 81}
"""The newest RDB version of each family all of whose types and opcodes are in the tables."""

UNMEASURED_TYPES: Mapping[Family, frozenset[int]] = {
    Family.REDIS: frozenset(range(27, 34)),
    Family.VALKEY: frozenset({23}),
}
"""Types whose layout was only read in public sources, or whose number other engines use otherwise."""


class Meaning(NamedTuple):
    """What a number stands for.

    Attributes:
        writer: the engine, such as `Dragonfly`; with the release where that is known.
        what: what it announces, in words.
        opcode: True when it is an opcode, False when it is a value type.
    """

    writer: str
    what: str
    opcode: bool


def _types(writer: str, names: Mapping[int, str]) -> dict[int, Meaning]:
    return {number: Meaning(writer, what, False) for number, what in names.items()}


def _opcodes(writer: str, names: Mapping[int, str]) -> dict[int, Meaning]:
    return {number: Meaning(writer, what, True) for number, what in names.items()}


_OLD = _types("Redis 4.0 release candidates", {6: "a module value without tags"})
_DRAGONFLY = _types(
    "Dragonfly",
    {
        30: "a JSON value",
        31: "a hash whose fields expire",
        32: "a set whose members expire",
        33: "a Bloom filter",
        34: "a value type of its own",
        35: "a value type of its own",
    },
) | _opcodes(
    "Dragonfly",
    dict.fromkeys(range(200, 224), "an extension of its own")
    | {
        200: "the end of a full synchronisation",
        201: "a block compressed with Zstandard",
        202: "a block compressed with LZ4",
        203: "the end of a compressed block",
        210: "a piece of its journal",
        211: "an offset in its journal",
        220: "properties of the next key",
        222: "a vector index",
    },
)
_KEYDB = _types("KeyDB", {64: "a cron job"})
_ENTERPRISE = _opcodes("Redis Enterprise", dict.fromkeys((101, 102, 107, 121), "an opcode of its own"))
_NEWER_REDIS = _types(
    "Redis",
    {
        27: "a stream with entries given back (8.8)",
        28: "an array (8.8)",
        29: "a hash with its template (8.10)",
        30: "a hash of a template (8.10)",
        31: "a hash with its template (8.10)",
        32: "a hash of a template (8.10)",
        33: "a roaring bitmap (8.12)",
    },
)
_NEWER_VALKEY = _types("Valkey", {23: "a path hash (9.2)"})
_TABLES: dict[Family, tuple[dict[int, Meaning], ...]] = {
    Family.REDIS: (_NEWER_REDIS, _OLD, _DRAGONFLY, _KEYDB, _ENTERPRISE),
    Family.VALKEY: (_NEWER_VALKEY, _OLD),
}


def meanings(family: Family, number: int) -> tuple[Meaning, ...]:
    """Return what a type or opcode number may stand for; empty for a number that nobody is known to use."""
    return tuple(table[number] for table in _TABLES[family] if number in table)


def foreign_writer(aux: Mapping[bytes, bytes], numbers: Collection[int]) -> str:
    """Return the engine other than Redis and Valkey that a part gives away, empty for none.

    Args:
        aux: its AUX fields.
        numbers: types and opcodes that could not be walked.
    """
    if any(name == b"mvcc-tstamp" or name.startswith(b"keydb-") for name in aux):
        return KEYDB
    if _KEYDB_VERSION.match(aux.get(b"redis-ver", b"")):
        return KEYDB
    if OWN_VERSION in aux:
        return DRAGONFLY
    for table, writer in ((_DRAGONFLY, DRAGONFLY), (_ENTERPRISE, ENTERPRISE), (_KEYDB, KEYDB)):
        # The numbers that Redis uses too prove nothing.
        if any(number in table and number not in _NEWER_REDIS for number in numbers):
            return writer
    return ""


# Source: Redis and Valkey src/rdb.h of each release.
_SINCE = {
    9: 2, 10: 2, 11: 2, 12: 2, 13: 4, 14: 7, 5: 8, 6: 8, 7: 8, 15: 9, 16: 10, 17: 10, 18: 10, 19: 10,
    20: 11, 21: 11,
}  # fmt: skip
_SINCE_BY_FAMILY = {
    Family.REDIS: {
        22: 12,
        23: 12,
        24: 12,
        25: 12,
        26: 13,
        27: 14,
        28: 14,
        29: 15,
        30: 15,
        31: 15,
        32: 15,
        33: 15,
    },
    Family.VALKEY: {22: 80, 23: 81},
}


def type_since(family: Family, type_id: int) -> int:
    """Return the RDB version whose writers first used a value type."""
    return _SINCE_BY_FAMILY[family].get(type_id) or _SINCE.get(type_id, 1)
