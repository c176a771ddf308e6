"""A rewrite runs what stands inside RREPLAY, and commands that empty slots; nothing is lost or revived."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from aoftool.analysis.diff.diff import Point, facts_of
from aoftool.aof.layout import find_log
from aoftool.cli.app import run
from aoftool.commands.slots import slot_of
from aoftool.progress import no_progress
from aoftool.replay.log_replay import LogReplay
from aoftool.rewrite.ask.final_facts import final_state
from aoftool.rewrite.model import OutputFormat, RewriteOptions
from tests import builders
from tests.builders import Word, command, log, rdb_database, rdb_record, rdb_string, select
from tests.random_logs import Mix, random_log
from tests.rewrite.rewriting import rewritten, rewritten_in_shares
from tests.servers import Build

NOW_MS = 2_000_000_000_000
UUID = "1f2e3d4c-0000-4000-8000-00000000000a"
BUILD = Build("redis", (8, 6, 3), Path())
_MVCC = count(1)

Argv = Sequence[Word]


def wrapped(*commands: Argv, db: int = 0) -> bytes:
    """Return an RREPLAY of commands."""
    return command("RREPLAY", UUID, log(*(command(*argv) for argv in commands)), db, next(_MVCC))


def emptied(*keys: bytes) -> bytes:
    """Return a TRIMSLOTS of the slots of keys."""
    slots = sorted({slot_of(key) for key in keys})
    return command("TRIMSLOTS", "RANGES", len(slots), *(slot for slot in slots for _ in (0, 1)))


def as_commands(path: Path, writer: str | None = None) -> bytes:
    """Return the rewritten log as commands, which are all there is of it."""
    contents, summary, _ = rewritten(path, RewriteOptions(written_by=writer, now_ms=NOW_MS))
    assert summary.tail.opaque == 0
    return contents[OutputFormat.RESP]


def test_what_keydb_wraps_is_run_in_its_database(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(
        log(
            select(0),
            ("SET", "a", 1),
            wrapped(("INCR", "a"), ("SET", "gone", 1)),
            wrapped(("HSET", "h", "f", "v"), db=3),
            wrapped(("MULTI",), ("SET", "x", 1), ("SELECT", 5), ("SET", "y", 1), ("EXEC",)),
            wrapped((b"RREPLAY", UUID, log(("DEL", "gone")), 0, 9), db=4),
            ("INCR", "a"),
        )
    )

    assert as_commands(path) == log(
        *(select(0), ("SET", "a", 3), ("SET", "x", 1), select(3), ("HMSET", "h", "f", "v")),
        *(select(5), ("SET", "y", 1)),
    )


@pytest.mark.parametrize(
    "inner",
    [
        [("MULTI",), ("SET", "b", 1)],
        [("EXEC",)],
        [("EVAL", "return 1", 0)],
        [("NOSUCH", "b")],
        [("SET", "b", 2, "IFGT", 1)],
    ],
    ids=["open", "lone-exec", "script", "unknown", "form"],
)
def test_a_wrapper_that_is_not_understood_is_carried_with_all_that_follows(
    inner: list[Argv], tmp_path: Path
) -> None:
    path = tmp_path / "log.aof"
    rest = [wrapped(*inner, db=2), command("SET", "a", 2)]
    path.write_bytes(log(select(0), ("SET", "b", 7), wrapped(("SET", "a", 1)), *rest))

    contents, summary, _ = rewritten(path, RewriteOptions())

    assert summary.tail.opaque == 1
    assert contents[OutputFormat.RESP].endswith(log(*rest))
    assert log(("SET", "b", 7)) in contents[OutputFormat.RESP]


def test_keys_of_emptied_slots_do_not_come_back(tmp_path: Path) -> None:
    """Keys that only the base has, keys that are named before and keys that are named first behind."""
    names = [b"foo", b"{foo}late", b"{foo}copied", b"bar"]
    records = [rdb_record(0, name, rdb_string(b"1")) for name in names]
    path = tmp_path / "log.aof"
    path.write_bytes(
        builders.rdb(rdb_database(0, *records), magic=b"REDIS0012", aux={"redis-ver": "8.4.0"})
        + log(
            select(0),
            ("SET", "{foo}new", 1),
            ("COPY", "{foo}copied", "kept"),
            emptied(b"foo"),
            ("APPEND", "{foo}late", 2),
            ("INCR", "bar"),
        )
    )

    left = log(select(0), ("SET", "bar", 2), ("SET", "kept", 1), ("SET", "{foo}late", 2))
    assert sorted(as_commands(path).split(b"*3")) == sorted(left.split(b"*3"))


def test_slots_are_not_emptied_by_a_transaction_that_never_ends(tmp_path: Path) -> None:
    record = rdb_record(0, b"foo", rdb_string(b"1"))
    path = tmp_path / "log.aof"
    path.write_bytes(
        builders.rdb(rdb_database(0, record), magic=b"REDIS0012")
        + log(select(0), ("SET", "{foo}b", 1), ("MULTI",), emptied(b"foo"))
    )

    assert as_commands(path, "redis-8.4") == log(select(0), ("SET", "foo", 1), ("SET", "{foo}b", 1))


def mixed(seed: int, commands: list[list[bytes]]) -> Iterator[bytes]:
    """Yield commands of a log, some of them wrapped, with slots emptied in between."""
    chance = random.Random(seed)
    selected, inside = 0, False
    for argv in commands:
        name = argv[0]
        inside = (inside or name == b"MULTI") and name != b"EXEC"
        if name == b"SELECT" and argv[1].isdigit() and int(argv[1]) < 16:
            selected = int(argv[1])
        plain = name not in (b"SELECT", b"MULTI", b"EXEC", b"SWAPDB")
        if plain and chance.random() < 0.5:
            yield wrapped(argv, db=selected)
        else:
            yield command(*argv)
        if plain and chance.random() < 0.05 and len(argv) > 1:
            yield emptied(bytes(argv[1]))


@pytest.mark.parametrize("with_base", [False, True], ids=["plain", "with-base"])
@pytest.mark.parametrize("seed", range(8))
def test_random_logs_are_followed_as_command_by_command(seed: int, with_base: bool, tmp_path: Path) -> None:
    path, result = tmp_path / "log.aof", tmp_path / "result.aof"
    commands = [list(argv) for argv in random_log(seed, BUILD, 400, Mix(keys=8 + seed))]
    head, start = b"", 0
    if with_base:
        start = len(commands) // 2
        path.write_bytes(log(*commands[:start]))
        options = RewriteOptions(written_by="redis-8.6", now_ms=NOW_MS)
        head = rewritten(path, options, [OutputFormat.RDB])[0][OutputFormat.RDB]
    path.write_bytes(head + b"".join(mixed(seed, commands[start:])))

    found = find_log(str(path))
    wanted = facts_of(LogReplay(found, now_ms=NOW_MS, written_by="redis-8.6").run().keyspace)
    state = final_state(found, Point(), None, NOW_MS, "redis-8.6", no_progress)
    assert state is not None
    assert state.facts == wanted
    contents, _, _ = rewritten(path, RewriteOptions(written_by="redis-8.6", now_ms=NOW_MS))
    for content in contents.values():
        result.write_bytes(content)
        again = LogReplay(find_log(str(result)), now_ms=NOW_MS, written_by="redis-8.6").run()
        assert facts_of(again.keyspace) == wanted


def test_a_log_of_a_cluster_or_of_keydb_is_not_cut_into_shares(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    for rest in (wrapped(("SET", "a", 1)), emptied(b"foo")):
        path.write_bytes(log(select(0), ("SET", "b", 1), rest))
        reason = rewritten_in_shares(path, replace(RewriteOptions(), jobs=2), 4)
        assert isinstance(reason, str)
        assert "not cut into shares" in reason
        assert "script" not in reason


def test_the_commands_inside_are_counted_and_the_wrapper_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "log.aof", tmp_path / "out.aof"
    path.write_bytes(log(select(0), wrapped(("SET", "a", 1)), wrapped(("SET", "a", 2))))

    assert run(["rewrite", str(path), "--output", str(out)]) == 0
    told = capsys.readouterr()
    assert "may do anything" not in told.out + told.err
    assert b"RREPLAY" not in out.read_bytes()
