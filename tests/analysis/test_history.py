"""Histories hold what a full replay shows: every change of a key, and the state behind each step."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest

from aoftool.analysis.history.history import KeyHistory
from aoftool.analysis.history.model import Actor, HistoryStep, KeyState, StepKind
from aoftool.aof.layout import find_log
from aoftool.aof.log import read_parts
from aoftool.keyspace.engine import Keyspace
from aoftool.keyspace.refusal import ReplayStopError
from aoftool.rdb.records.reader import records
from aoftool.resp.watch import Watch
from aoftool.values import ModuleValue, type_name
from tests.builders import (
    Word,
    command,
    log,
    rdb,
    rdb_database,
    rdb_record,
    rdb_string,
    select,
    timestamp,
    transaction,
    write_multi_part,
)
from tests.corpus import FIXTURES, Case, case_params
from tests.random_logs import Mix, random_log
from tests.servers import Build

NOW_MS = 1_800_000_000_000
VALKEY = Build("valkey", (9, 1, 2), Path("valkey-server"))
State = tuple[str, int | None, int | None] | None
Event = tuple[int, int, int, State]


def state_of(keyspace: Keyspace, db: int, key: bytes) -> State:
    entry = keyspace.databases[db].entry(key)
    if entry is None:
        return None
    if isinstance(entry.value, ModuleValue):
        return type_name(entry.value), None, entry.expire_at_ms
    held: Any = entry.value
    length = len(getattr(held, "entries", held))
    return type_name(entry.value), length, entry.expire_at_ms


def replayed(path: Path, key: bytes, databases: int) -> list[Event]:
    """Replay every command of a log; note every change of a key in any database."""
    keyspace = Keyspace("valkey-9", databases, NOW_MS, allow_random=True)
    events: list[Event] = []
    held: dict[int, State] = dict.fromkeys(range(databases))

    def look(file: int, offset: int) -> None:
        for db in range(databases):
            now = state_of(keyspace, db, key)
            if now != held[db]:
                events.append((file, offset, db, now))
                held[db] = now

    for number, part in enumerate(read_parts(find_log(path))):
        if part.rdb is not None:
            part.source.seek(0)
            for record in records(part.source, 0):
                keyspace.load_record(record.db, record.key, record.value(), record.expire_at_ms)
                look(number, record.start)
        for found in part.commands():
            if found.name in (b"MULTI", b"EXEC", b"SELECT"):
                continue
            keyspace.execute((b"SELECT", b"%d" % found.db))
            keyspace.execute(found.argv)
            look(number, found.offset)
    return events


def history(path: Path, *keys: bytes, **options: object) -> tuple[list[HistoryStep], KeyHistory]:
    found = KeyHistory(find_log(path), frozenset(keys), now_ms=NOW_MS, **options)  # type: ignore[arg-type]
    return list(found), found


def changes(steps: list[HistoryStep], key: bytes) -> list[Event]:
    """Return the steps at which the state of a key changed, in the form of `replayed`."""
    events: list[Event] = []
    held: dict[int, State] = {}
    for step in steps:
        if step.key != key:
            continue
        after = step.after
        now = (after.type_name, after.length, after.expire_at_ms) if after.exists else None
        if now != held.get(step.db):
            held[step.db] = now  # type: ignore[assignment]
            events.append((step.command.file_number, step.command.offset, step.db, now))  # type: ignore[arg-type]
    return events


def at(event: Event) -> tuple[int, int, int]:
    return event[:3]


def keys_in(path: Path) -> list[bytes]:
    names: dict[bytes, None] = {}
    for part in read_parts(find_log(path)):
        for found in part.commands():
            if len(found.argv) > 1 and len(names) < 12:
                names[found.argv[1]] = None
    return list(names)


@pytest.mark.parametrize("seed", range(12))
def test_a_random_log_has_the_history_that_full_replay_shows(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(*random_log(seed, VALKEY, 400, Mix(keys=8, databases=4))))

    for key in (b"k0", b"k1", b"k5"):
        steps, found = history(path, key)

        assert sorted(changes(steps, key), key=at) == replayed(path, key, 128)
        assert steps or not replayed(path, key, 128)
        assert found.end.damage is None


@pytest.mark.parametrize("case", case_params("recorded", root=FIXTURES))
def test_a_recorded_log_has_the_history_that_full_replay_shows(case: Case) -> None:
    for key in keys_in(case.source):
        try:
            expected = replayed(case.source, key, 64)
        except ReplayStopError:
            # A script or vector sets: nobody can know, and the history must say so where it matters.
            steps, _ = history(case.source, key)
            assert all(not step.after.is_known for step in steps if step.kind is StepKind.OPAQUE)
            continue

        steps, _ = history(case.source, key)

        assert sorted(changes(steps, key), key=at) == expected


def test_the_base_comes_first(tmp_path: Path) -> None:
    base = rdb(rdb_database(2, rdb_record(0, "k", rdb_string("old"), expire_at_ms=99)), aux={"ctime": 1000})
    manifest = write_multi_part(
        tmp_path / "d", base=base, base_is_rdb=True, incrs=[log(select(2), ("APPEND", "k", "er"))]
    )
    os.utime(tmp_path / "d" / "appendonly.aof.1.incr.aof", (2000, 2000))

    (first, second), _ = history(manifest, b"k", values=True)

    assert (first.kind, first.db, first.after.value, first.after.expire_at_ms) == (
        StepKind.BASE,
        2,
        b"old",
        99,
    )
    assert (second.kind, second.before.value, second.after.value) == (StepKind.WRITE, b"old", b"older")
    # Behind the fork, by a child that may have been slow; a file time of whole seconds may be rounded.
    assert (second.bounds.earliest_ms, second.bounds.latest_ms) == (999_000, 2_002_000)


def test_a_renamed_key_is_followed_both_ways(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(
        log(
            ("SET", "first", 1), ("RENAME", "first", "second"), ("SET", "first", "other"),
            ("APPEND", "second", 2), ("RENAME", "second", "third"), ("APPEND", "third", 3),
            ("SET", "second", "new"),
        )
    )  # fmt: skip

    steps, _ = history(path, b"second", values=True)

    seen = [(step.key, step.command.name, step.after.value) for step in steps]
    assert seen == [
        (b"first", b"SET", b"1"),
        (b"first", b"RENAME", None),
        (b"second", b"RENAME", b"1"),
        (b"second", b"APPEND", b"12"),
        (b"second", b"RENAME", None),
        (b"third", b"APPEND", b"123"),
        (b"second", b"SET", b"new"),
    ] or seen == [
        (b"first", b"SET", b"1"),
        (b"first", b"RENAME", None),
        (b"second", b"RENAME", b"1"),
        (b"second", b"APPEND", b"12"),
        (b"second", b"RENAME", None),
        (b"third", b"RENAME", b"12"),
        (b"third", b"APPEND", b"123"),
        (b"second", b"SET", b"new"),
    ]


def test_one_database_is_followed_through_move_and_swap(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(
        log(
            select(1), ("SET", "k", "other"), select(0), ("SET", "k", "mine"), ("SWAPDB", 0, 3),
            ("SET", "k", "a new one"), select(3), ("MOVE", "k", 5), select(5), ("DEL", "k", "x"),
            ("FLUSHALL",),
        )
    )  # fmt: skip

    steps, _ = history(path, b"k", db=0, values=True)

    assert [(step.command.name, step.db, step.after.value) for step in steps] == [
        (b"SET", 0, b"mine"),
        (b"SWAPDB", 0, None),
        (b"SET", 0, b"a new one"),
        (b"FLUSHALL", 0, None),
    ]


def test_a_transaction_that_never_ended_is_left_out_and_mentioned(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(transaction(("SET", "k", 1), ("SET", "l", 1)), ("MULTI",), ("DEL", "k")))

    steps, found = history(path, b"k")

    assert [(step.command.name, step.command.txn) for step in steps] == [(b"SET", 1)]
    assert "never happened" in found.end.notes[0]


def test_a_transaction_that_is_open_where_a_file_follows_is_not_said_to_be_the_end(tmp_path: Path) -> None:
    split = [log(("SET", "k", 1), ("MULTI",), ("SET", "k", 2)), log(("EXEC",), ("SET", "k", 3))]
    manifest = write_multi_part(tmp_path / "d", base=log(("SET", "k", 0)), incrs=split)

    steps, found = history(manifest, b"k", values=True)

    assert [step.after.value for step in steps] == [b"0", b"1", b"3"]
    assert found.end.notes == ["the commands of a MULTI that is open at the end of its file are left out"]
    assert found.end.damage is not None


def test_a_script_makes_what_follows_unknown(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(("SET", "k", 1), ("EVAL", "return 1", 1, "k"), ("INCR", "k")))

    steps, found = history(path, b"k")

    assert [(step.kind, step.after.is_known) for step in steps] == [
        (StepKind.WRITE, True),
        (StepKind.OPAQUE, False),
        (StepKind.WRITE, False),
    ]
    assert "EVAL may read and write any key" in found.end.notes[0]


def test_a_key_is_known_again_where_a_command_makes_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(
        log(("SET", "k", 1), ("EVAL", "return 1", 0), ("INCR", "k"), ("SET", "k", "abc"),
            ("APPEND", "k", "d"), ("EVAL", "return 1", 0), ("DEL", "k"), ("RPUSH", "k", 1),
            ("EVAL", "return 1", 0), ("RPUSH", "k", 2), ("FLUSHALL",), ("RPUSH", "k", 3))
    )  # fmt: skip

    steps, _ = history(path, b"k")

    written = [step.after for step in steps if step.kind is StepKind.WRITE]
    assert [state.length if state.is_known else "?" for state in written] == [1, "?", 3, 4, None, 1, "?", 1]


@pytest.mark.parametrize("seed", range(30))
def test_what_is_known_behind_a_script_is_what_a_replay_with_its_effects_gives(
    seed: int, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    keys = ["k", "l", "m"]
    shapes: list[tuple[Word, ...]] = [
        ("SET", "A", 3), ("SET", "A", 5, "NX"), ("SET", "A", 7, "KEEPTTL"), ("APPEND", "A", "x"),
        ("INCR", "A"), ("DEL", "A"), ("RPUSH", "A", "v"), ("RENAME", "A", "B"), ("COPY", "A", "B", "REPLACE"),
        ("MSET", "A", 1, "B", 2), ("PEXPIREAT", "A", 4_102_444_800_000), ("SINTERSTORE", "A", "B"),
        ("SADD", "A", "a"), ("LMOVE", "A", "B", "LEFT", "RIGHT"), ("PERSIST", "A"), ("FLUSHDB",),
        ("SWAPDB", 0, 1),
    ]  # fmt: skip

    def item() -> tuple[Word, ...]:
        names: dict[Word, Word] = {"A": chance.choice(keys), "B": chance.choice(keys)}
        return tuple(names.get(word, word) for word in chance.choice(shapes))

    items = [item() for _ in range(60)]
    hidden = {chance.randrange(60) for _ in range(3)}
    whole, veiled = tmp_path / "whole.aof", tmp_path / "veiled.aof"
    whole.write_bytes(log(*items))
    veiled.write_bytes(log(*[("EVAL", "x", 0) if n in hidden else item for n, item in enumerate(items)]))

    def states(path: Path, name: str) -> dict[object, KeyState]:
        steps, _ = history(path, name.encode())
        return {(step.command.index, step.db, step.key): step.after for step in steps}

    for name in keys:
        exact = states(whole, name)
        for place, state in states(veiled, name).items():
            assert not state.is_known or exact.get(place, state) == state, place


def test_a_refused_command_is_shown_as_such(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(("SET", "k", "text"), ("INCR", "k"), ("LPUSH", "k", 1)))

    steps, _ = history(path, b"k")

    assert [bool(step.refused) for step in steps] == [False, True, True]
    assert "WRONGTYPE" in (steps[2].refused or "")


def test_a_value_equal_to_the_key_is_no_step(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(
        log(("SET", "other", "k"), ("SADD", "set", "k"), ("PUBLISH", "k", "k"), ("SET", "k", "k"))
    )

    steps, found = history(path, b"k")

    assert len(steps) == 1
    assert found.end.notes == []


def test_a_pattern_finds_keys_of_base_and_commands(tmp_path: Path) -> None:
    base = rdb(rdb_database(0, rdb_record(0, "user:1", rdb_string("a")), rdb_record(0, "x", rdb_string("b"))))
    manifest = write_multi_part(
        tmp_path / "d", base=base, base_is_rdb=True, incrs=[log(("SET", "user:2", 1), ("DEL", "user:1", "y"))]
    )

    steps, _ = history(
        manifest,
        admits=lambda key: key.startswith(b"user:"),
        candidates=Watch(literal=b"user:", at_start=True),
    )

    assert [(step.kind, step.key) for step in steps] == [
        (StepKind.BASE, b"user:1"),
        (StepKind.WRITE, b"user:2"),
        (StepKind.WRITE, b"user:1"),
    ]


DEADLINE_S = 1_000
RUN = [("UNLINK", f"other:{n}") for n in range(20)]
GRADES: dict[str, tuple[list[tuple[Word, ...] | bytes], Actor]] = {
    "spelled by a client": ([("del", "k")], Actor.CLIENT),
    "several keys": ([("UNLINK", "k", "l")], Actor.CLIENT),
    "flushed": ([("FLUSHALL",)], Actor.CLIENT),
    "renamed": ([("RENAME", "k", "l")], Actor.CLIENT),
    "expired": ([timestamp(DEADLINE_S + 5), ("UNLINK", "k")], Actor.EXPIRY),
    "in the second of its expiry": ([timestamp(DEADLINE_S), ("UNLINK", "k")], Actor.EXPIRY),
    "in the second of its expiry, which was given just before": (
        [timestamp(DEADLINE_S), ("SET", "k", 1, "PXAT", DEADLINE_S * 1000 + 500), ("UNLINK", "k")],
        Actor.UNCLEAR,
    ),
    "alone and too early": ([timestamp(DEADLINE_S - 5), ("UNLINK", "k")], Actor.UNCLEAR),
    "in a run and too early": ([timestamp(DEADLINE_S - 5), *RUN, ("UNLINK", "k"), *RUN], Actor.UNCLEAR),
    "in a transaction and too early": (
        [timestamp(DEADLINE_S - 5), ("MULTI",), ("UNLINK", "k"), ("EXEC",)],
        Actor.CLIENT,
    ),
    "in a transaction and expired": (
        [timestamp(DEADLINE_S + 5), ("MULTI",), ("UNLINK", "k"), ("EXEC",)],
        Actor.EXPIRY,
    ),
}


@pytest.mark.parametrize("name", GRADES)
def test_deletions_are_graded_by_the_evidence(name: str, tmp_path: Path) -> None:
    deletion, expected = GRADES[name]
    path = tmp_path / "a.aof"
    setup = log(timestamp(10), ("SET", "k", 1, "PXAT", DEADLINE_S * 1000), ("SET", "l", 1))
    path.write_bytes(setup + log(*deletion))

    steps, _ = history(path, b"k")

    (graded,) = [step.deletion for step in steps if step.deletion is not None]
    assert graded.actor is expected
    assert graded.reason


@pytest.mark.parametrize("base_of", ["", "valkey-ver", "redis-ver"])
@pytest.mark.parametrize("name", ["DEL", "UNLINK"])
@pytest.mark.parametrize("around", [0, 40])
def test_a_deletion_that_a_client_may_have_sent_is_not_graded_for_the_server(
    name: str, around: int, base_of: str, tmp_path: Path
) -> None:
    """Servers evict key by key, with the name that is theirs by default; so do clients."""
    run = [(name, f"other:{number}") for number in range(around)]
    commands = log(*[("SET", key, 1) for _, key in run], ("SET", "k", 1), *run, (name, "k"), *run)
    base = rdb(aux={base_of: "9.1.2" if base_of == "valkey-ver" else "7.0.15"}) if base_of else None
    path = write_multi_part(tmp_path / "d", base=base, base_is_rdb=True, incrs=[commands])

    steps, _ = history(path, b"k")

    own = {"valkey-ver": "UNLINK", "redis-ver": "DEL"}.get(base_of, name)
    assert steps[-1].deletion is not None
    assert steps[-1].deletion.actor is (Actor.UNCLEAR if name == own else Actor.CLIENT)
    if name != own:
        assert "GETDEL" in steps[-1].deletion.reason
    elif around:
        assert f"one of {2 * around + 1} such deletions in a row" in steps[-1].deletion.reason


def test_damage_ends_a_history_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(("SET", "k", 1)) + b"garbage\r\n" + command("DEL", "k"))

    steps, found = history(path, b"k")

    assert len(steps) == 1
    assert found.end.damage is not None


def test_a_flush_of_another_database_is_no_step(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(select(0), ("SET", "k", "1"), select(2), ("SET", "x", "1"), ("FLUSHDB",)))

    steps, _ = history(path, b"k")

    assert [(step.command.name, step.db) for step in steps] == [(b"SET", 0)]


def test_a_swap_of_other_databases_is_no_step(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(select(0), ("SET", "k", "1"), ("SWAPDB", 1, 2), ("SWAPDB", 0, 1)))

    steps, _ = history(path, b"k")

    assert [(step.command.name, step.db, step.after.exists) for step in steps] == [
        (b"SET", 0, True),
        (b"SWAPDB", 0, False),
        (b"SWAPDB", 1, True),
    ]
