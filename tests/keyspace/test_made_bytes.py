"""Short commands that make long strings: what is held is bounded, what is gone again does not count."""

from __future__ import annotations

import pytest

from aoftool.keyspace import Keyspace, ReplayStopError

MIB = 1 << 20
GROWERS = {
    "SETBIT": lambda key: (b"SETBIT", key, b"%d" % (8 * MIB - 1), b"1"),
    "SETRANGE": lambda key: (b"SETRANGE", key, b"%d" % (MIB - 1), b"x"),
    "BITFIELD": lambda key: (b"BITFIELD", key, b"SET", b"u8", b"%d" % (8 * MIB - 8), b"1"),
    "BITOP": lambda key: (b"BITOP", b"NOT", key, b"source"),
}


def _keyspace() -> Keyspace:
    keyspace = Keyspace("valkey-9", now_ms=0)
    keyspace.execute((b"SET", b"source", bytes(MIB)))
    keyspace._context.most_made_bytes = 5 * MIB
    return keyspace


@pytest.mark.parametrize("name", GROWERS)
def test_a_replay_stops_before_it_holds_too_much(name: str) -> None:
    keyspace = _keyspace()

    with pytest.raises(ReplayStopError, match="an eighth of the memory") as stopped:
        keyspace.execute_all(GROWERS[name](b"k%d" % number) for number in range(20))

    assert stopped.value.reason == "memory"
    assert {key: len(value) for key, value in keyspace.databases[0].values.items()} == {  # type: ignore[arg-type]
        b"source": MIB,
        **{b"k%d" % number: MIB for number in range(5)},
    }


@pytest.mark.parametrize("name", GROWERS)
def test_what_is_gone_again_does_not_count(name: str) -> None:
    keyspace = _keyspace()

    for number in range(20):
        keyspace.execute(GROWERS[name](b"k%d" % number))
        keyspace.execute((b"DEL", b"k%d" % number))

    assert list(keyspace.databases[0].values) == [b"source"]
