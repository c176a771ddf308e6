"""Short commands that make long strings and large collections: what is held of them is bounded."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aoftool.budget import budget_for, multiply_budgets
from aoftool.keyspace.engine import Keyspace
from aoftool.keyspace.refusal import ReplayStopError

MIB = 1 << 20
GROWERS: dict[str, Callable[[bytes], tuple[bytes, ...]]] = {
    "SETBIT": lambda key: (b"SETBIT", key, b"%d" % (8 * MIB - 1), b"1"),
    "SETRANGE": lambda key: (b"SETRANGE", key, b"%d" % (MIB - 1), b"x"),
    "BITFIELD": lambda key: (b"BITFIELD", key, b"SET", b"u8", b"%d" % (8 * MIB - 8), b"1"),
    "BITOP": lambda key: (b"BITOP", b"NOT", key, b"source"),
}
COPIES = {
    "APPEND": (b"APPEND", b"x"),
    "SETRANGE": (b"SETRANGE", b"0", b"x"),
    "SETBIT": (b"SETBIT", b"0", b"1"),
}


def _keyspace() -> Keyspace:
    keyspace = Keyspace("valkey-9", now_ms=0)
    keyspace.execute((b"SET", b"source", bytes(MIB)))
    keyspace._context.made.most_bytes = 5 * MIB
    return keyspace


@pytest.mark.parametrize("name", GROWERS)
def test_a_replay_stops_before_it_holds_too_much(name: str) -> None:
    keyspace = _keyspace()

    with pytest.raises(ReplayStopError, match="beside what the log holds") as stopped:
        keyspace.execute_all(GROWERS[name](b"k%d" % number) for number in range(20))

    assert stopped.value.reason == "budget"
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
MAKERS: dict[str, Callable[[bytes], tuple[bytes, ...]]] = {
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

    with pytest.raises(ReplayStopError, match="beside what the log holds") as stopped:
        keyspace.execute_all(MAKERS[name](b"k%d" % number) for number in range(40))

    assert stopped.value.reason == "budget"
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

    with pytest.raises(ReplayStopError, match="beside what the log holds"):
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

    assert stopped.value.reason == "budget"
    assert stopped.value.command_index > 1000


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_counts_once_it_is_a_string_of_its_own(name: str) -> None:
    keyspace = _keyspace()
    word, *rest = COPIES[name]

    with pytest.raises(ReplayStopError, match="strings would take more") as stopped:
        keyspace.execute_all(
            argv
            for number in range(20)
            for argv in ((b"COPY", b"source", b"k%d" % number), (word, b"k%d" % number, *rest))
        )

    assert stopped.value.reason == "budget"
    assert len(keyspace.databases[0]) == 7


def test_many_strings_that_are_not_long_count_too() -> None:
    keyspace = _keyspace()

    with pytest.raises(ReplayStopError, match="strings would take more"):
        keyspace.execute_all((b"SETRANGE", b"k%d" % number, b"19999", b"x") for number in range(400))

    assert len(keyspace.databases[0]) == 1 + 5 * MIB // 20_000


def test_a_string_that_was_looked_at_counts_still() -> None:
    keyspace = _keyspace()
    for number in range(5):
        keyspace.execute((b"SETRANGE", b"k%d" % number, b"%d" % (MIB - 1), b"x"))
        keyspace.databases[0].entry(b"k%d" % number)

    with pytest.raises(ReplayStopError, match="strings would take more"):
        keyspace.execute((b"SETRANGE", b"last", b"%d" % (MIB - 1), b"x"))


def test_what_sort_looks_up_counts() -> None:
    keyspace = _keyspace()
    keyspace.execute((b"RPUSH", b"list", *MEMBERS))
    keyspace.execute((b"MSET", *(word for member in MEMBERS for word in (b"t" + member, bytes(MIB >> 5)))))
    sort = (b"SORT", b"list", b"BY", b"none", b"LIMIT", b"0", b"100", b"GET", b"t*", b"STORE", b"made")

    keyspace.execute(sort)

    with pytest.raises(ReplayStopError, match="strings would take more"):
        keyspace.execute((*sort[:6], b"200", *sort[7:]))


WALKERS = {
    "SUNIONSTORE": (b"SUNIONSTORE", b"d", b"set", b"set"),
    "SDIFFSTORE": (b"SDIFFSTORE", b"d", b"set", b"set"),
    "SINTERSTORE": (b"SINTERSTORE", b"d", b"set", b"set"),
    "ZUNIONSTORE": (b"ZUNIONSTORE", b"d", b"1", b"zset"),
    "ZINTERSTORE": (b"ZINTERSTORE", b"d", b"2", b"zset", b"zset"),
    "ZDIFFSTORE": (b"ZDIFFSTORE", b"d", b"2", b"zset", b"set"),
    "ZRANGESTORE": (b"ZRANGESTORE", b"d", b"zset", b"0", b"-1"),
    "GEORADIUS": (b"GEORADIUS", b"geo", b"1", b"1", b"9", b"km", b"STORE", b"d"),
    "SORT": (b"SORT", b"list", b"STORE", b"d"),
    "COPY": (b"COPY", b"hash", b"d", b"REPLACE"),
    "LREM": (b"LREM", b"list", b"1", b"none"),
    "LINSERT": (b"LINSERT", b"list", b"AFTER", b"none", b"x"),
    "PFMERGE": (b"PFMERGE", b"d", b"hll"),
    "BITOP": (b"BITOP", b"NOT", b"d", b"hll"),
}


@pytest.mark.parametrize("name", WALKERS)
def test_a_replay_stops_before_it_goes_over_too_many_elements(name: str) -> None:
    keyspace = _filled(MIB << 10)
    keyspace._context.made.steps_left = 1_000_000

    with pytest.raises(ReplayStopError, match="would take too long; AOFTOOL_REPLAY_BUDGET=10") as stopped:
        keyspace.execute_all([WALKERS[name]] * 100_000)

    assert stopped.value.reason == "budget"
    assert stopped.value.command_index - len(FILLED) > 10


def test_a_larger_log_may_take_more() -> None:
    small, large = budget_for(1_000), budget_for(100_000_000)

    assert small.held_bytes == (128 << 20) + 32_000
    assert large.steps == 2_010_000_000
    assert small.shared(4).steps == small.steps // 4
    try:
        multiply_budgets(10)
        assert budget_for(1_000).held_bytes == 10 * small.held_bytes
    finally:
        multiply_budgets(1)
