"""Short commands that make long strings and large collections: what is held of them is bounded."""

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
    keyspace._context.made.most_bytes = 5 * MIB
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


MEMBERS = [b"%d" % number for number in range(400)]
PAIRS = [word for member in MEMBERS for word in (b"1", member)]
PLACES = [word for member in MEMBERS for word in (b"1", b"1", member)]
FILLED = [
    (b"SADD", b"set", *MEMBERS),
    (b"ZADD", b"zset", *PAIRS),
    (b"GEOADD", b"geo", *PLACES),
    (b"RPUSH", b"list", *MEMBERS),
    (b"HSET", b"hash", *PAIRS[1:], b"v"),
    (b"PFADD", b"hll", *MEMBERS),
    (b"PFDEBUG", b"TODENSE", b"hll"),
    *((b"XADD", b"stream", b"%d-1" % number, b"f", b"v") for number in range(1, 400)),
]
MAKERS = {
    "SUNIONSTORE": lambda key: (b"SUNIONSTORE", key, b"set"),
    "SDIFFSTORE": lambda key: (b"SDIFFSTORE", key, b"set", b"none"),
    "SINTERSTORE": lambda key: (b"SINTERSTORE", key, b"set", b"set"),
    "ZUNIONSTORE": lambda key: (b"ZUNIONSTORE", key, b"1", b"zset"),
    "ZINTERSTORE": lambda key: (b"ZINTERSTORE", key, b"1", b"set"),
    "ZDIFFSTORE": lambda key: (b"ZDIFFSTORE", key, b"1", b"zset"),
    "ZRANGESTORE": lambda key: (b"ZRANGESTORE", key, b"zset", b"0", b"-1"),
    "GEOSEARCHSTORE": lambda key: (
        *(b"GEOSEARCHSTORE", key, b"geo", b"FROMLONLAT", b"1", b"1", b"BYRADIUS", b"9", b"km"),
    ),
    "GEORADIUS": lambda key: (b"GEORADIUS", b"geo", b"1", b"1", b"9", b"km", b"STORE", key),
    "SORT": lambda key: (b"SORT", b"list", b"STORE", key),
    "COPY set": lambda key: (b"COPY", b"set", key),
    "COPY hash": lambda key: (b"COPY", b"hash", key),
    "COPY list": lambda key: (b"COPY", b"list", key),
    "COPY stream": lambda key: (b"COPY", b"stream", key),
    "COPY into another database": lambda key: (b"COPY", b"set", key, b"DB", b"3"),
    "PFMERGE": lambda key: (b"PFMERGE", key, b"hll"),
}


def _filled(most_bytes: int) -> Keyspace:
    keyspace = Keyspace("valkey-9", now_ms=0)
    keyspace.execute_all(FILLED)
    keyspace._context.made.most_bytes = most_bytes
    return keyspace


@pytest.mark.parametrize("name", MAKERS)
def test_a_replay_stops_before_it_makes_too_many_elements(name: str) -> None:
    keyspace = _filled(MIB >> 3)

    with pytest.raises(ReplayStopError, match="an eighth of the memory") as stopped:
        keyspace.execute_all(MAKERS[name](b"k%d" % number) for number in range(40))

    assert stopped.value.reason == "memory"
    assert 1 < sum(map(len, keyspace.databases)) < 46


@pytest.mark.parametrize("name", MAKERS)
def test_elements_that_are_gone_again_do_not_count(name: str) -> None:
    keyspace = _filled(MIB >> 3)

    for number in range(40):
        keyspace.execute(MAKERS[name](b"k%d" % number))
        keyspace.execute((b"RENAME", b"k%d" % number, b"other"))
        keyspace.execute((b"FLUSHDB",) if b"DB" in MAKERS[name](b"") else (b"DEL", b"other"))
        if b"DB" in MAKERS[name](b""):
            keyspace.execute((b"SELECT", b"3"))
            keyspace.execute((b"FLUSHDB",))
            keyspace.execute((b"SELECT", b"0"))
            keyspace.execute_all(FILLED[:1])


def test_renaming_hides_nothing() -> None:
    keyspace = _filled(MIB >> 3)
    commands = [
        words
        for number in range(20)
        for words in ((b"SUNIONSTORE", b"made", b"set"), (b"RENAME", b"made", b"k%d" % number))
    ]

    with pytest.raises(ReplayStopError, match="an eighth of the memory"):
        keyspace.execute_all(commands)


def test_what_was_written_does_not_count() -> None:
    keyspace = Keyspace("valkey-9", now_ms=0)
    keyspace._context.made.most_bytes = MIB

    for number in range(100):
        keyspace.execute((b"SADD", b"s%d" % number, *MEMBERS))
    keyspace.execute((b"SUNIONSTORE", b"made", b"s1", b"s2"))

    assert len(keyspace.databases[0]) == 101


def test_a_transaction_is_not_kept_without_end() -> None:
    keyspace = Keyspace("valkey-9", now_ms=0)
    keyspace._context.made.most_bytes = MIB
    keyspace.execute((b"MULTI",))

    with pytest.raises(ReplayStopError, match="a transaction of more than 1") as stopped:
        keyspace.execute_all((b"SET", b"k%d" % number, b"v") for number in range(10_000))

    assert stopped.value.reason == "memory"
    assert stopped.value.command_index > 1000
