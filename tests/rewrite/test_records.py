"""Records made straight from compiled code are those of the values that the keyspace would hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aoftool.resp.canonical import NotCanonical
from aoftool.rewrite.model import RewriteOptions
from aoftool.rewrite.replay import texts as texts_module
from tests import builders
from tests.kernels import both, needs
from tests.rewrite.rewriting import assert_same_both_ways, rewritten

pytestmark = [needs("records"), needs("replay")]

INTEGERS = [b"0", b"-1", b"32767", b"-32768", b"32768", b"-32769", b"2147483648", b"-2147483649"]
INTEGERS += [b"9223372036854775807", b"-9223372036854775808"]
SCORES = [
    b"0",
    b"1",
    b"-1.5",
    b"1e17",
    b"3.0000000000000004",
    b"0.1",
    b"inf",
    b"-inf",
    b"4611686018427387904",
]
SCORES += [b"-4611686018427387904", b"9223372036854775808", b"1e300", b"5e-324", b"127", b"-4097", b"1e-7"]


def members(count: int, size: int = 0) -> list[bytes]:
    return [b"%0*d" % (max(size, 5), number) for number in range(count)]


def edges() -> list[list[bytes]]:
    """Return commands that make a value on each side of every limit of its forms."""
    commands = []
    for count in range(1, len(INTEGERS) + 1):
        commands.append([b"SADD", b"whole%d" % count, *INTEGERS[:count]])
    commands.append([b"SADD", b"nearly", *INTEGERS, b"01"])
    for count in (511, 512, 513):
        key = b"n%d" % count
        commands.append([b"SADD", b"set" + key, *(b"%d" % at for at in range(400))])
        commands.append([b"SADD", b"set" + key, *(b"%d" % at for at in range(400, count))])
        for at in range(0, count, 200):
            pairs = [part for name in members(count)[at : at + 200] for part in (name, b"v")]
            commands.append([b"HSET", b"hash" + key, *pairs])
    for count in (127, 128, 129, 300):
        commands.append([b"SADD", b"s%d" % count, *members(count)])
        for at in range(0, count, 100):
            pairs = [part for name in members(count)[at : at + 100] for part in (b"%d" % (at % 7), name)]
            commands.append([b"ZADD", b"z%d" % count, *pairs])
    for size in (63, 64, 65, 20000):
        name = b"m" * size
        commands += [[b"SADD", b"s-%d" % size, name], [b"HSET", b"h-%d" % size, name, b"v"]]
        commands += [[b"HSET", b"hv-%d" % size, b"f", name], [b"ZADD", b"z-%d" % size, b"1.25", name]]
        commands += [[b"RPUSH", b"l-%d" % size, b"1", name, b"-5", name], [b"APPEND", b"t-%d" % size, name]]
    commands.append(
        [
            b"ZADD",
            b"scores",
            *(part for pair in zip(SCORES, members(len(SCORES)), strict=True) for part in pair),
        ]
    )
    commands += [
        [b"ZINCRBY", b"scores", b"0.5", b"00001"],
        [b"ZADD", b"ties", b"1", b"b", b"1", b"a", b"1", b""],
    ]
    for at in range(8):
        commands.append([b"LPUSH", b"long", *members(500, 30 + at)])
    for at in range(260):
        # Nodes end by their number of entries, by their bytes, and where one long entry begins.
        size = 5000 if at % 97 == 96 else 40
        names = (b"f", b"g") if at % 50 < 45 else (b"g", b"f", b"f")
        pairs = [part for name in names for part in (name, b"%d" % at if at % 3 else b"v" * size)]
        commands.append([b"XADD", b"short", b"%d-%d" % (at // 3, at), b"f", b"%d" % -at])
        commands.append([b"XADD", b"wide", b"%d-0" % (1 << at % 45 if at < 45 else (1 << 45) + at), *pairs])
        commands.append([b"XADD", b"cut", b"MAXLEN", b"=", b"130", b"%d-1" % (at + 1), b"", b""])
        commands.append([b"XADD", b"gaps", b"maxlen", b"9", b"999999999999999-%d" % (at + 1), b"f", b"v"])
        if at % 40 == 39:
            commands.append([b"XDEL", b"gaps", b"999999999999999-%d" % (at - 1)])
    commands.append([b"XADD", b"none", b"MAXLEN", b"0", b"7-7", b"f", b"v"])
    commands += [
        [b"PEXPIREAT", key, b"4102444800000"] for key in (b"cut", b"long", b"whole1", b"scores", b"t-65")
    ]
    # Removed entries leave gaps, and a name that comes again stands at the end.
    commands += [
        [b"SREM", b"s300", *members(5)],
        [b"SADD", b"s300", *members(2)],
        [b"HDEL", b"hashn513", b"00007"],
    ]
    return commands


@pytest.mark.parametrize("release", ["redis-6.2", "redis-7.0", "redis-7.2", "redis-8.6", "valkey-9.1"])
def test_values_at_the_limits_of_every_form(release: str, tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(builders.log(*edges()))

    assert_same_both_ways(path, release)


def test_values_of_the_log_the_replay_and_the_keyspace_between_each_other(tmp_path: Path) -> None:
    commands: list[list[bytes]] = []
    for at in range(60):
        key = b"%d" % at
        commands += [
            [b"MSET", b"a" + key, b"1", b"b" + key, b"x" * at, b"a" + key, b"2"],
            [b"SET", b"c" + key, key],
        ]
        commands += [
            [b"INCR", b"d" + key],
            [b"XADD", b"e" + key, b"1-1", b"f", key],
            [b"SADD", b"gone" + key, key],
        ]
        commands += [[b"SELECT", b"%d" % (at % 3)], [b"RPUSH", b"f", key]]
        if at % 3 == 0:
            commands += [[b"DEL", b"b" + key, b"gone" + key], [b"PEXPIREAT", b"d" + key, b"4102444800000"]]
        if at % 7 == 0:
            commands += [[b"RENAME", b"f", b"g" + key], [b"SET", b"c" + key, b"v", b"PXAT", b"4102444800000"]]
    path = tmp_path / "log.aof"
    path.write_bytes(builders.log(*commands))

    assert_same_both_ways(path, "valkey-9.1")


def test_plain_sets_encoded_by_threads_keep_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = b"*3\r\n$3\r\nSET\r\n$02\r\nky\r\n$1\r\nv\r\n"
    texts = [b"%d" % at * (at % 90) + b"ab" * (at % 40) for at in range(900)]
    commands = [builders.command(b"SET", b"k%d" % at, text) for at, text in enumerate(texts)]
    path = tmp_path / "log.aof"
    path.write_bytes(b"".join([*commands[:500], odd, *commands[500:]]))
    options = RewriteOptions(target="valkey-9.1", written_by="valkey-9.1", now_ms=1)
    monkeypatch.setattr(texts_module, "_WINDOW_BYTES", 2000)
    at_once, _, _ = rewritten(path, options)

    monkeypatch.setattr(texts_module, "_WORTH_THREADS_BYTES", 0)

    assert rewritten(path, options)[0] == at_once


@pytest.mark.parametrize("compress", [True, False])
def test_pairs_of_a_command(compress: bool) -> None:
    reference, kernel = both("texts")
    texts = [b"", b"0", b"01", b"x" * 300, b"2147483647", b"\r\n"]
    base, data, starts, places = 77, b"", [], []
    for size in (1, 2, 5):
        argv = [b"MSET", *(text for _ in range(size) for text in (*texts, b"v"))]
        for place in (1, 1, 3, 6, 2):
            starts.append(base + len(data))
            places.append(place)
        data += builders.command(*argv)
    arguments = memoryview(data), base, np.array(starts, np.int64), np.array(places, np.int64), compress
    sizes = np.zeros((2, len(starts)), np.int64)

    made = [
        twin.encode_pairs(*arguments, size) for twin, size in zip((reference, kernel), sizes, strict=True)
    ]

    assert made[0] == made[1]
    assert sizes[0].tolist() == sizes[1].tolist()
    assert sizes[0].sum() == len(made[0])


@pytest.mark.parametrize(
    "odd", [b"*3\r\n$3\r\nSET\r\n$01\r\nk\r\n$1\r\nv\r\n", b"*2\r\n$3\r\nSET\r\n$1\r\nk\r\n"]
)
def test_pairs_that_are_not_there_or_oddly_written(odd: bytes) -> None:
    for twin in both("texts"):
        with pytest.raises(NotCanonical):
            twin.encode_pairs(
                memoryview(odd), 0, np.zeros(1, np.int64), np.ones(1, np.int64), True, np.zeros(1, np.int64)
            )
