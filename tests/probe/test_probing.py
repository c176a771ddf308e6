"""A probe keeps its limits, whatever the disk does, and leaves nothing behind, whatever ends it."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aoftool.errors import SinkError
from aoftool.files.syscalls import SystemCalls
from aoftool.probe.measuring import measure
from aoftool.probe.model import MOST_BYTES, MOST_S, Place, Verdict
from aoftool.probe.probing import probe_place
from tests.probe.throttled import throttled_disk

MIB = 1 << 20
KILLS = 50
AT_ONCE = 10
# Runs a probe without nameless files, as on a file system that has none.
NAMED = """
import errno, sys
from aoftool.files.syscalls import SystemCalls
from aoftool.probe.place import find_place
from aoftool.probe.probing import probe_place
class Calls(SystemCalls):
    def create_nameless(self, directory, mode):
        raise OSError(errno.EOPNOTSUPP, "none here")
for _ in range(100):
    probe_place(find_place(sys.argv[1]), calls=Calls())
"""
NAMELESS = NAMED.replace("(find_place(sys.argv[1]), calls=Calls())", "(find_place(sys.argv[1]))")
HELD = """
import os, sys
with open(sys.argv[2] + "/cgroup.procs", "w") as file:
    file.write(str(os.getpid()))
from aoftool.cli.app import run
sys.exit(run(["probe", sys.argv[1], "--yes", "--json"]))
"""


class Instant(SystemCalls):
    """A disk that takes no time."""

    def __init__(self) -> None:
        self.written = 0

    def write(self, descriptor: int, data: memoryview) -> int:
        self.written += len(data)
        return len(data)

    def sync_data(self, descriptor: int) -> None:
        pass

    def sync(self, descriptor: int) -> None:
        pass

    def change_mode(self, descriptor: int, mode: int) -> None:
        pass


class Hanging(SystemCalls):
    """A disk whose syncs do not end; from which one on is told."""

    def __init__(self, after: int) -> None:
        self.left = after

    def sync_data(self, descriptor: int) -> None:
        self.left -= 1
        if self.left < 0:
            time.sleep(600)


class Full(SystemCalls):
    """A disk without room."""

    def write(self, descriptor: int, data: memoryview) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Unable(SystemCalls):
    """A file system without nameless files."""

    def create_nameless(self, directory: str, mode: int) -> int:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))


def place(folder: Path) -> Place:
    return Place(str(folder), "ext4", "/dev/x", 1 << 40, 1 << 41)


def test_fastest_disk_is_written_no_more_than_the_limit() -> None:
    calls = Instant()
    told: list[dict[str, object]] = []

    measure(-1, -1, b"x" * MIB, 1 << 40, told.append, calls=calls)

    assert 0 < calls.written <= MOST_BYTES
    assert told[-1]["written_bytes"] == calls.written


def test_probe_measures_all_and_leaves_nothing(tmp_path: Path) -> None:
    found = probe_place(place(tmp_path))

    assert [row.size_bytes for row in found.syncs] == [512, 4096, 65536, MIB]
    assert all(0 < row.p50_s <= row.p99_s <= row.worst_s for row in found.syncs)
    assert [row.unsynced_bytes for row in found.beside][:2] == [0, MIB]
    assert found.appended is not None
    assert found.appended.size_bytes == 3 * MIB
    assert 0 < found.written_bytes <= MOST_BYTES
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("after", "verdict"), [(0, Verdict.UNFIT), (450, None)])
def test_sync_that_hangs_is_given_up_and_told(after: int, verdict: Verdict | None, tmp_path: Path) -> None:
    class Stuck(Hanging):
        def write(self, descriptor: int, data: memoryview) -> int:
            return len(data)

        def sync_data(self, descriptor: int) -> None:
            super().sync_data(descriptor)

    found = probe_place(place(tmp_path), limit_s=4.0, calls=Stuck(after))

    assert found.unfinished
    assert found.elapsed_s < MOST_S
    assert verdict is None or found.verdict is verdict
    assert not list(tmp_path.iterdir())


def test_full_disk_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="No space left"):
        probe_place(place(tmp_path), calls=Full())


def test_directory_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SinkError):
        probe_place(place(tmp_path / "none"))
    with pytest.raises(SinkError):
        probe_place(place(tmp_path / "none"), calls=Unable())


def test_file_system_without_nameless_files_is_probed_too(tmp_path: Path) -> None:
    found = probe_place(place(tmp_path), calls=Unable())

    assert not found.nameless
    assert found.syncs
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("script", [NAMELESS, NAMED], ids=["nameless", "named"])
def test_nothing_is_left_after_kills_at_random_moments(script: str, tmp_path: Path) -> None:
    rng = random.Random(5)
    killed = 0
    while killed < KILLS:
        running = [
            subprocess.Popen(
                [sys.executable, "-c", script, str(tmp_path)], start_new_session=True, stderr=subprocess.PIPE
            )
            for _ in range(AT_ONCE)
        ]
        for process in running:
            time.sleep(rng.uniform(0, 0.4))
            assert process.poll() is None, process.communicate()
            # The process alone, or all of its group, as a shell would.
            if rng.random() < 0.5:
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.communicate()
            killed += 1
        # One that makes a file and takes its name away may be half done.
        _wait_until_quiet(tmp_path)
        assert not list(tmp_path.iterdir())
    assert not _holders(tmp_path)


def _wait_until_quiet(folder: Path) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until and (list(folder.iterdir()) or _holders(folder)):
        time.sleep(0.02)


def _holders(folder: Path) -> list[str]:
    """Return the processes that have a file of the folder open, one without a name too."""
    found = []
    for path in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = os.readlink(path)
        except OSError:
            continue
        if target.startswith(f"{folder}/"):
            found.append(str(path))
    return found


@pytest.mark.parametrize("rate", [3_000_000, 10_000_000])
def test_figures_on_a_throttled_disk_are_true(rate: int, tmp_path: Path) -> None:
    with throttled_disk(tmp_path) as disk:
        disk.limit(rate)

        done = subprocess.run(
            [sys.executable, "-c", HELD, str(disk.folder), str(disk.group)],
            capture_output=True,
            text=True,
            check=False,
        )

        body = json.loads(done.stdout)
        names = sorted(path.name for path in disk.folder.iterdir())
    assert body["stall_s_per_mib"] == pytest.approx(MIB / rate, rel=0.3)
    large = body["syncs"][-1]
    assert large["size_bytes"] == MIB
    assert large["p50_s"] == pytest.approx(MIB / rate, rel=0.3)
    assert body["written_bytes"] <= MOST_BYTES
    assert names == ["lost+found"]
