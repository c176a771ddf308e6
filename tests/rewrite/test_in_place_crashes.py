"""A kill or a full disk at any moment of a rewrite in place: the log is the old one or the new one, whole."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.errors import AoftoolError
from aoftool.files.syscalls import SystemCalls
from aoftool.repair.reading import read_receipt
from aoftool.repair.receipt import find_receipt
from aoftool.repair.undo import undo_repair
from aoftool.rewrite.model import RewriteOptions
from aoftool.rewrite.planner import plan_rewrite
from aoftool.rewrite.runner import write_rewrite
from aoftool.rewrite.write.in_place import rewrite_in_place, stamps_of
from tests import builders
from tests.oracle import assert_same_state, dump_state
from tests.repair.hurt_logs import contents
from tests.repair.test_crashes import Interrupted, run_in_child
from tests.repair.workbench import snapshot
from tests.servers import Build, Server

Make = Callable[[Path], Path]

SOME = range(1, 400, 4)
EVERY = range(1, 400)
KEYS = 60


def single(folder: Path) -> Path:
    path = folder / "appendonly.aof"
    path.write_bytes(
        builders.log(*([b"SET", b"k%d" % (n % KEYS), b"v" * 50 + b"%d" % n] for n in range(500)))
    )
    return path


def multi_part(folder: Path) -> Path:
    base = builders.rdb(builders.rdb_database(0, builders.rdb_record(0, "b", builders.rdb_string("1"))))
    tails = [single(folder).read_bytes(), builders.log([b"RPUSH", b"l", b"x"], [b"DEL", b"k1"])]
    (folder / "appendonly.aof").unlink()
    builders.write_multi_part(folder / "appendonlydir", base=base, incrs=tails, base_is_rdb=True)
    return folder / "appendonlydir"


LOGS: dict[str, Make] = {"single": single, "multi-part": multi_part}


def rewrite(path: Path, calls: SystemCalls | None = None) -> None:
    log = find_log(str(path))
    before = stamps_of(log)
    with plan_rewrite(log, RewriteOptions(target="redis-7.0", now_ms=1)) as plan:
        rewrite_in_place(
            plan, log, before, lambda sinks: write_rewrite(plan, sinks), calls=calls or SystemCalls()
        )


def old_and_new(make: Make, tmp_path: Path) -> tuple[list[bytes], list[bytes]]:
    (tmp_path / "whole").mkdir()
    path = make(tmp_path / "whole")
    old = contents(path)
    rewrite(path)
    return old, contents(path)


def without_leftovers(folder: Path) -> dict[str, bytes]:
    return {name: row[0] for name, row in snapshot(folder).items() if ".tmp" not in name}


def take_back(folder: Path) -> bool:
    """Undo a rewrite that left its receipt; tell whether there was one."""
    found = [Path(find_receipt(str(path))) for path in folder.rglob("aoftool-rewrite-*") if path.is_dir()]
    written = [path for path in found if path.exists()]
    for path in written:
        undo_repair(read_receipt(str(path)))
    return bool(written)


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
    for at in calls:
        folder = tmp_path / f"n{at}"
        folder.mkdir()
        path = make(folder)
        finished = run_in_child(
            lambda path=path, at=at: rewrite(path, Interrupted(at, lambda: os._exit(77)))  # type: ignore[misc]
        )

        now = contents(path)
        assert now in (old, new), f"killed at call {at}"
        if take_back(folder):
            assert contents(path) == old
        if finished:
            break

    assert finished
    assert now == new


@pytest.mark.parametrize("kind", LOGS)
def test_a_full_disk_at_a_system_call_leaves_the_old_log_or_the_new_one(kind: str, tmp_path: Path) -> None:
    make = LOGS[kind]
    old, new = old_and_new(make, tmp_path)

    def fill() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for at in EVERY:
        folder = tmp_path / f"n{at}"
        folder.mkdir()
        path = make(folder)
        before = without_leftovers(folder)
        system = Interrupted(at, fill)
        with contextlib.suppress(AoftoolError, OSError):
            rewrite(path, system)

        now = contents(path)
        assert now in (old, new), f"full at call {at}"
        if now == old:
            assert without_leftovers(folder).items() >= before.items()
        if not system.struck:
            break

    assert not system.struck


@pytest.mark.parametrize("kind", LOGS)
def test_a_kill_at_a_random_moment_leaves_a_log_that_a_server_loads(
    kind: str, newest_build: Build, tmp_path: Path
) -> None:
    assert_random_kills(kind, newest_build, 4, tmp_path)


@pytest.mark.soak
@pytest.mark.server
@pytest.mark.parametrize("kind", LOGS)
def test_a_hundred_kills_leave_a_log_that_a_server_loads(
    kind: str, newest_build: Build, tmp_path: Path
) -> None:
    assert_random_kills(kind, newest_build, 100, tmp_path)


def assert_random_kills(kind: str, build: Build, times: int, tmp_path: Path) -> None:
    make = LOGS[kind]
    old, new = old_and_new(make, tmp_path)
    (tmp_path / "untouched").mkdir()
    with Server(build, source=make(tmp_path / "untouched")) as server:
        before = dump_state(server)
    draw = random.Random(kind)

    for number in range(times):
        folder = tmp_path / f"r{number}"
        folder.mkdir()
        path = make(folder)
        pid = os.fork()
        if pid == 0:
            try:
                rewrite(path)
            finally:
                os._exit(0)
        time.sleep(draw.random() * 0.03)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

        assert contents(path) in (old, new)
        with Server(build, source=path) as server:
            assert_same_state(before, dump_state(server))
