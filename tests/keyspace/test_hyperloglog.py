"""HyperLogLogs: bytes as servers make them; random edits are compared with servers elsewhere."""

from __future__ import annotations

import pytest

from aoftool.keyspace import hll
from aoftool.keyspace.engine import Keyspace
from tests.keyspace.datasets import Loader, dataset_of, differences, flavour_of
from tests.keyspace.running import FUTURE_MS, errors, expire_at_ms, keys, run, value
from tests.servers import Build, server_params

DATABASES = 16
EMPTY = b"HYLL\x01" + bytes(11) + b"\x7f\xff"


def test_pfadd_without_elements_creates_an_empty_value() -> None:
    keyspace = run("PFADD a")

    assert value(keyspace, "a") == EMPTY[:15] + b"\x80" + EMPTY[16:]


def test_bytes_of_a_few_elements_are_those_of_a_server() -> None:
    """Measured on Redis 7.0.15 with GET after `PFADD a a b c d e f g`."""
    keyspace = run("PFADD a a b c d e f g", "PFCOUNT a")

    assert value(keyspace, "a") == bytes.fromhex(
        "48594c4c010000000700000000000000466d80560c80443c84388050b184498c80426d80425a"
    )


def test_order_and_batching_do_not_change_the_bytes_of_a_sparse_value() -> None:
    names = [f"e{number}" for number in range(200)]

    at_once = run(["PFADD", "a", *names])
    one_by_one = run(*[f"PFADD a {name}" for name in reversed(names)])

    assert len(value(at_once, "a")) == len(value(one_by_one, "a"))


def test_value_becomes_dense_when_it_outgrows_the_sparse_limit() -> None:
    keyspace = run(["PFADD", "a", *(f"e{number}" for number in range(2000))])

    assert len(value(keyspace, "a")) == hll.DENSE_SIZE
    assert hll.is_dense(value(keyspace, "a"))


@pytest.mark.parametrize("count", [0, 1, 10, 300, 3000, 20_000])
def test_count_is_within_the_error_of_the_method(count: int) -> None:
    keyspace = run(["PFADD", "a", *(f"element-{number}" for number in range(count))], "PFCOUNT a")

    cached = int.from_bytes(value(keyspace, "a")[8:16], "little")
    assert abs(cached - count) <= 0.04 * count


def test_pfcount_of_one_key_renews_the_cache_and_of_several_does_not() -> None:
    keyspace = run("PFADD a x", "PFADD b y", "PFCOUNT a", "PFCOUNT a b")

    assert value(keyspace, "a")[8:16] == b"\x01" + bytes(7)
    assert value(keyspace, "b")[15] == 0x80


def test_sparse_and_dense_hold_the_same_registers() -> None:
    keyspace = run(["PFADD", "a", *(f"e{number}" for number in range(100))], "COPY a b", "PFDEBUG TODENSE b")

    for key in "ab":
        keyspace.execute([b"PFCOUNT", key.encode()])
    assert value(keyspace, "a")[8:16] == value(keyspace, "b")[8:16]
    assert hll.is_dense(value(keyspace, "b"))


def test_pfmerge_creates_keeps_the_expire_time_and_adds_up() -> None:
    keyspace = run(
        "PFADD a x", "PFADD b y", "PFMERGE d a b", f"PEXPIREAT d {FUTURE_MS}", "PFMERGE d", "PFCOUNT d"
    )

    assert value(keyspace, "d")[8] == 2
    assert expire_at_ms(keyspace, "d") == FUTURE_MS


def test_pfmerge_with_a_dense_source_makes_a_dense_target() -> None:
    keyspace = run("PFADD a x", "PFADD b y", "PFDEBUG TODENSE a", "PFMERGE d b a")

    assert hll.is_dense(value(keyspace, "d"))


@pytest.mark.parametrize("content", [b"", b"text", b"HYLL", b"HYLL\x02" + bytes(13), b"HYLL\x00" + bytes(20)])
def test_other_strings_are_refused(content: bytes) -> None:
    keyspace = run(["SET", "a", content], "PFADD a x", "PFMERGE b a", "PFCOUNT a")

    assert value(keyspace, "a") == content
    assert keys(keyspace) == {b"a"}
    assert len(keyspace.refusals) == 3


@pytest.mark.parametrize("body", [b"", b"\x00", b"\x7f", b"\x40\x00", b"\x7f\xff\x00", b"\xff" * 5000])
def test_damaged_runs_are_refused_and_never_read_beyond(body: bytes) -> None:
    keyspace = run(["SET", "a", EMPTY[:15] + b"\x80" + body], "PFCOUNT a", "PFMERGE b a", "PFDEBUG TODENSE a")

    assert errors(keyspace) == ["INVALIDOBJ Corrupted HLL object detected"] * 3


@pytest.mark.parametrize("text", [b"", b"a", b"foobar12", b"x" * 100])
def test_an_element_raises_one_register_once(text: bytes) -> None:
    one = hll.new_hll()

    assert hll.add_element(one, text)
    assert not hll.add_element(one, text)
    assert hll.write_count(one)
    assert one[8] == 1


ALL_ZERO = EMPTY[16:]
DAMAGED = {
    "values-behind-the-end": ALL_ZERO + b"\x80",
    "more-behind-these": ALL_ZERO + b"\x84\x00\x7f\xff",
    "values-across-the-end": b"\x7f\xfe\x81",
    "zeros-behind-the-end": ALL_ZERO + b"\x00",
    "zeros-then-values": ALL_ZERO + b"\x00\x80",
    "half-a-run": ALL_ZERO + b"\x7f",
}


@pytest.mark.parametrize("server_build", server_params())
@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in DAMAGED.items()])
def test_runs_behind_the_last_register_end_as_on_the_server(server_build: Build, body: bytes) -> None:
    given = [[b"SET", key, EMPTY[:15] + b"\x80" + body] for key in (b"a", b"b", b"c", b"d", b"e")]
    commands = [
        *given,
        [b"PFDEBUG", b"TODENSE", b"a"],
        [b"PFMERGE", b"f", b"b"],
        [b"PFMERGE", b"c", b"a"],
        [b"PFADD", b"d", *(b"e%d" % number for number in range(2000))],
        [b"PFCOUNT", b"e"],
    ]
    keyspace = Keyspace(flavour_of(server_build), DATABASES)
    keyspace.execute_all(commands)

    loader = Loader(server_build, DATABASES)
    try:
        server = loader.load(commands)
    finally:
        loader.close()

    assert server is not None
    assert differences(dataset_of(keyspace), server) == []
