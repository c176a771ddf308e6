"""Compiled replay and the keyspace agree on arguments at the edges of what servers take."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aoftool.keyspace.engine import Keyspace
from aoftool.rewrite.model import RewriteOptions
from tests import builders
from tests.kernels import needs
from tests.rewrite.rewriting import assert_same_both_ways, rewritten

needs_kernel = needs("replay")

FLAVOURS = ["redis-6.2", "redis-7.0", "redis-8.2", "valkey-8.1", "valkey-9"]
KEYS = [b"a", b"b", b"c"]
SCORES = [
    b"0", b"-0", b"-0.0", b"+0", b"0.0", b"1", b"-1", b"+5", b"1.", b".5", b"-.5", b".", b"1e5", b"1E-5",
    b"1e", b"e5", b"1e+", b"000000012345", b"9007199254740993", b"-9007199254740993", b"3471579339700058",
    b"0.10000000000000001", b"0.12345678901234567", b"123456789012345.67", b"1e308",
    b"1.7976931348623157e308", b"1.7976931348623159e308", b"1e309", b"-1e309", b"5e-324",
    b"2.4703282292062328e-324", b"1e-400", b"-1e-400", b"0e-400", b"inf", b"+inf", b"-inf", b"INF",
    b"Infinity", b"nan", b"0x10", b"0x1p3", b" 1", b"1 ", b"1_0", b"1,5", b"", b"1\0", b"00000000000000000",
    b"1" * 40, b"1" * 41, b"0." + b"3" * 38, b"0." + b"3" * 60, b"--1", b"+-1",
]  # fmt: skip
WHOLE = [
    b"0", b"-0", b"1", b"-1", b"2", b"3", b"-3", b"01", b"+1", b"", b"x", b"1.5", b"999999999999999",
    b"9999999999999999", b"2147483648", b"-2147483649", b"4294967297", b"-4294967295",
    b"9223372036854775806", b"9223372036854775807", b"-9223372036854775807", b"-9223372036854775808",
    b"9223372036854775808", b"-9223372036854775809", b"99999999999999999999",
]  # fmt: skip
WORDS = [b"", b"x", b"y", b"z", b"0", b"-1", b"\0\xff\r\n", b"m" * 64, b"m" * 65, b"9223372036854775807"]

key, word = st.sampled_from(KEYS), st.sampled_from(WORDS)
score = st.one_of(
    st.sampled_from(SCORES),
    st.floats(allow_nan=False).map(lambda number: b"%.17g" % number),
    st.integers(-3, 3).map(lambda number: b"%d" % number),
)
whole = st.one_of(st.sampled_from(WHOLE), st.integers(-4, 4).map(lambda number: b"%d" % number))
bound = st.one_of(score, score.map(lambda text: b"(" + text))
add_words = st.lists(
    st.sampled_from([b"NX", b"XX", b"GT", b"LT", b"CH", b"nx", b"xX", b"gt", b"ch", b"INCR"]), max_size=3
)


def line(*parts: object) -> st.SearchStrategy[list[bytes]]:
    """Return commands whose arguments come from strategies; one that gives a list is spread out."""
    drawn = [part if isinstance(part, st.SearchStrategy) else st.just(part) for part in parts]
    return st.tuples(*drawn).map(
        lambda row: [one for part in row for one in (part if isinstance(part, list) else [part])]
    )


some = st.lists(word, min_size=1, max_size=4)
pairs = st.lists(st.tuples(word, word), min_size=1, max_size=3).map(
    lambda rows: [one for row in rows for one in row]
)
scored = st.lists(st.tuples(score, word), min_size=1, max_size=4).map(
    lambda rows: [one for row in rows for one in row]
)

SORTED = [
    line(b"ZADD", key, score, word),
    line(b"ZADD", key, add_words, scored),
    line(b"ZADD", key, add_words, score),
    line(b"ZINCRBY", key, score, word),
    line(b"ZREM", key, some),
    line(b"ZPOPMIN", key),
    line(b"ZPOPMIN", key, whole),
    line(b"ZPOPMAX", key, whole),
    line(b"ZREMRANGEBYSCORE", key, bound, bound),
    line(b"ZREMRANGEBYRANK", key, whole, whole),
    line(b"ZUNIONSTORE", key, b"2", key, key),
]
LISTS = [
    line(st.sampled_from([b"RPUSH", b"LPUSH", b"RPUSHX", b"lpushx"]), key, some),
    line(st.sampled_from([b"LPOP", b"RPOP"]), key),
    line(st.sampled_from([b"LPOP", b"RPOP"]), key, whole),
    line(b"LTRIM", key, whole, whole),
    line(b"LSET", key, whole, word),
    line(b"LREM", key, whole, word),
    line(b"LINSERT", key, b"BEFORE", word, word),
    line(b"RPOPLPUSH", key, key),
]
HASHES = [
    line(b"HSET", key, pairs),
    line(b"HSET", key, some),
    line(b"HSETNX", key, word, word),
    line(b"HDEL", key, some),
    line(b"HINCRBY", key, word, whole),
    line(b"HINCRBYFLOAT", key, word, score),
    line(b"HPEXPIREAT", key, b"9999999999999", b"FIELDS", b"1", word),
]
STRINGS = [
    line(b"SET", key, whole),
    line(b"SET", key, word, b"PXAT", whole),
    line(b"SET", key, word, st.sampled_from([b"KEEPTTL", b"keepttl", b"KEEPTTM", b"NX", b"XX"])),
    line(b"SETNX", key, word),
    line(b"GETDEL", key),
    line(st.sampled_from([b"INCR", b"DECR"]), key),
    line(st.sampled_from([b"INCRBY", b"DECRBY"]), key, whole),
    line(b"INCRBYFLOAT", key, score),
    line(b"APPEND", key, word),
    line(b"SETRANGE", key, whole, word),
    line(b"SETBIT", key, b"9", b"1"),
]
REST = [
    line(b"SADD", key, some),
    line(b"SREM", key, some),
    line(b"SMOVE", key, key, word),
    line(b"PEXPIREAT", key, whole),
    line(b"PERSIST", key),
    line(st.sampled_from([b"DEL", b"UNLINK"]), key),
    line(b"RENAME", key, key),
    line(b"COPY", key, key),
]
KINDS = {
    "sorted": SORTED,
    "lists": LISTS,
    "hashes": HASHES,
    "strings": STRINGS,
    "all": SORTED + LISTS + HASHES + STRINGS,
}


@needs_kernel
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_arguments_at_the_edges(
    kind: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("log") / "log.aof"
    commands = KINDS[kind] * 3 + REST
    log = data.draw(st.lists(st.one_of(commands), min_size=1, max_size=60))
    path.write_bytes(builders.log(*log))

    assert_same_both_ways(path, data.draw(st.sampled_from(FLAVOURS)))


@needs_kernel
@pytest.mark.parametrize("text", SCORES, ids=repr)
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_each_score_alone(text: bytes, flavour: str, tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    log = [
        [b"ZADD", b"one", text, b"m"],
        [b"ZADD", b"grown", b"1", b"m" * 65],
        [b"ZADD", b"grown", text, b"n"],
        [b"ZADD", b"up", b"1", b"m"],
        [b"ZINCRBY", b"up", text, b"m"],
        [b"ZADD", b"down", b"-inf", b"m"],
        [b"ZINCRBY", b"down", text, b"m"],
        [b"ZADD", b"cut", b"-5", b"l", b"0", b"m", b"5", b"n"],
        [b"ZREMRANGEBYSCORE", b"cut", b"-inf", text],
    ]
    path.write_bytes(builders.log(*log))

    assert_same_both_ways(path, flavour)


@needs_kernel
@pytest.mark.parametrize("members", [3, 128, 129, 300, 2000])
def test_ends_of_sorted_sets_of_all_sizes(members: int, tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    fill = [[b"ZADD", b"z", b"%d" % (number * 7919 % 61), b"m%d" % number] for number in range(members)]
    churn: list[list[bytes]] = []
    for number in range(members // 2):
        churn += [
            [b"ZPOPMIN", b"z"],
            [b"ZINCRBY", b"z", b"0.5", b"m%d" % (number * 31 % members)],
            [b"ZREM", b"z", b"m%d" % (number * 17 % members)],
            [b"ZADD", b"z", b"%d" % (number % 50), b"new%d" % number],
        ]
    ends = [
        [b"ZREMRANGEBYSCORE", b"z", b"-inf", b"(3"],
        [b"ZREMRANGEBYRANK", b"z", b"0", b"2"],
        [b"ZADD", b"z", b"1e9", b"top"],
        [b"ZPOPMAX", b"z", b"2"],
        [b"ZREMRANGEBYRANK", b"z", b"-2", b"-1"],
        [b"ZPOPMIN", b"z", b"2"],
        [b"ZREMRANGEBYSCORE", b"z", b"20", b"22"],
    ]
    path.write_bytes(builders.log(*fill, *churn, *ends))

    for flavour in ("redis-7.0", "valkey-9"):
        assert_same_both_ways(path, flavour)


@needs_kernel
def test_values_move_to_the_dicts_and_back(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    log: list[list[bytes]] = []
    for number in range(200):
        log += [
            [b"RPUSH", b"l", *[b"%d" % n for n in range(5)]],
            [b"LINSERT", b"l", b"BEFORE", b"3", b"between"],
            [b"HSET", b"h", b"f%d" % number, b"v"],
            [b"HINCRBYFLOAT", b"h", b"f%d" % (number // 2), b"1.5"],
            [b"ZADD", b"z", b"%d.5" % number, b"m%d" % number],
            [b"ZREMRANGEBYLEX", b"z", b"-", b"(a"],
            [b"SADD", b"s", b"%d" % number],
            [b"SINTERSTORE", b"t", b"s", b"s"],
            [b"APPEND", b"n", b"x"],
            [b"SETBIT", b"n", b"3", b"1"],
            [b"PEXPIREAT", b"n", b"9999999999999"],
        ]
    path.write_bytes(builders.log(*log))

    assert_same_both_ways(path, "redis-7.2")


@needs_kernel
@pytest.mark.parametrize(
    "command",
    [
        [b"ZADD", b"z", b"0.10000000000000001", b"m"],
        [b"ZADD", b"z", b"NX", b"CH", b"1", b"m", b"2", b"n"],
        [b"ZINCRBY", b"z", b"1.5", b"m"],
        [b"ZPOPMIN", b"z", b"3"],
        [b"ZREMRANGEBYSCORE", b"z", b"-inf", b"(1764504900.25"],
        [b"ZREMRANGEBYRANK", b"z", b"0", b"-101"],
        [b"LPOP", b"l", b"2"],
        [b"LREM", b"l", b"1", b"x"],
        [b"SET", b"k", b"1.5", b"KEEPTTL"],
        [b"INCRBY", b"k", b"4611686018427387903"],
        [b"APPEND", b"k", b"more"],
        [b"RPUSH", b"l", *[b"%d" % number for number in range(300)]],
    ],
    ids=lambda command: command[0].decode(),
)
def test_what_servers_write_never_reaches_the_keyspace(
    command: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(builders.log(command, [b"ZADD", b"z", b"2.5", b"other"], command))

    def refuse(keyspace: Keyspace, argv: list[bytes]) -> None:
        assert argv[0] == b"SELECT"

    monkeypatch.setattr(Keyspace, "execute", refuse)
    rewritten(path, RewriteOptions())


@needs_kernel
def test_members_with_expire_times_of_their_own_keep_them(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    log = [
        [b"SADD", b"s", b"a", b"b"],
        [b"EXPIREMEMBERAT", b"s", b"a", b"9999999999"],
        [b"SADD", b"s", b"c"],
        [b"SREM", b"s", b"b"],
    ]
    path.write_bytes(builders.log(*log))

    assert_same_both_ways(path, "redis-6.2")
