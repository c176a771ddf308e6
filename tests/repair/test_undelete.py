"""Chosen commands go, everything behind them stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aoftool.commands.framing import FRAMING
from aoftool.errors import RefusedError, UsageError
from aoftool.repair.apply import apply_plan
from aoftool.repair.choice import Choice
from tests.builders import command, log, select, transaction
from tests.repair.workbench import plan_for

DATA = log(
    select(0),
    command("SET", "user:1", "a"),
    command("SET", "user:2", "b"),
    command("SET", "cart:1", "c"),
    command("DEL", "user:1", "cart:1", "user:2"),
    command("SET", "later", "1"),
    command("APPEND", "user:1", "x"),
)


@pytest.fixture
def aof(tmp_path: Path) -> Path:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(DATA)
    return path


def test_a_del_is_split_when_only_some_keys_are_meant(aof: Path) -> None:
    apply_plan(plan_for(aof, Choice(drop_command=b"del", match=b"user:*")))

    assert aof.read_bytes() == DATA.replace(
        command("DEL", "user:1", "cart:1", "user:2"), command("DEL", "cart:1")
    )


def test_a_command_goes_by_name(aof: Path) -> None:
    apply_plan(plan_for(aof, Choice(drop_command=b"DEL")))

    assert aof.read_bytes() == DATA.replace(command("DEL", "user:1", "cart:1", "user:2"), b"")


def test_a_command_goes_by_place(aof: Path) -> None:
    where = DATA.index(b"*4\r\n$3\r\nDEL")

    apply_plan(plan_for(aof, Choice(drop_at=(("appendonly.aof", where),))))

    assert b"DEL" not in aof.read_bytes()


def test_later_commands_on_revived_keys_are_listed(aof: Path) -> None:
    plan = plan_for(aof, Choice(drop_command=b"DEL"))

    assert any("APPEND user:1" in note for note in plan.notes)


def test_a_place_where_no_command_starts_is_a_usage_error(aof: Path) -> None:
    with pytest.raises(UsageError):
        plan_for(aof, Choice(drop_at=(("appendonly.aof", 3),)))


def test_a_name_that_is_not_there_is_a_usage_error(aof: Path) -> None:
    with pytest.raises(UsageError) as told:
        plan_for(aof, Choice(drop_command=b"XADD"))

    assert told.value.hint == f"aoftool inspect --by command {aof}"


def test_who_asks_for_one_flush_is_told_of_the_other(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(log(select(0), ("SET", "k", "v"), ("FLUSHALL",)))

    with pytest.raises(UsageError, match="no FLUSHDB, but FLUSHALL") as told:
        plan_for(path, Choice(drop_command=b"FLUSHDB"))

    assert told.value.hint == f"aoftool fix --dry-run --drop-command FLUSHALL {path}"


def test_doubled_blocks_go_only_on_request(tmp_path: Path) -> None:
    block = log(*(command("RPUSH", "list", f"element {n}") for n in range(20)))
    path = tmp_path / "appendonly.aof"
    path.write_bytes(log(select(0)) + block + block + log(command("SET", "k", "v")))

    assert plan_for(path).empty
    apply_plan(plan_for(path, Choice(drop_duplicates=True)))

    assert path.read_bytes() == log(select(0)) + block + log(command("SET", "k", "v"))


def test_a_pattern_means_what_servers_mean(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    kept, gone = command("SET", "ka", "1") + command("SET", "k^", "1"), command("SET", "kb", "1")
    path.write_bytes(log(select(0)) + kept + gone)

    apply_plan(plan_for(path, Choice(drop_command=b"SET", match=b"k[^a^]")))

    assert path.read_bytes() == log(select(0)) + kept


def test_later_writes_that_meet_what_a_flush_removed_are_told(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    later = [command("RPUSH", "list", "b"), command("GET", "list"), command("INCR", "n")]
    path.write_bytes(log(select(0), command("RPUSH", "list", "a"), command("FLUSHDB"), *later))

    plan = plan_for(path, Choice(drop_command=b"FLUSHDB"))

    assert [note for note in plan.notes if note.startswith("2 later writes may meet")]


@pytest.mark.parametrize(
    ("flush", "later", "count"),
    [
        ("FLUSHDB", [("SET", "a", "1"), ("SET", "b", "1")], 0),
        ("FLUSHALL", [("SET", "a", "1"), ("SET", "b", "1")], 2),
        ("FLUSHDB", [("SET", "a", "1"), ("SELECT", "3"), ("SET", "b", "1")], 1),
        ("FLUSHDB", [("MOVE", "a", "3")], 1),
        ("FLUSHDB", [("SWAPDB", "0", "3"), ("SET", "a", "1")], 1),
    ],
)
def test_writes_to_other_databases_do_not_meet_what_a_flush_removed(
    tmp_path: Path, flush: str, later: list[tuple[str, ...]], count: int
) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(log(select(3), ("SET", "k", "v"), (flush,), select(0), *later))

    plan = plan_for(path, Choice(drop_command=flush.encode()))

    told = [int(note.split()[0]) for note in plan.notes if "may meet" in note]
    assert told == [count] * bool(count)


WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"


@pytest.mark.parametrize(
    ("choice", "lost"),
    [
        (Choice(drop_command=b"FLUSHALL"), "HSET x a 1"),
        (Choice(drop_command=b"DEL"), "SADD y m"),
        (Choice(drop_command=b"DEL", match=b"y"), "SADD y m"),
        (Choice(drop_command=b"DEL", match=b"z"), None),
    ],
    ids=["flush", "deletion", "key-of-a-deletion", "other-key"],
)
def test_a_later_write_that_is_refused_then_is_told(tmp_path: Path, choice: Choice, lost: str | None) -> None:
    path = tmp_path / "appendonly.aof"
    # The last is refused whatever was taken out.
    start = [command("RPUSH", "x", "1"), command("SET", "s", "1")]
    later = [command("HSET", "x", "a", "1"), command("SET", "y", "1"), command("SET", "z", "1")]
    last = [command("DEL", "y", "z"), command("SADD", "y", "m"), command("LPUSH", "z", "1")]
    parts = [select(0), *start, command("FLUSHALL"), command("SET", "s", "2"), *later, *last]
    path.write_bytes(log(*parts, command("LPUSH", "s", "1")))
    if lost is None:
        parts.remove(last[2])
        path.write_bytes(log(*parts, command("LPUSH", "s", "1")))

    notes = plan_for(path, choice).notes

    told = [note.strip() for note in notes if WRONG_TYPE in note]
    expected = [] if lost is None else [lost]
    if choice == Choice(drop_command=b"DEL"):
        expected.append("LPUSH z 1")
    assert [note.split(" ", 1)[1] for note in told] == [f"{words}: {WRONG_TYPE}" for words in expected]
    count = {0: [], 1: ["1 later write is"], 2: ["2 later writes are"]}[len(expected)]
    assert [note.split(" refused")[0] for note in notes if "refused by a server" in note] == count


def test_a_large_log_is_not_replayed_for_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aoftool.repair.planners.revived._MOST_BYTES", 50)
    path = tmp_path / "appendonly.aof"
    path.write_bytes(
        log(select(0), command("RPUSH", "x", "1"), command("FLUSHALL"), command("SET", "x", "1"))
    )

    notes = plan_for(path, Choice(drop_command=b"FLUSHALL")).notes

    assert notes[-1].endswith(f"aoftool check --level deep {path}")


def test_only_a_few_later_commands_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    later = [command("APPEND", "user:1", str(number)) for number in range(40)]
    path.write_bytes(log(select(0), command("SET", "user:1", "a"), command("DEL", "user:1"), *later))

    plan = plan_for(path, Choice(drop_command=b"DEL"))

    assert "40 later commands on a revived key, the first 5:" in plan.notes
    assert sum("APPEND user:1" in note for note in plan.notes) == 5


FRAMED = log(
    select(0),
    command("SET", "a", "1"),
    transaction(command("SET", "b", "1")),
    command("DISCARD"),
    select(1),
    command("SET", "c", "1"),
)


@pytest.mark.parametrize("name", sorted(FRAMING))
@pytest.mark.parametrize("spelled", [bytes.upper, bytes.lower])
def test_what_frames_other_commands_is_not_taken_out_by_name(
    name: bytes, spelled: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(FRAMED)

    with pytest.raises(RefusedError, match=name.decode()) as refused:
        plan_for(path, Choice(drop_command=spelled(name)))

    assert f"aoftool log --cmd {name.decode()} " in str(refused.value.hint)
    with pytest.raises(RefusedError):
        plan_for(path, Choice(drop_command=spelled(name), match=b"*"))
    with pytest.raises(RefusedError):
        plan_for(path, Choice(salvage=True, drop_command=spelled(name)))


@pytest.mark.parametrize("name", sorted(FRAMING - {b"DISCARD"}))
def test_what_frames_other_commands_is_not_taken_out_by_place(name: bytes, tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(FRAMED)
    where = FRAMED.index(b"$%d\r\n%s" % (len(name), name)) - len(b"*1\r\n")

    with pytest.raises(RefusedError, match=name.decode()) as refused:
        plan_for(path, Choice(drop_at=(("appendonly.aof", where),)))

    assert refused.value.offset == where


@pytest.mark.parametrize("name", ["EXEC", "DISCARD"])
@pytest.mark.parametrize("salvage", [False, True])
def test_a_stray_end_of_a_transaction_goes_when_its_place_is_named(
    name: str, salvage: bool, tmp_path: Path
) -> None:
    path = tmp_path / "appendonly.aof"
    kept = log(select(0), transaction(command("SET", "a", "1")))
    path.write_bytes(kept + command(name) + command("SET", "b", "1"))

    apply_plan(plan_for(path, Choice(salvage=salvage, drop_at=(("appendonly.aof", len(kept)),))))

    assert path.read_bytes() == kept + command("SET", "b", "1")


def test_what_is_taken_out_as_well_is_no_later_command(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(log(select(0), command("SET", "a", "1"), *[command("DEL", "a", "b")] * 3))

    for match in (None, b"a"):
        notes = plan_for(path, Choice(drop_command=b"DEL", match=match)).notes

        assert notes == ["3 commands are taken out"]
