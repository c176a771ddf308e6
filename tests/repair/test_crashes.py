"""A kill or a full disk at any moment of a repair: the log is the old one or the new one, whole."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aoftool.aof.layout import find_log
from aoftool.errors import AoftoolError
from aoftool.files import proven
from aoftool.files.syscalls import SystemCalls
from aoftool.repair.apply import apply_plan
from aoftool.repair.reading import read_receipt
from aoftool.repair.receipt import find_receipt
from aoftool.repair.undo import undo_repair
from tests.builders import command
from tests.repair.hurt_logs import LOGS, Make, contents, hurt_single, torn_single
from tests.repair.workbench import plan_for, snapshot

CALLS = [name for name in vars(SystemCalls) if not name.startswith("_")]


# Calls that are tried by default; a soak run tries every one.
SOME = range(1, 400, 5)
EVERY = range(1, 400)


@pytest.fixture(autouse=True)
def _many_windows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a small log be written as a large one is: a thread syncs and reads back what is finished."""
    parameters = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    if parameters.get("kind") == "windows":
        monkeypatch.setattr(proven, "WINDOW_BYTES", 1024)
        monkeypatch.setattr(proven, "LITERAL_BYTES", 64)


class Interrupted(SystemCalls):
    """End the process, or fail, at the n-th call."""

    def __init__(self, at: int, act: Callable[[], None]) -> None:
        self._left = at
        self._act = act
        self.struck = False

    def __getattribute__(self, name: str) -> Any:
        if name in CALLS:
            self._left -= 1
            if self._left == 0:
                self.struck = True
                object.__getattribute__(self, "_act")()
        return super().__getattribute__(name)


def run_in_child(work: Callable[[], object]) -> bool:
    """Run in a process of its own; tell whether it came to its end."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        except AoftoolError:
            os._exit(4)
        except BaseException:
            os._exit(9)
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) in (0, 4, 77)
        return os.WEXITSTATUS(status) == 0
    return False


def old_and_new(make: Make, tmp_path: Path) -> tuple[list[bytes], list[bytes]]:
    folder = tmp_path / "whole"
    folder.mkdir()
    path = make(folder)
    old = contents(path)
    apply_plan(plan_for(path))
    return old, contents(path)


def receipt_in(folder: Path) -> Path | None:
    found = [Path(find_receipt(str(path))) for path in folder.rglob("aoftool-fix-*") if path.is_dir()]
    written = [path for path in found if path.exists()]
    return written[0] if written else None


@pytest.mark.parametrize("kind", LOGS)
def test_a_kill_at_a_system_call_leaves_the_old_log_or_the_new_one(kind: str, tmp_path: Path) -> None:
    assert_kills_are_survived(kind, tmp_path, SOME)


@pytest.mark.soak
@pytest.mark.parametrize("kind", LOGS)
def test_a_kill_at_every_system_call_leaves_the_old_log_or_the_new_one(kind: str, tmp_path: Path) -> None:
    assert_kills_are_survived(kind, tmp_path, EVERY)


def assert_kills_are_survived(kind: str, tmp_path: Path, calls: range) -> None:
    make = LOGS[kind]
    old, new = old_and_new(make, tmp_path)
    seen = set()

    for at in calls:
        folder = tmp_path / f"n{at}"
        folder.mkdir()
        path = make(folder)
        before = snapshot(folder)
        plan = plan_for(path)
        finished = run_in_child(
            lambda plan=plan, at=at: apply_plan(plan, calls=Interrupted(at, lambda: os._exit(77)))  # type: ignore[misc]
        )

        now = contents(path)
        assert now in (old, new), f"killed at call {at}"
        seen.add(now == new)
        receipt = receipt_in(folder)
        if receipt is not None:
            undo_repair(read_receipt(str(receipt)))
            assert contents(path) == old
            assert {name: row[0] for name, row in snapshot(folder).items() if ".tmp" not in name} == {
                name: row[0] for name, row in before.items()
            }
        else:
            assert now == old
        if finished:
            break

    assert finished
    assert seen == {False, True}


@pytest.mark.parametrize("kind", LOGS)
def test_a_full_disk_leaves_the_old_log_or_the_new_one(kind: str, tmp_path: Path) -> None:
    assert_full_disks_are_survived(kind, tmp_path, SOME)


@pytest.mark.soak
@pytest.mark.parametrize("kind", LOGS)
def test_a_full_disk_at_every_system_call_leaves_the_old_log_or_the_new_one(
    kind: str, tmp_path: Path
) -> None:
    assert_full_disks_are_survived(kind, tmp_path, EVERY)


def assert_full_disks_are_survived(kind: str, tmp_path: Path, calls: range) -> None:
    make = LOGS[kind]
    old, new = old_and_new(make, tmp_path)

    def fill() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for at in calls:
        folder = tmp_path / f"n{at}"
        folder.mkdir()
        path = make(folder)
        system = Interrupted(at, fill)
        with contextlib.suppress(AoftoolError, OSError):
            apply_plan(plan_for(path), calls=system)

        assert contents(path) in (old, new), f"full at call {at}"
        if not system.struck:
            break


@pytest.mark.parametrize("kind", LOGS)
def test_an_undo_that_is_killed_can_be_finished(kind: str, tmp_path: Path) -> None:
    make = LOGS[kind]

    for at in range(1, 200, 2):
        folder = tmp_path / f"n{at}"
        folder.mkdir()
        path = make(folder)
        before = snapshot(folder)
        receipt = apply_plan(plan_for(path)).path
        finished = run_in_child(
            lambda receipt=receipt, at=at: undo_repair(  # type: ignore[misc]
                read_receipt(receipt), calls=Interrupted(at, lambda: os._exit(77))
            )
        )

        undo_repair(read_receipt(receipt))

        assert {name: row[0] for name, row in snapshot(folder).items()} == {
            name: row[0] for name, row in before.items()
        }, f"killed at call {at}"
        if finished:
            break


def killed_at_random(make: Make, folder: Path, rng: random.Random) -> Path:
    folder.mkdir()
    path = make(folder)
    plan = plan_for(path)
    pid = os.fork()
    if pid == 0:
        try:
            apply_plan(plan)
        finally:
            os._exit(0)
    time.sleep(rng.random() * 0.012)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return path


@pytest.mark.parametrize(("kind", "times"), [(kind, 4) for kind in LOGS])
def test_a_kill_at_a_random_moment_leaves_the_old_log_or_the_new_one(
    kind: str, times: int, tmp_path: Path
) -> None:
    assert_random_kills(kind, times, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("kind", LOGS)
def test_two_hundred_kills_leave_the_old_log_or_the_new_one(kind: str, tmp_path: Path) -> None:
    assert_random_kills(kind, 200, tmp_path)


def assert_random_kills(kind: str, times: int, tmp_path: Path) -> None:
    make = LOGS[kind]
    old, new = old_and_new(make, tmp_path)
    rng = random.Random(kind)

    for number in range(times):
        path = killed_at_random(make, tmp_path / f"r{number}", rng)

        assert contents(path) in (old, new)


def test_a_plan_that_is_stale_is_refused(tmp_path: Path) -> None:
    path = torn_single(tmp_path)
    plan = plan_for(path)
    with path.open("ab") as file:
        file.write(b"x")

    with pytest.raises(AoftoolError, match="changed after the plan"):
        apply_plan(plan)


def test_a_log_that_a_process_writes_to_is_refused(tmp_path: Path) -> None:
    path = torn_single(tmp_path)
    plan = plan_for(path)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.write(writing, b"1")
        time.sleep(30)
        os.close(descriptor)
        os._exit(0)
    os.read(reading, 1)
    try:
        with pytest.raises(AoftoolError, match="open for writing"):
            apply_plan(plan)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(reading)
        os.close(writing)


def test_undo_refuses_a_file_that_was_written_to_since(tmp_path: Path) -> None:
    path = torn_single(tmp_path)
    receipt = apply_plan(plan_for(path))
    with path.open("ab") as file:
        file.write(command("SET", "late", "1"))

    with pytest.raises(AoftoolError, match="changed after the repair"):
        undo_repair(read_receipt(receipt.directory))

    assert find_log(str(path)).size_bytes == path.stat().st_size


def test_mode_and_times_of_the_original_are_kept(tmp_path: Path) -> None:
    path = hurt_single(tmp_path)
    path.chmod(0o640)
    os.utime(path, ns=(1_700_000_000_000_000_000, 1_700_000_001_000_000_000))

    apply_plan(plan_for(path))

    assert path.stat().st_mode & 0o777 == 0o640
    assert path.stat().st_mtime_ns == 1_700_000_001_000_000_000
