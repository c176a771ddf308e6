"""Differences of two states are those that a slow comparison of two replays shows."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from aoftool.analysis.diff.diff import Point, compare_points
from aoftool.analysis.diff.model import ChangeKind, Diff
from aoftool.analysis.diff.parting import find_parting
from aoftool.aof.layout import find_log
from aoftool.cli.app import run
from aoftool.errors import UnsupportedError
from aoftool.keyspace.engine import Keyspace
from aoftool.replay.log_replay import LogReplay
from aoftool.values import HashValue, ListValue, SetValue, ZSetValue
from aoftool.values.digest import value_digest
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
    monkeypatch.setattr("aoftool.analysis.diff.diff.MOST_KEYS", 2)

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


LIBRARY = b"#!lua name=%s\nredis.register_function('f_%s', function() return %d end)"


def _with_libraries(path: Path, libraries: dict[bytes, int], *, in_base: bool) -> Path:
    codes = [LIBRARY % (name, name, number) for name, number in libraries.items()]
    if in_base:
        parts = [b"\xf5" + rdb_string(code) for code in codes]
        base = rdb(*parts, magic=b"REDIS0011", aux={"redis-ver": "7.2.4"})
        path.write_bytes(base + log(("SET", "a", "1")))
    else:
        path.write_bytes(log(*(("FUNCTION", "LOAD", code) for code in codes), ("SET", "a", "1")))
    return path


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("in_base", [True, False])
def test_libraries_are_compared(
    in_base: bool,
    quick: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not quick:
        monkeypatch.setattr("aoftool.api.diffing.final_state", lambda *words: None)
    left = _with_libraries(tmp_path / "left.aof", {b"gone": 1, b"same": 1, b"other": 1}, in_base=in_base)
    right = _with_libraries(tmp_path / "right.aof", {b"other": 2, b"same": 1, b"new": 1}, in_base=not in_base)

    assert run(["diff", str(left), str(left)]) == 0
    assert "functions" not in capsys.readouterr().out
    assert run(["diff", str(left), str(right)]) == 1
    told = capsys.readouterr().out
    assert "keys   no difference\nfunctions  3 libraries differ\n  - gone\n  + new\n  ~ other\n" in told
    assert run(["diff", "--json", str(left), str(right)]) == 1
    found = json.loads(capsys.readouterr().out)["libraries"]
    assert [(row["change"], row["name"]) for row in found] == [
        ("removed", "gone"),
        ("added", "new"),
        ("changed", "other"),
    ]
    assert found[0]["after"] is None
    assert found[2]["before"] != found[2]["after"]


def test_libraries_belong_to_no_database_and_to_no_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = _with_libraries(tmp_path / "left.aof", {b"one": 1}, in_base=False)
    right = _with_libraries(tmp_path / "right.aof", {}, in_base=False)

    assert run(["diff", "--db", "0", "--json", str(left), str(right)]) == 0
    assert json.loads(capsys.readouterr().out)["libraries"] is None
    assert run(["diff", "--csv", str(left), str(right)]) == 1
    assert "1 function library differs: --json names them" in capsys.readouterr().err


def test_the_libraries_of_a_point_are_those_before_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "appendonly.aof"
    first = log(("FUNCTION", "LOAD", LIBRARY % (b"one", b"one", 1)))
    path.write_bytes(
        first + log(("FUNCTION", "DELETE", "one"), ("FUNCTION", "LOAD", LIBRARY % (b"two", b"two", 1)))
    )

    assert run(["diff", "--at", str(len(first)), str(path)]) == 1
    assert "functions  2 libraries differ\n  - one\n  + two\n" in capsys.readouterr().out


def test_the_libraries_of_a_moment_are_those_of_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "appendonly.aof"
    loads = [log(("FUNCTION", "LOAD", LIBRARY % (name, name, 1))) for name in (b"one", b"two", b"three")]
    path.write_bytes(b"".join(timestamp(100 + at) + load for at, load in enumerate(loads)))

    assert run(["diff", "--at", "1970-01-01T00:01:40", "--at", "1970-01-01T00:01:41", str(path)]) == 1
    assert "functions  1 library differs\n  + two\n" in capsys.readouterr().out
