"""SETBIT, BITFIELD and BITOP."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoftool.keyspace.refusal import ReplayStopError
from tests.keyspace.running import FUTURE_MS, errors, expire_at_ms, keys, run, value


def test_setbit_counts_from_the_highest_bit_and_grows_the_string() -> None:
    keyspace = run("SETBIT a 0 1", "SETBIT a 15 1", "SETBIT a 0 0", "SETBIT b 9 0")

    assert value(keyspace, "a") == b"\x00\x01"
    assert value(keyspace, "b") == b"\x00\x00"


@pytest.mark.parametrize("arguments", ["-1 1", "x 1", "0 2", "0 x"])
def test_bad_setbit_is_refused(arguments: str) -> None:
    keyspace = run(f"SETBIT a {arguments}")

    assert keys(keyspace) == set()
    assert len(keyspace.refusals) == 1


def test_a_bit_beyond_512_megabytes_stops_instead_of_taking_the_memory() -> None:
    with pytest.raises(ReplayStopError) as caught:
        run("SETBIT a 9223372036854775807 1")

    assert caught.value.reason == "memory"


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ("SET u8 0 255 INCRBY u8 0 10", b"\x09"),
        ("OVERFLOW SAT SET u8 0 250 INCRBY u8 0 10", b"\xff"),
        ("SET u8 0 250 OVERFLOW FAIL INCRBY u8 0 10", b"\xfa"),
        ("OVERFLOW SAT SET i8 0 -120 INCRBY i8 0 -10", b"\x80"),
        ("SET i8 0 127 INCRBY i8 0 1", b"\x80"),
        ("OVERFLOW SAT SET u8 0 -1", b"\xff"),
        ("SET u8 #1 7", b"\x00\x07"),
        ("SET u5 7 23", b"\x01\x70"),
        ("SET i64 0 -1", b"\xff" * 8),
        ("OVERFLOW FAIL INCRBY u2 14 9", b"\x00\x00"),
        ("overflow sat SET i8 0 -9223372036854775808", b"\x7f"),
        ("GET u8 100 SET u4 0 5", b"\x50"),
    ],
)
def test_bitfield_writes(operations: str, expected: bytes) -> None:
    assert value(run(f"BITFIELD a {operations}"), "a") == expected


@pytest.mark.parametrize(
    "operations",
    [
        "SET u64 0 1",
        "SET x8 0 1",
        "SET u8 -1 1",
        "SET u8 0",
        "OVERFLOW NO SET u8 0 1",
        "NO",
        "SET i0 0 1",
        "SET u8 0 x",
    ],
)
def test_bad_bitfield_is_refused_as_a_whole(operations: str) -> None:
    keyspace = run(f"BITFIELD a SET u8 0 1 {operations}")

    assert keys(keyspace) == set()
    assert len(keyspace.refusals) == 1


def test_bitfield_that_only_reads_creates_nothing() -> None:
    assert keys(run("BITFIELD a GET u8 0", "BITFIELD a OVERFLOW SAT", "BITFIELD a")) == set()


@given(
    st.binary(max_size=12),
    st.booleans(),
    st.integers(1, 63),
    st.integers(0, 70),
    st.integers(-(2**63), 2**63 - 1),
)
def test_bitfield_set_leaves_every_other_bit(
    start: bytes, signed: bool, width: int, offset: int, number: int
) -> None:
    keyspace = run(["SET", "a", start], f"BITFIELD a SET {'i' if signed else 'u'}{width} {offset} {number}")

    size = max(len(start) * 8, (offset + width + 7) // 8 * 8)
    before = format(int.from_bytes(start, "big"), f"0{len(start) * 8}b") if start else ""
    bits = list(before.ljust(size, "0"))
    bits[offset : offset + width] = format(number & ((1 << width) - 1), f"0{width}b")
    after = value(keyspace, "a")
    assert format(int.from_bytes(after, "big"), f"0{size}b") == "".join(bits)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [("AND", b"a\x00"), ("or", b"as"), ("XOR", b"\x00s"), ("NOT", None)],
)
def test_bitop_pads_shorter_sources_with_zeros(operation: str, expected: bytes | None) -> None:
    keyspace = run("SET x a", "SET y as", f"BITOP {operation} d x y")

    assert value(keyspace, "d") == expected


def test_bitop_clears_the_expire_time_and_deletes_for_an_empty_result() -> None:
    keyspace = run(
        "SET x abc",
        f"SET d 1 PXAT {FUTURE_MS}",
        "BITOP NOT d x",
        "SET e 1",
        "BITOP AND e no nothing",
        "SET l 1",
        "RPUSH z 1",
        "BITOP OR l x z",
    )

    assert value(keyspace, "d") == bytes(255 - byte for byte in b"abc")
    assert expire_at_ms(keyspace, "d") is None
    assert b"e" not in keys(keyspace)
    assert value(keyspace, "l") == b"1"
    assert errors(keyspace) == ["WRONGTYPE Operation against a key holding the wrong kind of value"]
