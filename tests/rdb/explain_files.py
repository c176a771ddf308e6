"""Small files to explain: one record of each type, a whole RDB, and a command stream."""

from __future__ import annotations

import io

from aoftool.rdb.encode.payload import encode_payload
from aoftool.rdb.encode.targets import TARGETS
from aoftool.rdb.encode.writer import RdbWriter
from aoftool.rdb.walk.checksum import crc64
from aoftool.resp.encode import encode_command
from aoftool.values import (
    Consumer,
    ConsumerGroup,
    HashValue,
    ListValue,
    PendingEntry,
    SetValue,
    StreamId,
    StreamValue,
    ZSetValue,
)
from tests.rdb.vectors import VECTORS, Vector

VECTORSET = bytes.fromhex(
    "07 027671 81bde72da2bb1eb400 0202 0201 025001 0200 050161 05027f00 0206 0201"
    " 02800100000002000220020002813f8000003f80000000"
)


def record_file(vector: Vector) -> bytes:
    """Return a file of one record."""
    head = b"REDIS0012" if vector.family == "redis" else b"VALKEY080"
    return finished(head + vector.record)


def finished(data: bytes) -> bytes:
    """Return the data with end mark and checksum."""
    data += b"\xff"
    return data + crc64(data).to_bytes(8, "little")


def streams() -> dict[str, StreamValue]:
    """Return a stream with groups, and one with differing fields."""
    stream = StreamValue(
        {
            StreamId(1_700_000_000_000, 0): ((b"a", b"1"), (b"b", b"2")),
            StreamId(1_700_000_000_000, 7): ((b"a", b"3"), (b"b", b"text")),
            StreamId(1_700_000_060_000, 0): ((b"other", b"x"),),
        },
        StreamId(1_700_000_060_000, 0),
        StreamId(1_700_000_000_000, 3),
        4,
    )
    group = ConsumerGroup(StreamId(1_700_000_000_000, 7), None)
    group.consumers = {b"alice": Consumer(1_700_000_100_000, 1_700_000_100_000), b"bob": Consumer(1, -1)}
    group.pel = {StreamId(1_700_000_000_000, 7): PendingEntry(b"alice", 1_700_000_100_000, 2)}
    stream.groups = {b"workers": group}
    return {"stream": stream}


def sample_files() -> dict[str, tuple[bytes, dict[str, object]]]:
    """Return name to (file, arguments of `explain`) for every view that has a transcript."""
    out: dict[str, tuple[bytes, dict[str, object]]] = {}
    for vector in VECTORS:
        out[vector.name] = (record_file(vector), {"key": vector.key})
    out["inside-lzf-string"] = (out["lzf"][0], {"offset": 24})
    for version, name in ((1, "redis-6.2"), (2, "redis-7.0"), (3, "valkey-9.0")):
        out[f"stream-v{version}"] = (_written(name), {"key": b"stream"})
    out["module-vectorset"] = (finished(b"REDIS0012" + VECTORSET), {"key": b"vq"})
    whole = _written("valkey-9.0")
    out["header"] = (whole, {"offset": 7})
    out["aux"] = (whole, {"offset": 12})
    out["function"] = (whole, {"offset": whole.index(b"#!lua") + 3})
    out["selectdb"] = (whole, {"offset": whole.index(b"\xfe\x00\xfb")})
    out["resizedb"] = (whole, {"offset": whole.index(b"\xfe\x00\xfb") + 3})
    out["end"] = (whole, {"offset": len(whole) - 9})
    out["checksum"] = (whole, {"offset": len(whole) - 3})
    out["checksum-wrong"] = (whole[:-1] + b"\x00", {"offset": len(whole) - 1})
    out["inside-lzf"] = (whole, {"offset": whole.index(b"packed-list") + 120})
    out["long-hash"] = (whole, {"offset": whole.index(b"member-number-300") + 5})
    return out | _damaged_files(whole) | _command_files(whole)


def _damaged_files(whole: bytes) -> dict[str, tuple[bytes, dict[str, object]]]:
    place = whole.index(b"#!lua")
    unknown = bytearray(whole)
    unknown[whole.index(b"\xfe\x00\xfb")] = 0xF1
    return {
        "truncated": (whole[: place + 10], {"offset": place + 5}),
        "unknown-opcode": (bytes(unknown), {"offset": whole.index(b"\xfe\x00\xfb")}),
        "behind-damage": (bytes(unknown), {"offset": whole.index(b"packed-list")}),
    }


def _command_files(whole: bytes) -> dict[str, tuple[bytes, dict[str, object]]]:
    payload = encode_payload(HashValue({b"f": b"v"}), TARGETS["redis-7.0"])
    tail = b"".join(
        [
            encode_command((b"SELECT", b"2")),
            b"#TS:1700000000\r\n",
            encode_command((b"SET", b"key\x00\x1b[2J", b"value\r\n*1\r\n$4\r\nPING\r\n")),
            encode_command((b"RESTORE", b"restored", b"0", payload)),
            encode_command((b"RPUSH", b"long", *(b"element-%d" % i for i in range(40)))),
            b"garbage\r\n",
        ]
    )
    return {
        "annotation": (tail, {"offset": tail.index(b"#TS") + 4}),
        "command": (tail, {"offset": tail.index(b"value") + 6}),
        "command-by-key": (whole + tail, {"key": b"restored"}),
        "restore-payload": (tail, {"offset": tail.index(payload) + 9}),
        "command-many-arguments": (tail, {"offset": tail.index(b"element-30")}),
        "no-command": (tail, {"offset": tail.index(b"garbage") + 2}),
        "command-behind-preamble": (whole + tail, {"offset": len(whole) + 5}),
    }


def _written(name: str) -> bytes:
    target = TARGETS[name]
    out = io.BytesIO()
    with RdbWriter(out, target, 1_700_000_000, base=True) as writer:
        if target.functions:
            writer.function(b"#!lua name=lib\nredis.register_function('f', function() return 1 end)")
        writer.select(0, 6, 1)
        writer.key(b"text", b"hello \xff\n", expire_at_ms=4102444800123, idle_s=70)
        writer.key(b"packed-list", ListValue(b"element number %d" % i for i in range(200)))
        writer.key(b"long-hash", HashValue((b"member-number-%d" % i, b"v" * (i % 90)) for i in range(600)))
        writer.key(b"set", SetValue.of([b"1", b"2"]))
        writer.key(b"scores", ZSetValue({b"m" * 65: 1.5, b"n": 2.5}))
        for key, stream in streams().items():
            writer.key(key.encode(), stream)
    return out.getvalue()
