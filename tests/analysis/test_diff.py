"""Differences of two states are those that a slow comparison of two replays shows."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from aoftool.analysis.diff import Point, compare_points
from aoftool.analysis.diff_model import ChangeKind, Diff
from aoftool.analysis.parting import find_parting
from aoftool.analysis.replaying import LogReplay
from aoftool.analysis.value_digest import value_digest
from aoftool.aof.layout import find_log
from aoftool.cli.app import run
from aoftool.errors import UnsupportedError
from aoftool.keyspace.engine import Keyspace
from aoftool.values import HashValue, ListValue, SetValue, ZSetValue
from tests.builders import (
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


def compared(one: Path, two: Path, first: Point | None = None, second: Point | None = None) -> Diff:
    left, right = (find_log(one), first or Point()), (find_log(two), second or Point())
    return compare_points(left, right, now_ms=NOW_MS)


def whole_state(path: Path) -> dict[tuple[int, bytes], object]:
    """Replay with a keyspace of its own, through transactions and all."""
    from aoftool.aof.log import read_parts

    keyspace = Keyspace("valkey-9", 1024, NOW_MS, allow_random=True)
    for part in read_parts(find_log(path)):
        for command in part.commands():
            keyspace.execute(command.argv)
    keyspace.drop_transaction()
    return {
        (db, key): copy.deepcopy(entry)
        for db, database in enumerate(keyspace.databases)
        for key, entry in database.entries()
    }


@pytest.mark.parametrize("seed", range(8))
def test_a_random_log_and_its_continuation_differ_as_their_data_do(seed: int, tmp_path: Path) -> None:
    commands = random_log(seed, VALKEY, 300, Mix(unfinished=0.3))
    one, two = tmp_path / "a.aof", tmp_path / "b.aof"
    one.write_bytes(log(*commands[:200]))
    two.write_bytes(log(*commands))
    ours, theirs = whole_state(one), whole_state(two)

    found = compared(one, two)

    expected = {place for place in ours.keys() | theirs.keys() if ours.get(place) != theirs.get(place)}
    assert {(change.db, change.key) for change in found.changes} == expected
    assert found.count(ChangeKind.ADDED) == len(theirs.keys() - ours.keys())
    assert found.count(ChangeKind.REMOVED) == len(ours.keys() - theirs.keys())
    assert sum(row.total for row in found.prefixes) == len(expected)
    assert (found.left.keys, found.right.keys) == (len(ours), len(theirs))


@pytest.mark.parametrize("case", case_params("recorded", root=FIXTURES))
def test_a_log_does_not_differ_from_itself(case: Case) -> None:
    try:
        found = compared(case.source, case.source)
    except UnsupportedError:
        return

    assert found.changes == []
    assert find_parting(find_log(case.source), find_log(case.source)).is_same


def test_more_keys_than_memory_is_set_aside_for_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(("SET", "a", 1), ("SET", "b", 1), ("SET", "c", 1)))
    both = find_log(str(path)), Point()
    monkeypatch.setattr("aoftool.analysis.diff.MOST_KEYS", 2)

    with pytest.raises(UnsupportedError, match="more than 2 keys"):
        compare_points(both, both)

    assert compare_points(both, both, admits=lambda db, key: key < b"c").changes == []


def test_what_differs_is_named(tmp_path: Path) -> None:
    one, two = tmp_path / "a", tmp_path / "b"
    same = [("SADD", "s", 1, 2), ("SET", "gone", 1), ("SET", "t", 1), ("SET", "v", "ab"), ("SET", "e", 1)]
    one.write_bytes(log(*same))
    two.write_bytes(
        log(
            ("SADD", "s", 2, 1), ("DEL", "t"), ("RPUSH", "t", 1, 2), ("SET", "v", "xy"),
            ("SET", "e", 1, "PXAT", 4_000_000_000_000), select(2), ("SET", "new", 1),
        )
    )  # fmt: skip

    found = compared(one, two)

    assert [(change.kind.value, change.db, change.key, change.what) for change in found.changes] == [
        ("changed", 0, b"e", ("expire",)),
        ("removed", 0, b"gone", ()),
        ("changed", 0, b"t", ("type", "length", "value")),
        ("changed", 0, b"v", ("value",)),
        ("added", 2, b"new", ()),
    ]


def test_points_are_before_an_offset_and_behind_a_second(tmp_path: Path) -> None:
    path = tmp_path / "a"
    items = [timestamp(10), ("SET", "a", 1), timestamp(20), ("SET", "b", 1), timestamp(30), ("FLUSHALL",)]
    path.write_bytes(log(*items))
    flush = len(log(*items[:-1]))

    by_offset = compared(path, path, Point(place=(0, flush)))
    by_time = compared(path, path, Point(time_s=10), Point(time_s=25))

    assert [(change.kind.value, change.key) for change in by_offset.changes] == [
        ("removed", b"a"),
        ("removed", b"b"),
    ]
    assert [(change.kind.value, change.key) for change in by_time.changes] == [("added", b"b")]


def test_a_script_is_an_error_that_says_where(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(log(("SET", "a", 1), ("EVAL", "return 1", 0)))

    with pytest.raises(UnsupportedError, match="offset 27"):
        compared(path, path)
    assert compared(path, path, Point(place=(0, 27)), Point(place=(0, 0))).count(ChangeKind.REMOVED) == 1


def test_a_torn_tail_is_compared_up_to_the_tear_and_said(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(log(("SET", "a", 1)) + b"*3\r\n$3\r\nSET")

    found = compared(path, path)

    assert found.changes == []
    assert found.damage == (("a", 27, "torn-payload"),) * 2


def test_two_logs_of_one_history_part_where_they_do(tmp_path: Path) -> None:
    one, two = tmp_path / "a", tmp_path / "b"
    one.write_bytes(
        log(("SET", "a", 1), ("DEL", "x", "a"), select(2), timestamp(9), ("SET", "b", 1), ("SET", "c", 1))
    )
    two.write_bytes(
        log(
            timestamp(5), transaction(("set", "a", 1), ("UNLINK", "x", "a")), select(2), ("SET", "b", 2),
            ("SET", "d", 1), ("SET", "e", 1),
        )
    )  # fmt: skip

    parting = find_parting(find_log(one), find_log(two))

    assert parting.common == 2
    assert parting.left is not None
    assert parting.left[2] == 9
    assert (parting.left_behind, parting.right_behind) == (2, 3)
    assert (parting.conflicts, parting.examples) == (1, ((2, b"b"),))


def test_one_log_that_goes_on_where_the_other_ends(tmp_path: Path) -> None:
    one, two = tmp_path / "a", tmp_path / "b"
    one.write_bytes(log(("SET", "a", 1)))
    two.write_bytes(log(("SET", "a", 1), ("SET", "b", 1)))

    parting = find_parting(find_log(one), find_log(two))

    assert (parting.common, parting.left, parting.right_behind) == (1, None, 1)
    assert not parting.is_same


def test_the_base_counts(tmp_path: Path) -> None:
    base = rdb(rdb_database(0, rdb_record(0, "k", rdb_string("v"))))
    manifest = write_multi_part(
        tmp_path / "d", base=base, base_is_rdb=True, incrs=[log(("APPEND", "k", "w"))]
    )
    plain = tmp_path / "a"
    plain.write_bytes(log(("SET", "k", "vw")))

    assert compared(manifest, plain).changes == []


def test_digests_tell_values_apart_and_nothing_else() -> None:
    zset, other = ZSetValue(), ZSetValue()
    zset[b"a"], zset[b"b"] = 1.0, 2.0
    other[b"b"], other[b"a"] = 2.0, 1.0
    timed = HashValue({b"f": b"v"})
    timed.expires[b"f"] = 5

    assert value_digest(zset) == value_digest(other)
    assert value_digest(SetValue({b"a": None, b"b": None})) == value_digest(
        SetValue({b"b": None, b"a": None})
    )
    assert value_digest(ListValue([b"a", b"b"])) != value_digest(ListValue([b"b", b"a"]))
    assert value_digest(ListValue([b"ab"])) != value_digest(ListValue([b"a", b"b"]))
    assert value_digest(timed) != value_digest(HashValue({b"f": b"v"}))
    assert value_digest(b"1") != value_digest(b"2")


def test_replay_runs_transactions_at_their_place_and_drops_unfinished_ones(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(log(transaction(select(3), ("SET", "a", 1)), ("SET", "b", 1), ("MULTI",), ("FLUSHALL",)))

    keyspace = LogReplay(find_log(path)).run().keyspace

    assert sorted(keyspace.databases[3].values) == [b"a", b"b"]


@pytest.mark.parametrize("in_base", [True, False])
def test_libraries_are_said_not_to_be_compared_where_there_are_some(
    in_base: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, other = tmp_path / "plain.aof", tmp_path / "other.aof"
    plain.write_bytes(log(("SET", "a", "1")))
    code = b"#!lua name=one\nredis.register_function('f', function() return 1 end)"
    if in_base:
        base = rdb(b"\xf5" + rdb_string(code), magic=b"REDIS0011", aux={"redis-ver": "7.2.4"})
        other.write_bytes(base + log(("SET", "a", "1")))
    else:
        other.write_bytes(log(("FUNCTION", "LOAD", code), ("SET", "a", "1")))

    assert run(["diff", str(plain), str(plain)]) == 0
    assert "libraries" not in capsys.readouterr().err
    assert run(["diff", str(plain), str(other)]) == 0
    assert "function libraries, of which there are or were some, are not" in capsys.readouterr().err
