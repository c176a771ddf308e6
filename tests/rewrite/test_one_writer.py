"""Whoever changes a set of files is alone with it: other runs wait outside, and servers lose nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aoftool.aof.layout import find_log
from aoftool.errors import AoftoolError, LogInUseError, PlanStaleError
from aoftool.files.folder import Folder
from aoftool.files.syscalls import SystemCalls
from aoftool.repair import inuse
from aoftool.repair.apply import apply_plan
from aoftool.repair.choice import Choice
from aoftool.repair.draft import stamp_of
from aoftool.repair.inuse import is_server
from aoftool.repair.undo import undo_repair
from aoftool.rewrite.model import RewriteOptions, RewriteResult
from aoftool.rewrite.planner import plan_rewrite
from aoftool.rewrite.runner import Sinks, write_rewrite
from aoftool.rewrite.write.in_place import rewrite_in_place, stamps_of
from tests import builders
from tests.oracle import assert_same_state, dump_state
from tests.repair.hurt_logs import torn_single
from tests.repair.workbench import plan_for
from tests.servers import Build, Server, server_params

MULTI_PART = pytest.mark.parametrize("server_build", server_params(since="7.0"))
COMMANDS = builders.log(*([b"SET", b"k%d" % (n % 50), b"v%d" % n] for n in range(400)))


def a_set(folder: Path) -> Path:
    record = builders.rdb_record(0, "b", builders.rdb_string("1"))
    base = builders.rdb(builders.rdb_database(0, record), magic=b"REDIS0010")
    builders.write_multi_part(folder, base=base, incrs=[COMMANDS], base_is_rdb=True)
    return folder


def nothing() -> None:
    return


def rewrite(
    path: Path, *, meanwhile: Callable[[], object] = nothing, calls: SystemCalls | None = None
) -> str:
    """Rewrite a log in place and do something else when the files are written and not yet in place."""
    log = find_log(str(path))
    before = stamps_of(log)

    with plan_rewrite(log, RewriteOptions(now_ms=1)) as plan:

        def write(sinks: list[Sinks]) -> RewriteResult:
            result = write_rewrite(plan, sinks)
            meanwhile()
            return result

        return rewrite_in_place(plan, log, before, write, calls=calls or SystemCalls())[1].directory


def names_in(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder))


def of_our_making(folder: Path) -> list[str]:
    return [name for name in names_in(folder) if "aoftool" in name]


def refusing(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "aoftool", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# -- two runs ------------------------------------------------------------------------------------


def test_of_two_rewrites_at_once_each_succeeds_or_says_why_not(tmp_path: Path) -> None:
    states = set()
    for number in range(6):
        path = a_set(tmp_path / f"log{number}")
        running = [refusing("rewrite", "--in-place", "-q", str(path)) for _ in range(2)]
        said = [process.communicate()[1] for process in running]
        codes = sorted(process.returncode for process in running)

        assert codes in ([0, 0], [0, 4]), said
        states.add(tuple(codes))
        for process, text in zip(running, said, strict=True):
            if process.returncode:
                assert "another aoftool" in text or "changed after it was read" in text, text
        log = find_log(str(path))
        assert all(file.exists for file in log.files)
        assert {file.name.split(b".")[2] for file in log.files} <= {b"2", b"3"}


def test_a_descriptor_that_was_closed_while_it_was_looked_at_is_not_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(COMMANDS)
    held = path.stat().st_dev, path.stat().st_ino
    with path.open("ab"), subprocess.Popen(["sleep", "60"]) as other:
        monkeypatch.setattr(inuse, "_processes", lambda: [other.pid])
        monkeypatch.setattr(inuse, "_open_files", lambda pid: iter([("97", held)]))

        assert not list(inuse.openers_of({held: str(path)}))
        other.kill()


def test_a_second_rewrite_is_refused_while_the_first_one_writes(tmp_path: Path) -> None:
    path = a_set(tmp_path / "log")
    said: list[tuple[int, str]] = []

    def second() -> None:
        process = refusing("rewrite", "--in-place", "-q", str(path))
        said.append((process.wait(), (process.stderr or sys.stderr).read()))

    rewrite(path, meanwhile=second)

    ((code, text),) = said
    assert code == 4
    assert "another aoftool is changing files in" in text
    assert "run it again when that one is done" in text
    assert all(file.exists for file in find_log(str(path)).files)


def test_fix_and_undo_are_refused_while_another_run_writes(tmp_path: Path) -> None:
    path = torn_single(tmp_path)
    plan = plan_for(path)
    before = path.read_bytes()

    with Folder.open(str(tmp_path)) as other:
        other.lock()
        with pytest.raises(LogInUseError, match="another aoftool"):
            apply_plan(plan)
        with pytest.raises(LogInUseError, match="another aoftool"):
            rewrite(path)
    assert path.read_bytes() == before
    assert of_our_making(tmp_path) == []
    receipt = apply_plan(plan)
    with Folder.open(str(tmp_path)) as other:
        other.lock()
        with pytest.raises(LogInUseError, match="another aoftool"):
            undo_repair(receipt)
    undo_repair(receipt)

    assert path.read_bytes() == before


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    path = torn_single(tmp_path)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        Folder.open(str(tmp_path)).lock()
        os.write(writing, b"1")
        time.sleep(60)
        os._exit(0)
    os.read(reading, 1)
    with pytest.raises(LogInUseError):
        apply_plan(plan_for(path))
    os.kill(pid, 9)
    os.waitpid(pid, 0)

    apply_plan(plan_for(path))


def test_a_set_that_is_exchanged_before_it_is_looked_at_is_refused(tmp_path: Path) -> None:
    path = a_set(tmp_path / "log")
    log, plan = find_log(str(path)), plan_for(path, Choice(drop_command=b"SET", match=b"k1"))
    rewrite(path)
    now = names_in(path)

    before = stamps_of(log)
    with plan_rewrite(log, RewriteOptions(now_ms=1)) as again, pytest.raises(PlanStaleError, match="the set"):
        rewrite_in_place(again, log, before, lambda sinks: write_rewrite(again, sinks))
    plan.inputs = [(name, stamp_of(name)) for name, _ in plan.inputs]
    plan.files = [replace(file, stamp=stamp_of(file.path)) for file in plan.files]
    with pytest.raises(PlanStaleError, match="the set"):
        apply_plan(plan)

    assert names_in(path) == now


# -- sets that change meanwhile --------------------------------------------------------------------


def test_a_manifest_that_was_exchanged_meanwhile_stays(tmp_path: Path) -> None:
    path = a_set(tmp_path / "log")
    manifest = path / "appendonly.aof.manifest"
    text = manifest.read_bytes()
    status = manifest.stat()

    def exchange() -> None:
        # Same size, same time, same inode: only its bytes tell.
        manifest.write_bytes(text.replace(b"seq 1 type i", b"seq 7 type i"))
        os.utime(manifest, ns=(status.st_atime_ns, status.st_mtime_ns))

    with pytest.raises(PlanStaleError, match=r"appendonly\.aof\.manifest changed"):
        rewrite(path, meanwhile=exchange)

    assert b"seq 7 type i" in manifest.read_bytes()
    assert of_our_making(path) == []
    assert len(names_in(path)) == 3


def test_files_that_appear_under_the_new_names_are_left_alone(tmp_path: Path) -> None:
    path = a_set(tmp_path / "log")
    old = (path / "appendonly.aof.manifest").read_bytes()

    def appear() -> None:
        (path / "appendonly.aof.2.incr.aof").write_bytes(b"precious")

    with pytest.raises(PlanStaleError, match=r"appendonly\.aof\.2\.incr\.aof has appeared"):
        rewrite(path, meanwhile=appear)

    assert (path / "appendonly.aof.2.incr.aof").read_bytes() == b"precious"
    assert (path / "appendonly.aof.manifest").read_bytes() == old
    assert not (path / "appendonly.aof.2.base.rdb").exists()
    assert of_our_making(path) == []


class At(SystemCalls):
    """Do something just before, or after, a file takes the name of the manifest."""

    def __init__(self, act: Callable[[], object], *, after: bool = False) -> None:
        self._act = act
        self._after = after
        self._done = False

    def exchange(self, one: str, other: str, one_in: int, other_in: int) -> None:
        strikes = other.endswith(".manifest") and not self._done
        self._done = self._done or strikes
        if strikes and not self._after:
            self._act()
        super().exchange(one, other, one_in, other_in)
        if strikes and self._after:
            self._act()


def test_a_manifest_that_is_exchanged_behind_the_switch_is_believed(tmp_path: Path) -> None:
    path = a_set(tmp_path / "log")
    manifest = path / "appendonly.aof.manifest"
    old = manifest.read_bytes()

    def exchange() -> None:
        (path / "temp").write_bytes(old)
        (path / "temp").rename(manifest)

    with pytest.raises(PlanStaleError, match="changed"):
        rewrite(path, calls=At(exchange, after=True))

    assert manifest.read_bytes() == old
    assert [file.exists for file in find_log(str(path)).files] == [True, True]
    assert of_our_making(path) == []
    assert len(names_in(path)) == 3


def test_an_added_file_that_a_manifest_names_by_now_is_not_removed(tmp_path: Path) -> None:
    path = a_set(tmp_path / "log")
    manifest = path / "appendonly.aof.manifest"

    def exchange() -> None:
        (path / "temp").write_bytes(manifest.read_bytes() + b"file later.aof seq 9 type i\n")
        (path / "later.aof").write_bytes(b"")
        (path / "temp").rename(manifest)

    with pytest.raises(PlanStaleError) as caught:
        rewrite(path, calls=At(exchange, after=True))

    assert all(file.exists for file in find_log(str(path)).files)
    assert "later.aof" in names_in(path)
    assert caught.value.hint is not None
    assert "aoftool undo" in caught.value.hint


# -- servers ---------------------------------------------------------------------------------------


def stopped_server(start_server: Callable[..., Server], build: Build, tmp_path: Path) -> Server:
    server = start_server(build, source=a_set(tmp_path / "log"))
    server.stop()
    return server


def state_after_restart(server: Server) -> Any:
    assert server.restart().loaded, server.log_text()
    return dump_state(server)


@MULTI_PART
def test_a_server_that_starts_meanwhile_keeps_its_files(
    server_build: Build, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = stopped_server(start_server, server_build, tmp_path)

    def serve() -> None:
        assert server.start().loaded
        server.send("SET", "late", "1")

    with pytest.raises(AoftoolError, match=r"open for writing|changed"):
        rewrite(server.log_directory, meanwhile=serve)

    before = dump_state(server)
    assert of_our_making(server.log_directory) == []
    assert_same_state(before, state_after_restart(server))


@MULTI_PART
def test_a_server_that_rewrites_meanwhile_keeps_its_files(
    server_build: Build, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = stopped_server(start_server, server_build, tmp_path)

    def serve() -> None:
        assert server.start().loaded
        server.rewrite()
        server.send("SET", "late", "1")
        server.stop()

    with pytest.raises(PlanStaleError):
        rewrite(server.log_directory, meanwhile=serve)

    assert server.start().loaded
    assert server.send("GET", "late") == b"1"
    before = dump_state(server)
    assert_same_state(before, state_after_restart(server))


@MULTI_PART
@pytest.mark.parametrize("rewrites", [False, True])
def test_a_server_that_starts_in_the_moment_of_the_switch_keeps_its_files(
    rewrites: bool, server_build: Build, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = stopped_server(start_server, server_build, tmp_path)

    def serve() -> None:
        assert server.start().loaded
        if rewrites:
            server.rewrite()

    with pytest.raises(AoftoolError, match=r"open for writing|changed"):
        rewrite(server.log_directory, calls=At(serve))

    server.send("SET", "late", "1")
    before = dump_state(server)
    assert_same_state(before, state_after_restart(server))
    assert server.send("GET", "late") == b"1"


def test_a_server_of_a_single_file_that_starts_in_the_moment_of_the_switch_keeps_it(tmp_path: Path) -> None:
    path = torn_single(tmp_path)
    path.write_bytes(path.read_bytes() + builders.log([b"SET", b"a", b"1"]))
    opened: list[subprocess.Popen[bytes]] = []

    class Opening(SystemCalls):
        def exchange(self, one: str, other: str, one_in: int, other_in: int) -> None:
            if not opened:
                opened.append(subprocess.Popen(["sleep", "60"], stdout=path.open("ab")))
            super().exchange(one, other, one_in, other_in)

    before, inode = path.read_bytes(), path.stat().st_ino
    try:
        with pytest.raises(LogInUseError, match="open for writing, since a moment ago"):
            apply_plan(plan_for(path), calls=Opening())
    finally:
        opened[0].kill()
        opened[0].wait()

    assert path.read_bytes() == before
    assert path.stat().st_ino == inode
    assert of_our_making(tmp_path) == []


def test_a_server_is_told_from_a_process_that_only_reads(
    newest_build: Build, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = start_server(newest_build)
    path = a_set(tmp_path / "log")
    with (path / "appendonly.aof.1.incr.aof").open("rb") as reader:
        other = subprocess.Popen(["sleep", "60"], stdin=reader)
    try:
        assert is_server(server.pid)
        assert not is_server(other.pid)
        rewrite(path)
    finally:
        other.kill()
        other.wait()
