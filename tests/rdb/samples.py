"""Whole RDB files for the tests of the reader: one small file for each record of every type.

Adds to the vectors what has no simple value: streams, module values, arrays, templates, and the
opcodes between keys.
"""

from __future__ import annotations

import io
from typing import NamedTuple

from aoftool.files import Source, open_stream
from tests.builders import rdb, rdb_database, rdb_length, rdb_string
from tests.rdb.vectors import VECTORS

MAGICS = {"redis": b"REDIS0015", "valkey": b"VALKEY081"}
LIBRARY = b"#!lua name=lib\nserver.register_function('f', function() return 1 end)"

# The node of a stream with entries 1-1 {a 1 b 2}, 1-2 (deleted), 2-0 {c x}, 3-0 {a 5 b 6}, as Redis
# 6.2.5, 7.0.15 and Valkey 9.1.2 write it.
STREAM_NODE_KEY = bytes.fromhex("0000000000000001 0000000000000001")
STREAM_NODE = bytes.fromhex(
    "4b000000 1f00 0301 0101 0201 816102 816202 0001 0201 0001 0001 0101 0201 0501"
    "0301 0001 0101 0301 0401 0501 0001 0101 dfff02 0101 816302 817802 0601"
    "0201 0201 dfff02 0501 0601 0501 ff"
)
_ID_1 = bytes.fromhex("0000000000000001 0000000000000001")
_ID_2 = bytes.fromhex("0000000000000002 0000000000000000")
_TIME = bytes.fromhex("6c2a7df9a1010000")
STREAM_TIME_MS = 1795187092076


def stream_value(
    version: int,
    *,
    length: int = 3,
    last_ms: int = 3,
    node_key: bytes = STREAM_NODE_KEY,
    node: bytes = STREAM_NODE,
    first_seq: int = 1,
    added: int = 4,
    max_deleted_ms: int = 1,
    pel: bytes = _ID_1 + _TIME + b"\x01" + _ID_2 + _TIME + b"\x01",
    pel_count: int = 2,
    alice: tuple[bytes, ...] = (_ID_1, _ID_2),
    bob: bytes = b"bob",
) -> bytes:
    """Return the value of a stream with a group g, consumers alice (1-1, 2-0) and bob (none)."""
    out = b"\x01" + rdb_string(node_key) + rdb_string(node)
    out += rdb_length(length) + bytes([last_ms, 0])
    if version >= 2:
        out += bytes([1, first_seq, max_deleted_ms, 2]) + rdb_length(added)
    out += b"\x01" + rdb_string(b"g") + b"\x02\x00"
    if version >= 2:
        out += b"\x81" + b"\xff" * 8
    out += rdb_length(pel_count) + pel
    active = _TIME if version >= 3 else b""
    never = b"\xff" * 8 if version >= 3 else b""
    out += b"\x02" + rdb_string(b"alice") + _TIME + active + rdb_length(len(alice)) + b"".join(alice)
    out += rdb_string(bob) + _TIME + never + b"\x00"
    if version >= 5:
        out += b"\x00"
    if version >= 4:
        out += (
            b"\x3c\x40\x64\x01" + rdb_string(b"p1") + b"\x01" + rdb_string(b"i1") + b"\x05\x00" + b"\x01\x00"
        )
    return out


class Sample(NamedTuple):
    """A record (type byte, key, value) of a family; `prefix` are opcodes it needs before it."""

    name: str
    family: str
    record: bytes
    prefix: bytes = b""

    @property
    def file(self) -> bytes:
        """Return a whole file with this one key."""
        return rdb(rdb_database(0, self.prefix + self.record, keys=1), magic=MAGICS[self.family])


def _hex(text: str) -> bytes:
    return bytes.fromhex(text)


# HASH_TEMPLATE: number 7 has the fields f and g.
TEMPLATE = _hex("f2 07 02 0166 0167")
# A module value of Redis 8.0.6: vectorset, one element.
VECTORSET = _hex(
    "07 027671 81bde72da2bb1eb400 0202 0201 025001 0200 050161 05027f00 0206 0201 028001000000"
    "0200 0220 0200 02813f8000003f800000 00"
)
SAMPLES = [Sample(vector.name, vector.family, vector.record) for vector in VECTORS] + [
    Sample(f"stream-v{version}", "redis", bytes([kind]) + rdb_string(b"s") + stream_value(version))
    for version, kind in ((1, 15), (2, 19), (3, 21), (4, 26), (5, 27))
]
STREAM_NODE_STRINGS = rdb_string(STREAM_NODE_KEY) + rdb_string(STREAM_NODE)
SAMPLES += [
    Sample("stream-empty", "redis", _hex("15 0173 00 00 0000 0000 0000 00 00")),
    Sample("stream-v1-alone", "redis", _hex("0f 0173 01") + STREAM_NODE_STRINGS + _hex("03 0300 00")),
    Sample(
        "stream-v3-alone", "redis", _hex("15 0173 01") + STREAM_NODE_STRINGS + _hex("03 0300 0101 0102 04 00")
    ),
    Sample("module", "redis", VECTORSET),
    Sample(
        "module-all-items",
        "redis",
        _hex("07 016d 81bde72da2bb1eb401 0207 0105 030000803f 04000000000000f83f 050368657900"),
    ),
    Sample("array", "redis", _hex("1c0161 03 0107 00000161 05010700000000000000 0902000000000000f83f")),
    Sample("array-no-index", "redis", _hex("1c 0161 02 00 00 00 0161 02 03 0162")),
    Sample("path-hash", "valkey", _hex("17 0168 01 0170 02 0166 0176 0167 0177")),
    Sample("template-listpack", "redis", _hex("1e 0168 0d 0d000000 0300 0701 0101 0201 ff"), TEMPLATE),
    Sample("template-array", "redis", _hex("20 0168 07 0176 c005"), TEMPLATE),
    Sample("expire-and-freq", "redis", _hex("fc7bd8c32cbb030000 f901 00 016b 0176")),
    Sample("expire-in-seconds", "redis", _hex("fd 00000070 f83c 00 016b 0176")),
    Sample("key-meta", "redis", _hex("f3 01 61626364 0205 00 00 016b 0176")),
    Sample("long-key", "redis", b"\x00" + rdb_string(b"k" * 300) + b"\x01v"),
    Sample("slot-info", "redis", _hex("f441c10101 00 016b 0176")),
    Sample("slot-import", "valkey", b"\xf3" + rdb_string(b"j" * 40) + _hex("01 05 4064 00 016b 0176")),
    Sample("update", "valkey", b"\xf2*2\r\n$3\r\nDEL\r\n$1\r\nx\r\n" + _hex("00 016b 0176")),
    Sample("function", "redis", b"\xf5" + rdb_string(LIBRARY) + _hex("00 016b 0176")),
    Sample(
        "function-of-a-release-candidate",
        "redis",
        b"\xf6" + b"".join(map(rdb_string, (b"lib", b"LUA"))) + b"\x01" + rdb_string(b"text")
        + rdb_string(b"code") + _hex("00 016b 0176"),
    ),
    Sample("module-aux", "redis", _hex("f7 81bde72da2bb1eb400 02 02 0501 41 00 00 016b 0176")),
]  # fmt: skip


def stream_of(content: bytes) -> Source:
    """Return a source that cannot seek."""
    return open_stream(io.BytesIO(content), "test input")
