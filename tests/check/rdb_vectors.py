"""One small RDB for each way a part can be wrong and still be walked, written byte by byte."""

from __future__ import annotations

import struct

from tests.builders import rdb, rdb_database, rdb_length, rdb_record, rdb_string

__all__ = ["VECTORS"]

NAN = struct.pack("<d", float("nan"))
ONE = struct.pack("<d", 1.0)
ID = struct.pack(">QQ", 1, 1)
NODE = bytes.fromhex("1d0000000a00 0101 0001 0101 816602 0001 0201 0001 0001 817602 0401 ff")


def count(number: int, *strings: bytes) -> bytes:
    """Return a collection in plain form."""
    return rdb_length(number) + b"".join(strings)


def words(*items: str) -> bytes:
    """Return strings one after the other."""
    return b"".join(map(rdb_string, items))


def listpack(*items: str, stated: int | None = None, size: int | None = None) -> bytes:
    """Return a listpack of short texts in its string."""
    body = b"".join(bytes([0x80 | len(item)]) + item.encode() + bytes([len(item) + 1]) for item in items)
    total = len(body) + 7 if size is None else size
    number = len(items) if stated is None else stated
    return rdb_string(struct.pack("<IH", total, number) + body + b"\xff")


def ziplist(
    *items: str, stated: int | None = None, size: int | None = None, tail: int | None = None
) -> bytes:
    """Return a ziplist of short texts in its string."""
    body, previous, last = b"", 0, 10
    for item in items:
        last = 10 + len(body)
        entry = bytes([previous, len(item)]) + item.encode()
        body, previous = body + entry, len(entry)
    total = len(body) + 11 if size is None else size
    number = len(items) if stated is None else stated
    at = last if tail is None else tail
    return rdb_string(struct.pack("<IIH", total, at, number) + body + b"\xff")


def intset(*members: int, stated: int | None = None) -> bytes:
    """Return an intset of 16-bit members in its string."""
    number = len(members) if stated is None else stated
    return rdb_string(struct.pack("<II", 2, number) + struct.pack(f"<{len(members)}h", *members))


def group(name: str = "g", pel: bytes = b"\0", consumers: bytes = b"\0") -> bytes:
    """Return a consumer group of a stream of the first version."""
    return rdb_string(name) + b"\1\1" + pel + consumers


def stream(*groups: bytes, key: bytes = ID, node: bytes = NODE, length: int = 1, nodes: int = 1) -> bytes:
    """Return a stream of the first version with one entry, 1-1 f v."""
    parts = (rdb_string(key) + rdb_string(node)) * nodes
    return (
        rdb_length(nodes) + parts + rdb_length(length) + b"\1\1" + rdb_length(len(groups)) + b"".join(groups)
    )


def one(type_id: int, value: bytes) -> bytes:
    """Return an RDB of one key."""
    return rdb(rdb_database(0, rdb_record(type_id, "k", value)), magic=b"REDIS0009")


PENDING = b"\1" + ID + bytes(8) + b"\1"
ALICE = b"\1" + rdb_string("alice") + bytes(8)
STRING = rdb_record(0, "k", rdb_string("v"))

VECTORS = {
    "sound": rdb(rdb_database(0, STRING), magic=b"REDIS0009"),
    "cut": rdb(rdb_database(0, STRING), magic=b"REDIS0009")[:-12],
    "checksum": rdb(rdb_database(0, STRING), magic=b"REDIS0009", checksum=7),
    "trailing-bytes": rdb(rdb_database(0, STRING), magic=b"REDIS0009") + b"junk",
    "resize-hint": rdb(rdb_database(0, STRING, keys=7), magic=b"REDIS0009"),
    "resize-room": rdb(rdb_database(0, STRING, keys=1 << 50), magic=b"REDIS0009"),
    "resize-expires": rdb(rdb_database(0, STRING, expires=1 << 50), magic=b"REDIS0009"),
    "resize-overflow": rdb(rdb_database(0, STRING, keys=1 << 60), magic=b"REDIS0009"),
    "resize-wrap": rdb(rdb_database(0, STRING, keys=1 << 62), magic=b"REDIS0009"),
    "resize-short": rdb(rdb_database(0, STRING, keys=(1 << 64) - 1), magic=b"REDIS0009"),
    "bad-length": one(0, b"\x82"),
    "bad-string": one(0, b"\xc4"),
    "bad-lzf": one(0, b"\xc3\x02\x09\xff\xff"),
    "huge-length": one(0, b"\x81" + struct.pack(">Q", 1 << 40)),
    "unknown-type": one(99, b"\x00"),
    "duplicate-key": rdb(rdb_database(0, STRING, STRING), magic=b"REDIS0009"),
    "database-without-keys": rdb(b"\xfe\x14", rdb_database(0, STRING), magic=b"REDIS0009"),
    "database-range": rdb(rdb_database(99, STRING), magic=b"REDIS0009"),
    "set-twice": one(2, count(2, words("a", "a"))),
    "zset-twice": one(5, count(2, words("a"), ONE, words("a"), ONE)),
    "hash-twice": one(4, count(2, words("f", "v", "f", "w"))),
    "nan": one(5, count(1, words("a"), NAN)),
    "nan-listpack": one(17, listpack("a", "nan")),
    "zset-order": one(17, listpack("b", "2.5", "a", "1.5")),
    "ziplist-size": one(13, ziplist("f", "v", size=99)),
    "ziplist-tail": one(13, ziplist("f", "v", tail=10)),
    "ziplist-odd": one(13, ziplist("f", "v", "g")),
    "ziplist-count": one(13, ziplist("f", "v", stated=4)),
    "ziplist-twice": one(13, ziplist("f", "v", "f", "w")),
    "list-ziplist-tail": one(10, ziplist("f", "v", tail=10)),
    "quicklist-tail": one(14, count(1, ziplist("f", "v", tail=10))),
    "zset-ziplist-odd": one(12, ziplist("a", "1.5", "b")),
    "zset-ziplist-twice": one(12, ziplist("a", "1.5", "a", "1.6")),
    "listpack-size": one(16, listpack("f", "v", size=99)),
    "listpack-odd": one(16, listpack("f", "v", "g")),
    "listpack-twice": one(16, listpack("f", "v", "f", "w")),
    "listpack-count": one(16, listpack("f", "v", stated=4)),
    "zset-listpack-odd": one(17, listpack("a", "1.5", "b")),
    "zset-listpack-twice": one(17, listpack("a", "1.5", "a", "1.6")),
    "set-listpack-twice": one(20, listpack("a", "a")),
    "quicklist2-count": one(18, count(1, b"\2" + listpack("a", "b", stated=1))),
    "quicklist2-container": one(18, count(1, b"\3" + listpack("a"))),
    "intset-order": one(11, intset(3, 2, 1)),
    "intset-size": one(11, intset(1, 2, stated=3)),
    "intset-empty": one(11, intset()),
    "zipmap-uncounted": one(9, rdb_string(b"\xfe\x01f\x01\0v\xff")),
    "zipmap-count-255": one(9, rdb_string(b"\xff\x01f\x01\0v\xff")),
    "list-empty": one(1, b"\0"),
    "score-text": one(17, listpack("a", "x.y")),
    "stream-sound": one(15, stream(group())),
    "stream-key": one(15, stream(key=b"short")),
    "stream-node-size": one(15, stream(node=NODE[:-1])),
    "stream-node": one(15, stream(node=NODE[:6] + b"\x05\x01" + NODE[8:])),
    "stream-length": one(15, stream(length=5)),
    "stream-no-nodes": one(15, stream(length=5, nodes=0)),
    "stream-key-twice": one(15, stream(nodes=2, length=2)),
    "stream-pel-owner": one(15, stream(group(pel=PENDING))),
    "stream-pel-unknown": one(15, stream(group(consumers=ALICE + b"\1" + ID))),
    "stream-group-twice": one(15, stream(group(), group())),
    "function-bad": rdb(b"\xf5" + rdb_string("no shebang"), magic=b"REDIS0010"),
    "functions": rdb(
        b"\xf5" + rdb_string("#!lua name=a\nredis.register_function('f', function() return 1 end)"),
        magic=b"REDIS0009",
    ),
    "slot-info-aux": rdb(aux={"slot-info": "1,2"}, magic=b"REDIS0009"),
    "slot-note": rdb(b"\xf4\1\1\0", rdb_database(0, STRING), magic=b"REDIS0009"),
    "pre-ga": rdb(
        b"\xf6" + words("a", "lua") + b"\0" + words("redis.register_function('f', function() return 1 end)"),
        magic=b"REDIS0009",
    ),
    "valkey-80": rdb(rdb_database(0, STRING), magic=b"VALKEY080"),
    "valkey-11": rdb(rdb_database(0, STRING), magic=b"VALKEY011"),
    "redis-12": rdb(rdb_database(0, STRING), magic=b"REDIS0012"),
    "redis-10": rdb(rdb_database(0, STRING), magic=b"REDIS0010"),
}
"""Whole files by the name of what is wrong in them; the first parts are sound."""
