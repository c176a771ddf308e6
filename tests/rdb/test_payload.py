"""DUMP payloads: bytes that real servers gave, every gate, and the way back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoftool.rdb.damage import EncodingDamage
from aoftool.rdb.encode.payload import (
    FORMAT_REFUSED,
    VERSION_REFUSED,
    decode_functions,
    decode_payload,
    encode_functions,
    encode_payload,
    restore_refusal,
    split_payload,
)
from aoftool.rdb.encode.targets import TARGETS
from aoftool.rdb.opcodes import Family
from aoftool.rdb.walk.checksum import crc64
from aoftool.values import HashValue, ListValue, SetValue, StreamId, StreamValue, Value, ZSetValue
from tests.servers import Server, server_params

_AT = 4102444800123


def hash_of(pairs: dict[bytes, bytes], **expires: int) -> HashValue:
    value = HashValue(pairs)
    value.expires = {name.encode(): at for name, at in expires.items()}
    return value


_STREAM = StreamValue({StreamId(1, 1): ((b"f", b"v"),)}, StreamId(1, 1), entries_added=1)

# Target, value and the bytes DUMP gave on a server of that target.
REAL: list[tuple[str, Value, str]] = [
    ("valkey-9.0", b"-5", "00 c0fb 5000 86ee0f654974589c"),
    ("redis-7.0", b"-5", "00 c0fb 0a00 49c4c6f4d7263f68"),
    ("redis-6.2", b"-5", "00 c0fb 0900 9936973883a05cd9"),
    ("redis-8.0", b"hello", "00 05 68656c6c6f 0c00 a804ebb69f1ebe43"),
    ("valkey-8.0", b"hello", "00 05 68656c6c6f 0b00 0aad620598abc983"),
    ("valkey-9.0", b"hello", "00 05 68656c6c6f 5000 ac5816e7fb6647fe"),
    (
        "valkey-9.0",
        ListValue([b"a", b"b"]),
        "12 01 02 0d 0d000000 0200 816102 816202 ff 5000 a7c1c3188d13dc45",
    ),
    (
        "redis-6.2",
        ListValue([b"a", b"b"]),
        "0e 01 11 11000000 0d000000 0200 000161 030162 ff 0900 543608ec9704644a",
    ),
    (
        "valkey-9.0",
        SetValue.of([b"1", b"2"]),
        "0b 0c 02000000 02000000 0100 0200 5000 a053f120aab947da",
    ),
    ("valkey-9.0", ZSetValue({b"a": 1.0}), "11 0c 0c000000 0200 816102 0101 ff 5000 672f072949fb54f6"),
    ("valkey-9.0", hash_of({b"f": b"v"}), "10 0d 0d000000 0200 816602 817602 ff 5000 efdbf4d5bd066f69"),
    ("valkey-9.0", hash_of({b"f": b"v"}, f=_AT), "16 01 0166 0176 7bd8c32cbb030000 5000 e32715775ab1e4dc"),
    (
        "redis-8.0",
        hash_of({b"f": b"v", b"g": b"w"}, f=_AT),
        "19 7bd8c32cbb030000 1f 1f000000 0600 816602 817602 f47bd8c32cbb03000009 816702 817702 0001 ff"
        " 0c00 568928cbb65a4925",
    ),
    (
        "redis-8.0",
        SetValue.of([b"a", b"b", b"5"]),
        "14 0f 0f000000 0300 816102 816202 0501 ff 0c00 f466cd9cfea46970",
    ),
    (
        "valkey-9.0",
        _STREAM,
        "15 01 10 0000000000000001 0000000000000001 1d 1d000000 0a00 0101 0001 0101 816602 0001 0201 0001"
        " 0001 817602 0401 ff 01 01 01 01 01 00 00 01 00 5000 43afd830cbc9020e",
    ),
]


@pytest.mark.parametrize(("name", "value", "text"), REAL, ids=[f"{row[0]}-{i}" for i, row in enumerate(REAL)])
def test_payload_of_a_real_server_is_read_and_written_the_same(name: str, value: Value, text: str) -> None:
    payload = bytes.fromhex(text)

    decoded = decode_payload(payload)
    if isinstance(decoded, StreamValue):
        decoded.first_id = None
    assert decoded == value
    assert encode_payload(value, TARGETS[name]) == payload
    assert restore_refusal(payload, TARGETS[name]) == ""


def footed(body: bytes, version: int) -> bytes:
    body += version.to_bytes(2, "little")
    return body + crc64(body).to_bytes(8, "little")


# Versions each server takes, as measured; the rest of 0..99 it refuses.
TAKEN = {
    "redis-6.2": set(range(10)),
    "redis-7.0": set(range(11)),
    "redis-7.2": set(range(12)),
    "redis-7.4": set(range(13)),
    "redis-8.0": set(range(13)),
    "valkey-7.2": set(range(12)),
    "valkey-8.0": set(range(12)),
    "valkey-9.0": set(range(1, 12)) | {80},
}


@pytest.mark.parametrize("name", sorted(TAKEN))
def test_versions_pass_the_gate_of_each_target(name: str) -> None:
    taken = {v for v in range(100) if not restore_refusal(footed(b"\0\1v", v), TARGETS[name])}

    assert taken == TAKEN[name]


def test_wrong_and_zero_checksums_are_refused() -> None:
    good = footed(b"\0\1v", 9)

    for bad in (good[:-8] + bytes(8), good[:-1] + bytes([good[-1] ^ 1]), good[:9], b""):
        assert restore_refusal(bad, TARGETS["redis-7.0"]) == VERSION_REFUSED


def test_junk_before_the_footer_is_taken() -> None:
    assert restore_refusal(footed(b"\0\1vjunk", 9), TARGETS["valkey-9.0"]) == ""
    assert decode_payload(footed(b"\0\1vjunk", 9)) == b"v"


@pytest.mark.parametrize("body", [b"\x63\1v", b"\0\x20v", b"\2\x20\1a", b"\x0b\x08\2\0\0\0\0\0\0\0"])
def test_what_no_server_can_hold_is_bad_data(body: bytes) -> None:
    for target in TARGETS.values():
        assert restore_refusal(footed(body, 9), target) == FORMAT_REFUSED


def test_only_redis_6_takes_an_aggregate_without_elements() -> None:
    taking = {n for n, target in TARGETS.items() if not restore_refusal(footed(b"\4\0", 9), target)}

    assert taking == {"redis-6.0", "redis-6.2"}


def test_a_value_may_run_into_the_footer() -> None:
    payload = footed(b"\0\x05v", 9)

    assert restore_refusal(payload, TARGETS["valkey-9.0"]) == ""
    assert decode_payload(payload) == payload[2:7]


def test_field_expire_times_pass_only_where_their_type_number_means_that() -> None:
    valkey = footed(b"\x16\1\1f\1v" + _AT.to_bytes(8, "little"), 11)

    answers = {name: restore_refusal(valkey, target) for name, target in TARGETS.items()}

    assert answers["valkey-9.0"] == ""
    assert answers["valkey-8.0"] == answers["redis-7.2"] == FORMAT_REFUSED


def test_every_prefix_and_every_flipped_byte_is_refused() -> None:
    payload = bytes.fromhex(REAL[12][2])
    target = TARGETS["redis-8.0"]

    for size in range(len(payload)):
        assert restore_refusal(payload[:size], target)
    for at in range(len(payload)):
        flipped = payload[:at] + bytes([payload[at] ^ 0x10]) + payload[at + 1 :]
        assert restore_refusal(flipped, target)


def test_short_payload_is_damage() -> None:
    with pytest.raises(EncodingDamage):
        split_payload(b"\0\1v")


def test_version_tells_the_family() -> None:
    assert split_payload(footed(b"\0\1v", 12)).family is Family.REDIS
    assert split_payload(footed(b"\0\1v", 80)).family is Family.VALKEY


@given(st.lists(st.binary(max_size=300)), st.sampled_from(sorted(TARGETS)))
def test_functions_come_back(codes: list[bytes], name: str) -> None:
    payload = encode_functions(codes, TARGETS[name])

    assert decode_functions(payload) == codes
    assert split_payload(payload).checksum_ok


# --- against servers --------------------------------------------------------------------------


@pytest.mark.parametrize("server_build", server_params())
def test_gates_agree_with_the_server(live_server: Server) -> None:
    target = TARGETS[live_server.build.release]
    bodies = [b"\0\1v", b"\0\1vjunk", b"\x63\1v", b"\4\0", b"\0\x05v", b"\0\x20v", b"", b"\1\0", b"\5\0"]
    bodies += [b"\x16\1\1f\1v" + _AT.to_bytes(8, "little"), b"\2\2\1a\1b", b"\2\0", b"\x0b\x08\2" + bytes(7)]
    bodies += [bytes([number]) + _EMPTY_ZIPLIST for number in (10, 12, 13)] + [
        b"\x0e\0",
        b"\x0e\1" + _EMPTY_ZIPLIST,
    ]
    bodies += [bytes([number]) + _EMPTY_LISTPACK for number in (16, 17, 20)]
    bodies += [b"\x12\0", b"\x12\1\2" + _EMPTY_LISTPACK, b"\x12\1\1\0", b"\x0f" + bytes(5)]
    payloads = [footed(body, version) for body in bodies for version in (0, 1, 9, 10, 11, 12, 13, 79, 80, 81)]
    payloads += [payloads[2][:-8] + bytes(8), payloads[2][:9], b""]

    for payload in payloads:
        reply = live_server.pipeline([("RESTORE", "k", "0", payload, "REPLACE")])[0]
        answer = "" if reply == b"OK" else str(reply)
        assert answer.endswith(restore_refusal(payload, target) or answer), payload.hex()
        assert (answer == "") == (restore_refusal(payload, target) == ""), payload.hex()


@pytest.mark.parametrize("server_build", server_params(since="7.0"))
def test_function_payloads_are_those_of_the_server(live_server: Server) -> None:
    target = TARGETS[live_server.build.release]
    codes = [
        b"#!lua name=l%d\nredis.register_function('f%d', function() return %d end)" % (i, i, i)
        for i in (1, 2)
    ]

    answer = live_server.send("FUNCTION", "RESTORE", encode_functions(codes, target), "FLUSH")
    dump = live_server.send("FUNCTION", "DUMP")

    assert answer == b"OK"
    assert sorted(decode_functions(dump)) == codes
    assert dump in (encode_functions(codes, target), encode_functions(codes[::-1], target))


_EMPTY_ZIPLIST = bytes.fromhex("0b 0b000000 0a000000 0000 ff")
_EMPTY_LISTPACK = bytes.fromhex("07 07000000 0000 ff")
