"""A deep check says the same whether compiled code follows the log or the keyspace executes every command."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aoftool.aof.layout import find_log
from aoftool.budget import Budget
from aoftool.check.exam import examine
from aoftool.check.exam_model import LogExam
from aoftool.check.loaders import replay
from aoftool.check.loaders.replay import keyspace_before, replay_log
from aoftool.check.loaders.replay_model import Replay
from aoftool.check.model import Level
from aoftool.keyspace.engine import Keyspace
from aoftool.keyspace.flavour import FLAVOURS, AskedFlavour
from aoftool.values.digest import value_digest
from tests.builders import command, log, rdb, rdb_string, transaction
from tests.kernels import needs
from tests.random_logs import Mix, random_log
from tests.rewrite.test_hot import frequent
from tests.servers import Build

TARGETS = ["redis-6.2", "redis-7.0", "redis-7.4", "valkey-8.1", "valkey-9.1"]
BUILD = Build("valkey", (9, 1, 2), Path())

needs_kernel = needs("follow")


def both_ways(path: Path, targets: list[str] = TARGETS) -> tuple[Replay, Replay]:
    """Return what the reference shows, each target by itself and command by command, and what is shown."""
    exam = examine(find_log(path), Level.FULL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "can_follow", lambda: False)
        patch.setattr(replay._Run, "goes_for", lambda run, target: False)
        slow = replay_log(exam, targets)
    return slow, replay_log(exam, targets)


def assert_same(path: Path, targets: list[str] = TARGETS) -> Replay:
    slow, quick = both_ways(path, targets)
    assert list(quick.answered.items()) == list(slow.answered.items())
    assert list(quick.idle.items()) == list(slow.idle.items())
    assert (quick.ended, quick.unknown, quick.expired) == (slow.ended, slow.unknown, slow.expired)
    return quick


def data_of(keyspace: Keyspace | None) -> object:
    if keyspace is None:
        return None
    return [
        {key: (value_digest(entry.value), entry.expire_at_ms) for key, entry in database.entries()}
        for database in keyspace.databases
    ]


def assert_same_data(path: Path, target: str) -> None:
    """Assert that both ways hold the same in front of what would come next."""
    exam = examine(find_log(path), Level.FULL)
    quick = data_of(keyspace_before(exam, 1, target))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "can_follow", lambda: False)
        assert quick == data_of(keyspace_before(exam, 1, target))


def in_transactions(draw: random.Random, argvs: list[list[bytes]]) -> bytes:
    """Return a stream in which some of the commands stand in transactions, at times in one left open."""
    pieces, at = [], 0
    while at < len(argvs):
        size = draw.choice([1, 1, 2, 5])
        some = [command(*argv) for argv in argvs[at : at + size]]
        pieces += [transaction(*some)] if draw.random() < 0.4 else some
        at += size
    if draw.random() < 0.3:
        pieces += [command("MULTI"), command("SET", "k0", "open"), command("LPOP", "k1")]
    if draw.random() < 0.1:
        pieces.insert(draw.randrange(len(pieces)), draw.choice([command("EXEC"), command("MULTI", "x")]))
    return b"".join(pieces)


@needs_kernel
def test_frequent_commands_in_all_their_forms(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    shown = 0
    for seed in range(12):
        path.write_bytes(log(*frequent(seed, 200)))

        shown += len(assert_same(path).idle)
        assert_same_data(path, "valkey-9.1")

    assert shown > 50


@needs_kernel
def test_random_logs_in_transactions(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    inside = 0
    for seed in range(12):
        draw = random.Random(seed)
        argvs = frequent(seed, 120) if seed % 2 else random_log(seed, BUILD, 120, Mix(keys=4 + seed % 9))
        path.write_bytes(in_transactions(draw, argvs))

        found = assert_same(path)
        inside += sum(sum(row.inside.values()) for row in found.answered.values())
        assert_same_data(path, "redis-7.0")

    assert inside > 50


@needs_kernel
@pytest.mark.parametrize(
    "ends", [(b"NOSUCH",), (b"EVAL", b"return 1", b"0"), (b"SETEX", b"k"), (b"SHUTDOWN",)]
)
def test_where_a_replay_ends_is_the_same(tmp_path: Path, ends: tuple[bytes, ...]) -> None:
    path = tmp_path / "log.aof"
    before = [command("SET", "k", 1), command("LPOP", "none"), command("LPOP", "k")]
    path.write_bytes(log(*before, transaction(*before, command(*ends), command("LPOP", "k")), *before))

    assert assert_same(path).ended


@needs_kernel
def test_keys_of_an_rdb_part_and_their_expire_times(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    base = rdb(b"\x00" + rdb_string(b"a") + rdb_string(b"5"), b"\x00" + rdb_string(b"b") + rdb_string(b"x"))
    tail = log(
        command("INCR", "a"), command("INCR", "b"), command("DEL", "a", "c"), command("MSET", "b", 1, "d", 2)
    )
    path.write_bytes(
        base + tail + command("PEXPIREAT", "d", 5) + command("SWAPDB", 0, 1) + command("LPOP", "d")
    )

    assert assert_same(path).expired["valkey-9.1"] == (1, 2)


@needs_kernel
@pytest.mark.parametrize("databases", [0, 4, 16])
def test_databases_as_the_setting_says(tmp_path: Path, databases: int) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(log(*[line for db in (3, 20, 0) for line in (["SELECT", str(db)], ["RPUSH", "k", "x"])]))
    exam = examine(find_log(path), Level.FULL)
    exam.databases = databases
    keyspace = keyspace_before(exam, 1, "valkey-9.1")

    assert keyspace is not None
    found = {db: len(held) for db, held in enumerate(keyspace.databases) if len(held)}
    assert found == ({0: 1, 3: 1} if databases else {0: 1, 3: 1, 20: 1})


NUMBERS = (
    b"0 -0 -0.0 1 -1 007 1.5 9223372036854775807 -9223372036854775808 9223372036854775808"
    b" 99999999999999999999999 inf -inf +inf nan 1e400 1e-400 0x10 (1 (inf"
    b" 3.14159265358979323846264338327950288419716939937510"
)
WORDS = b"XX nx GT LT CH INCR PXAT KEEPTTL"
TEXTS = st.sampled_from([b"", b" 1", b"m" * 64, b"m" * 65, *NUMBERS.split(), *WORDS.split()])
ONE_KEY = st.sampled_from(
    b"SET SETNX GETDEL APPEND SETRANGE INCR DECR INCRBY DECRBY RPUSH LPUSH RPUSHX LPUSHX LPOP RPOP LSET LREM"
    b" LTRIM SADD SREM HSET HMSET HSETNX HDEL HINCRBY ZADD ZREM ZINCRBY ZPOPMIN ZPOPMAX ZREMRANGEBYSCORE"
    b" ZREMRANGEBYRANK PEXPIREAT PERSIST DEL UNLINK MSET XADD SELECT INCRBYFLOAT RENAME COPY".split()
)
COMMANDS = st.tuples(ONE_KEY, st.sampled_from([b"a", b"b", b""]), st.lists(TEXTS, max_size=5)).map(
    lambda drawn: [drawn[0], drawn[1], *drawn[2]]
)


@needs_kernel
@settings(max_examples=60, deadline=None)
@given(st.lists(COMMANDS, min_size=1, max_size=25))
def test_arguments_at_the_edges(tmp_path_factory: pytest.TempPathFactory, argvs: list[list[bytes]]) -> None:
    path = tmp_path_factory.mktemp("edges") / "log.aof"
    path.write_bytes(log(*argvs))

    assert_same(path, ["redis-6.2", "valkey-8.1"])
    assert_same_data(path, "redis-7.4")


def test_a_flavour_that_answers_otherwise_is_told_apart() -> None:
    asked = AskedFlavour(FLAVOURS["redis-7.0"])

    assert asked.answers_alike(FLAVOURS["valkey-9.1"])
    assert asked.strict_arity is False
    assert not asked.answers_alike(FLAVOURS["valkey-9.1"])
    assert asked.answers_alike(FLAVOURS["redis-7.2"])
    assert not asked.has((7, 2), None)
    assert not asked.answers_alike(FLAVOURS["redis-7.2"])


@needs_kernel
def test_servers_that_load_alike_are_replayed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(log(command("SET", "k", 1), command("RPUSH", "k", 1), command("LREM", "l", 0, "x")))
    runs: list[str] = []
    run = replay._run

    def noted(exam: LogExam, target: str, budget: Budget, *, watch: bool) -> replay._Run:
        runs.append(target)
        return run(exam, target, budget, watch=watch)

    monkeypatch.setattr(replay, "_run", noted)
    found = replay_log(examine(find_log(path), Level.FULL), TARGETS)

    assert runs == ["valkey-9.1"]
    assert [list(row.counts) for row in found.answered.values()] == [TARGETS]
