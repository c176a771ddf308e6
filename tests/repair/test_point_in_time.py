"""Going back to a moment, across the files of a set, never inside a transaction."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aoftool.errors import InputError, RefusedError, UsageError
from aoftool.repair.apply import apply_plan
from aoftool.repair.choice import Choice
from aoftool.repair.reading import read_receipt
from aoftool.repair.undo import undo_repair
from tests.builders import command, log, select, timestamp, transaction, write_multi_part
from tests.oracle import dump_state
from tests.repair.workbench import plan_for, snapshot
from tests.servers.discovery import Build
from tests.servers.process import Server

BASE = log(select(0), command("SET", "base", "1"))
FIRST = log(
    timestamp(1000), select(0), command("SET", "one", "1"), timestamp(1010), command("SET", "two", "2")
)
SECOND = log(
    timestamp(1020),
    select(0),
    command("SET", "three", "3"),
    timestamp(1030),
    transaction(command("SET", "in", "1"), command("FLUSHALL")),
)
THIRD = log(timestamp(1040), select(0), command("SET", "after", "1"), command("INCR", "n"))


@pytest.fixture
def log_set(tmp_path: Path) -> Path:
    folder = tmp_path / "appendonlydir"
    write_multi_part(folder, base=BASE, incrs=[FIRST, SECOND, THIRD])
    return folder


def keys_after(path: Path, build: Build) -> set[bytes]:
    with Server(build, source=path) as server:
        assert server.outcome is not None
        assert server.outcome.loaded, server.outcome.log[-400:]
        return set(dump_state(server).databases.get(0, {}))


@pytest.mark.server
def test_before_flushall_gives_the_keys_of_that_moment(log_set: Path, newest_build: Build) -> None:
    apply_plan(plan_for(log_set, Choice(before=b"flushall")))

    assert keys_after(log_set, newest_build) == {b"base", b"one", b"two", b"three"}


@pytest.mark.server
def test_dropping_the_flushall_gives_those_keys_and_all_later_writes(
    log_set: Path, newest_build: Build
) -> None:
    where = SECOND.index(b"*1\r\n$8\r\nFLUSHALL")
    name = "appendonly.aof.2.incr.aof"

    plan = plan_for(log_set, Choice(drop_at=((name, where),)))
    apply_plan(plan)

    keys = {b"base", b"one", b"two", b"three", b"in", b"after", b"n"}
    assert keys_after(log_set, newest_build) == keys


@pytest.mark.server
@pytest.mark.parametrize(
    ("time_s", "keys"),
    [
        (1005, {b"base", b"one"}),
        (1010, {b"base", b"one", b"two"}),
        (1025, {b"base", b"one", b"two", b"three"}),
        (1035, {b"base"} - {b"base"}),
        (9999, {b"after", b"n"}),
    ],
)
def test_a_time_keeps_what_was_written_up_to_it(
    log_set: Path, newest_build: Build, time_s: int, keys: set[bytes]
) -> None:
    plan = plan_for(log_set, Choice(to_timestamp=time_s))
    if not plan.empty:
        apply_plan(plan)

    assert keys_after(log_set, newest_build) == keys


def test_a_cut_in_a_transaction_goes_to_its_start(log_set: Path) -> None:
    plan = plan_for(log_set, Choice(before=b"FLUSHALL"))

    cut = next(edit for _, edit in plan.edits())
    assert cut.start == SECOND.index(b"*1\r\n$5\r\nMULTI")


def test_an_offset_inside_a_command_goes_to_the_boundary_before(log_set: Path) -> None:
    name = "appendonly.aof.1.incr.aof"
    where = FIRST.index(b"*3\r\n$3\r\nSET\r\n$3\r\ntwo")

    plan = plan_for(log_set, Choice(to_offset=(name, where + 3)))

    # The annotation in front of the command says when it was written; it goes with it.
    assert next(edit for _, edit in plan.edits()).start == where - len(timestamp(1010))


def test_files_behind_the_cut_leave_and_come_back_with_undo(log_set: Path) -> None:
    before = snapshot(log_set)

    receipt = apply_plan(plan_for(log_set, Choice(before=b"FLUSHALL")))

    left = {path.name for path in log_set.iterdir() if path.is_file()}
    assert "appendonly.aof.3.incr.aof" not in left
    undo_repair(read_receipt(receipt.directory))
    assert snapshot(log_set) == before


def test_no_file_that_a_server_would_append_to_is_left_behind(log_set: Path) -> None:
    apply_plan(plan_for(log_set, Choice(before=b"FLUSHALL")))

    manifest = (log_set / "appendonly.aof.manifest").read_text()
    # The next number a server opens is 4, one above the highest that is listed.
    assert "seq 3 type i" in manifest
    assert not (log_set / "appendonly.aof.4.incr.aof").exists()


def test_the_nth_match_counts_from_the_start_of_the_log(log_set: Path) -> None:
    plan = plan_for(log_set, Choice(before=b"SET", nth=3))

    cut = next(edit for _, edit in plan.edits())
    assert FIRST[cut.start :].startswith((b"*3\r\n$3\r\nSET\r\n$3\r\ntwo", b"#TS:1010"))


def test_a_command_that_is_not_there_is_a_usage_error(log_set: Path) -> None:
    with pytest.raises(UsageError):
        plan_for(log_set, Choice(before=b"FLUSHDB"))


def test_a_time_before_a_log_without_a_base_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(FIRST)

    with pytest.raises(RefusedError):
        plan_for(path, Choice(to_timestamp=5))


def test_a_log_without_times_says_so(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(BASE)

    with pytest.raises(InputError, match="no #TS annotations"):
        plan_for(path, Choice(to_timestamp=5))


def test_one_file_is_cut_in_place(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(FIRST + command("FLUSHALL") + THIRD)
    inode = path.stat().st_ino

    apply_plan(plan_for(path, Choice(before=b"FLUSHALL")))

    assert path.read_bytes() == FIRST
    assert path.stat().st_ino == inode
    assert os.listdir(tmp_path) != ["appendonly.aof"]
