"""The database of the commands behind an RDB part whose end is damaged, and the first SELECT with it."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from aoftool.repair.apply import apply_plan
from aoftool.repair.choice import AfterGap, Choice
from aoftool.repair.model import Plan
from tests.builders import (
    annotation,
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
from tests.repair.test_damaged_bases import contents
from tests.repair.workbench import plan_for

DEFAULT = Choice(salvage=True)
SELECT_BYTES = len(select(3))


def records(db: int, count: int) -> bytes:
    return rdb_database(db, *(rdb_record(0, f"user:{n}", rdb_string(f"of {db}")) for n in range(count)))


def sets(db: int, count: int = 5) -> bytes:
    """Return commands on keys of the same names in every database, with values that tell which it was."""
    return log(*(command("SET", f"user:{n}", f"now of {db}") for n in range(count)))


def in_turn(*dbs: int) -> bytes:
    return b"".join(select(db) + sets(db) for db in dbs)


PART = rdb(records(0, 30), records(5, 1))
END = len(PART)
FILLS: dict[str, Callable[[int], bytes]] = {
    "zeros": bytes,
    "noise": lambda size: random.Random(size).randbytes(size).replace(b"*", b"x"),
    "cut": lambda size: b"",
}


def wounded(data: bytes, start: int, end: int, fill: str) -> bytes:
    return data[:start] + FILLS[fill](end - start) + data[end:]


def salvage(data: bytes, tmp_path: Path, choice: Choice = DEFAULT) -> Plan:
    """Write a log and repair it; the file then holds what the repair made."""
    path = tmp_path / "appendonly.aof"
    path.write_bytes(data)
    plan = plan_for(path, choice)
    apply_plan(plan)
    return plan


def misplaced(path: Path) -> list[tuple[int, bytes]]:
    """Return what stands in a database while its value says that it is of another one."""
    return [
        (db, key)
        for (db, key), (value, _) in contents(path).items()
        if value not in (b"of %d" % db, b"now of %d" % db)
    ]


def aside(plan: Plan) -> int:
    return plan.statistics.commands_set_aside


def judge(dbs: tuple[int, ...], fill: str, before: int, behind: int, tmp_path: Path) -> None:
    data = wounded(PART + in_turn(*dbs), END - before, END + behind, fill)
    plan = salvage(data, tmp_path)

    assert misplaced(tmp_path / "appendonly.aof") == [], (dbs, fill, before, behind)
    assert plan.left == [], (dbs, fill, before, behind)


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("dbs", [(3, 0, 3), (3,)], ids=str)
def test_no_command_runs_in_another_database(dbs: tuple[int, ...], fill: str, tmp_path: Path) -> None:
    for before, behind in [(1, 12), (1, 22), (1, 60), (9, 5), (9, 23), (20, 12), (20, 23)]:
        judge(dbs, fill, before, behind, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("dbs", [(3, 0, 3), (0, 3), (5, 0), (3,), (0, 5)], ids=str)
def test_no_command_runs_in_another_database_whatever_the_wound(
    dbs: tuple[int, ...], fill: str, tmp_path: Path
) -> None:
    for before in (1, 3, 8, 9, 14, 20, 40):
        for behind in (1, 5, 12, 21, 22, 23, 24, 38, 83):
            judge(dbs, fill, before, behind, tmp_path)


LOST = PART[:-14] + bytes(26) + (select(3) + sets(3))[12:] + in_turn(0)


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (AfterGap.AUTO, b"now of 0"),
        (AfterGap.SKIP, b"now of 0"),
        (AfterGap.ASSUME, b"now of 0"),
        (AfterGap.STOP, b"of 0"),
    ],
)
def test_what_is_asked_for_behind_a_gap_is_done_behind_a_part(
    rule: AfterGap, found: bytes, tmp_path: Path
) -> None:
    plan = salvage(LOST, tmp_path, Choice(salvage=True, after_gap=rule))

    set_aside = {AfterGap.AUTO: 5, AfterGap.SKIP: 5, AfterGap.ASSUME: 0, AfterGap.STOP: 11}
    assert aside(plan) == set_aside[rule]
    assert contents(tmp_path / "appendonly.aof")[0, b"user:0"][0] == found
    doubtful = 5 if rule is AfterGap.ASSUME else 0
    assert plan.statistics.commands_doubtful == doubtful
    assert any("--after-gap assume keeps" in note for note in plan.notes) == (rule is not AfterGap.ASSUME)


@pytest.mark.parametrize(
    "start",
    [
        select(3) + sets(3),
        timestamp(1_700_000_000) + select(3) + sets(3),
        annotation("#note") + select(3) + sets(3),
        b"*1\r\n$5\r\nMULTI\r\n" + select(3) + sets(3) + b"*1\r\n$4\r\nEXEC\r\n",
    ],
    ids=["select", "timestamp", "annotation", "transaction"],
)
@pytest.mark.parametrize("at", [END - 9, END - 14, END - 200])
def test_behind_a_select_that_is_whole_all_is_kept(start: bytes, at: int, tmp_path: Path) -> None:
    plan = salvage(PART[:at] + bytes(8) + PART[at + 8 :] + start, tmp_path)

    assert aside(plan) == 0
    assert contents(tmp_path / "appendonly.aof")[3, b"user:0"][0] == b"now of 3"


def test_half_a_transaction_at_the_start_does_not_run(tmp_path: Path) -> None:
    half = transaction(*(("SET", f"user:{n}", "now of 3") for n in range(5)))[15:]
    salvage(PART[:-14] + bytes(26) + half + in_turn(0), tmp_path)

    assert misplaced(tmp_path / "appendonly.aof") == []


def test_a_part_whose_records_lead_to_its_end_speaks_for_its_only_database(tmp_path: Path) -> None:
    part = rdb(records(0, 30))
    damaged = part[:60] + bytes(12) + part[72:]

    assert aside(salvage(damaged + sets(0), tmp_path)) == 0


def test_a_healed_command_is_set_aside_with_those_behind_it(tmp_path: Path) -> None:
    first = command("SET", "user:0", "now of 3").replace(b"$6\r\n", b"%6\r\n")
    salvage(PART[:-3] + b"\0\0\0" + first + sets(3) + in_turn(0), tmp_path)

    assert misplaced(tmp_path / "appendonly.aof") == []


def test_a_magic_over_the_first_select_of_a_file_is_no_part(tmp_path: Path) -> None:
    incr = b"REDIS0011" + (select(3) + sets(3) + in_turn(0, 3))[9:]
    path = write_multi_part(tmp_path / "set", base=PART, incrs=[incr], base_is_rdb=True)

    plan = plan_for(path, DEFAULT)
    apply_plan(plan)

    assert (aside(plan), misplaced(path)) == (0, [])


@pytest.mark.parametrize("db", [3, 5])
def test_a_base_of_more_databases_speaks_where_a_file_lost_its_start(db: int, tmp_path: Path) -> None:
    incr = FILLS["noise"](SELECT_BYTES + 9) + sets(db)
    path = write_multi_part(tmp_path / "set", base=PART, incrs=[incr], base_is_rdb=True)

    plan = plan_for(path, DEFAULT)
    apply_plan(plan)

    assert (aside(plan), misplaced(path)) == (5, [])


def test_keys_that_went_with_the_number_announced_are_not_told_as_none(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    gone = END - 9 - len(records(5, 1)) + 2
    path.write_bytes(wounded(PART, gone, END, "zeros") + in_turn(0))

    plan = plan_for(path, DEFAULT)

    assert (plan.statistics.keys_kept, plan.statistics.keys_lost) == (30, None)


@pytest.mark.parametrize("before", [18, 19, 20, 21])
def test_commands_that_a_walk_takes_for_records_are_not_left_as_damage(before: int, tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(wounded(PART + in_turn(3, 0, 3), END - before, END + SELECT_BYTES, "zeros"))

    plan = plan_for(path, DEFAULT)

    assert (plan.left, misplaced_starts(path)) == ([], [])


def misplaced_starts(path: Path) -> list[str]:
    """Return the findings on an RDB part that lie in the commands behind it, or end before they start."""
    report = check(find_log(str(path)))
    return [
        finding.code
        for finding in report.findings
        if (at := finding.start or 0) >= END + SELECT_BYTES or (finding.end is not None and finding.end < at)
    ]
