"""Frequent commands give the same result in compiled code and through the keyspace."""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from aoftool.keyspace.refusal import ReplayStopError
from aoftool.rewrite.model import RewriteOptions
from aoftool.rewrite.replay import replaying, texts
from tests import builders
from tests.kernels import needs
from tests.random_logs import Mix, random_log
from tests.rewrite.rewriting import assert_same_both_ways, rewritten
from tests.servers import Build

BUILDS = [Build("valkey", (9, 1, 2), Path()), Build("redis", (6, 2, 5), Path())]

needs_kernel = needs("replay")


def frequent(seed: int, count: int) -> list[list[bytes]]:
    """Draw a log of the commands that compiled code knows, in plain and in odd forms, over few keys."""
    draw = random.Random(seed)
    numbers = [b"0", b"-0", b"1", b"-7", b"01", b"999999999999999", b"9223372036854775807", b"1.5", b"x", b""]
    times = [b"1", b"0", b"-5", b"4102444800000", b"9223372036854775807", b"x"]

    def word() -> bytes:
        return draw.choice([b"a", b"b", b"c", b"", b"m" * 70])

    trims: list[list[bytes]] = [
        [],
        [b"MAXLEN", b"3"],
        [b"MAXLEN", b"=", b"2"],
        [b"maxlen", b"1"],
        [b"MAXLEN", b"=", b"-1"],
        [b"MINID", b"5"],
        [b"NOMKSTREAM"],
    ]
    ids = [
        b"0-0",
        b"0-1",
        b"01-1",
        b"7",
        b"-1-1",
        b"5-",
        b"-",
        b"999999999999999-1",
        b"9-9999999999999999999",
    ]

    def entry_id() -> bytes:
        return draw.choice(ids) if draw.random() < 0.2 else b"%d-%d" % (draw.randrange(40), draw.randrange(4))

    def command() -> list[bytes]:
        key = b"k%d" % draw.randrange(8)
        words = [word() for _ in range(draw.choice([1, 1, 1, 2, 3, 70]))]
        return draw.choice(
            [
                [b"RPUSH", key, *words],
                [b"lpush", key, *words],
                [b"LPOP", key],
                [b"RPOP", key, b"2"],
                [b"SADD", key, *words],
                [b"SREM", key, *words],
                [b"HSET", key, *words, word()],
                [b"HMSET", key, word(), word()],
                [b"HDEL", key, *words],
                [b"INCR", key],
                [b"DECRBY", key, draw.choice(numbers)],
                [b"INCRBY", key, draw.choice(numbers)],
                [b"PEXPIREAT", key, draw.choice(times)],
                [b"ZADD", key, draw.choice(numbers), word()],
                [b"ZADD", key, b"NX", b"1", word()],
                [b"ZPOPMIN", key],
                [b"ZINCRBY", key, draw.choice(numbers), word()],
                [b"ZREM", key, *words],
                [b"HINCRBY", key, word(), draw.choice(numbers)],
                [b"LTRIM", key, draw.choice(numbers), draw.choice(numbers)],
                [b"LTRIM", key, b"%d" % draw.randrange(-4, 4), b"%d" % draw.randrange(-4, 4)],
                [b"PERSIST", key],
                [b"XADD", b"s", *draw.choice(trims), entry_id(), *words, word()],
                [b"XADD", draw.choice([key, b"s"]), *draw.choice(trims), entry_id(), word(), word()],
                [b"XDEL", b"s", entry_id()],
                [b"SET", key, draw.choice(numbers)],
                [b"SET", key, word(), draw.choice([b"PXAT", b"pxat", b"KEEPTTL"]), draw.choice(times)],
                [b"MSET", key, word(), b"k%d" % draw.randrange(8), word()],
                [b"RENAME", key, b"k%d" % draw.randrange(8)],
                [b"DEL", key],
                [b"APPEND", key, b"1"],
                [b"COPY", key, b"k%d" % draw.randrange(8)],
                [b"FLUSHDB"] if draw.random() < 0.05 else [b"SELECT", b"%d" % draw.randrange(2)],
            ]
        )

    return [command() for _ in range(count)]


@needs_kernel
@pytest.mark.parametrize("build", BUILDS, ids=str)
def test_frequent_commands_in_all_their_forms(build: Build, tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    for seed in range(60):
        path.write_bytes(builders.log(*frequent(seed, 300)))

        assert_same_both_ways(path, build.id)


@needs_kernel
@pytest.mark.parametrize("build", BUILDS, ids=str)
def test_random_logs(build: Build, tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    for seed in range(40):
        log = random_log(seed, build, 200, Mix(keys=4 + seed % 9))
        path.write_bytes(builders.log(*log))

        assert_same_both_ways(path, build.id)


@needs_kernel
def test_leniently_written_commands_among_frequent_ones(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    odd = b"*02\r\n$4\r\nINCR\r\n$01\r\nn\r\n"
    path.write_bytes(builders.command("INCR", "n") + odd + builders.command("RPUSH", "l", "x") + odd)

    assert_same_both_ways(path, "redis-7.0")


@needs_kernel
def test_rows_of_two_threads_come_to_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "_WORTH_HELP_BYTES", 0)
    monkeypatch.setattr(replaying, "_WORTH_ROWS", 1)
    monkeypatch.setattr(replaying, "_SELDOM", 0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    path = tmp_path / "log.aof"
    for seed in range(30):
        path.write_bytes(builders.log(*frequent(seed, 300)))

        assert_same_both_ways(path, BUILDS[seed % 2].id)


@needs_kernel
@pytest.mark.parametrize("threads", [1, 2])
def test_one_thread_is_one_thread(threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--jobs 1` bounds what replays and what encodes; the result has the same bytes."""
    made: list[int] = []

    class Counting(ThreadPoolExecutor):
        def __init__(self, count: int) -> None:
            made.append(count)
            super().__init__(count)

    path = tmp_path / "log.aof"
    path.write_bytes(builders.log(*frequent(1, 300), *([b"SET", b"s%d" % at, b"v"] for at in range(300))))
    options = RewriteOptions(target="valkey-9.1", written_by="valkey-9.1", now_ms=1)
    alone = rewritten(path, replace(options, threads=1))[0]
    monkeypatch.setattr("concurrent.futures.ThreadPoolExecutor", Counting)
    monkeypatch.setattr(replaying, "_WORTH_HELP_BYTES", 0)
    monkeypatch.setattr(texts, "_WORTH_THREADS_BYTES", 0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})

    contents = rewritten(path, replace(options, threads=threads))[0]

    assert contents == alone
    assert bool(made) == (threads > 1)


@needs_kernel
def test_a_row_that_stops_is_the_first_one_whichever_thread_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [[b"SADD", b"k%d" % (at % 2), b"%d" % at] for at in range(400)]
    # Of two keys, each of a lane of its own: no server that fails at one comes to the other.
    rows[120] = [b"PEXPIREAT", b"k1", b"-5"]
    rows[60] = rows[200] = [b"PEXPIREAT", b"k0", b"-5"]
    path = tmp_path / "log.aof"
    options = RewriteOptions(target="valkey-9.1", written_by="valkey-8.1", now_ms=1)
    monkeypatch.setattr(replaying, "_WORTH_HELP_BYTES", 0)
    monkeypatch.setattr(replaying, "_WORTH_ROWS", 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    for first in (60, 120, 200):
        path.write_bytes(builders.log(*rows))

        with pytest.raises(ReplayStopError) as found:
            rewritten(path, options)

        assert found.value.offset == len(builders.log(*rows[:first]))
        rows[first] = [b"PERSIST", b"k0"]
