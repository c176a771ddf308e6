"""A rewrite that is interrupted leaves nothing but the log; what a killed one leaves, the next removes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aoftool.rewrite.shares.spill_folder import remove_stale, spill_folder
from tests import builders

COMMANDS = 60_000
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "log.aof"
    draw = random.Random(1)
    path.write_bytes(
        builders.log(*[("HSET", f"h:{draw.randrange(20_000)}", "f", "v" * 60) for _ in range(COMMANDS)])
    )
    return path


def heed_signals() -> None:
    """Undo what a test run in the background passes on: there a shell has SIGINT ignored."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def start(log: Path, out: Path, jobs: int) -> subprocess.Popen[bytes]:
    words = ["rewrite", str(log), "-o", str(out), "--memory-limit", "1MB", "--jobs", str(jobs), "-q"]
    words += ["--now", "1800000000"]
    return subprocess.Popen(
        [sys.executable, "-m", "aoftool", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=heed_signals,
    )


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory, log: Path) -> bytes:
    out = tmp_path_factory.mktemp("result") / "out.aof"
    assert start(log, out, 1).wait(120) == 0
    return out.read_bytes()


def wait_for_spill(process: subprocess.Popen[bytes], directory: Path) -> None:
    while process.poll() is None and not any("spill" in name for name in os.listdir(directory)):
        time.sleep(0.005)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("number", SIGNALS)
def test_signals_leave_the_log_alone(
    tmp_path: Path, log: Path, result: bytes, number: signal.Signals, jobs: int
) -> None:
    content = log.read_bytes()
    process = start(log, tmp_path / "out.aof", jobs)
    wait_for_spill(process, tmp_path)
    time.sleep(random.Random(int(number) * jobs).random() * 0.3)

    process.send_signal(number)
    code = process.wait(60)

    # A signal that comes after the last rename finds the result in its place.
    left = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert left in ({}, {"out.aof": result})
    assert code == 130 or (code == 0 and left)
    assert log.read_bytes() == content


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path, log: Path) -> None:
    process = start(log, tmp_path / "out.aof", 1)
    wait_for_spill(process, tmp_path)
    process.kill()
    process.wait(60)
    left = [name for name in os.listdir(tmp_path) if name.startswith(".out.aof.aoftool-spill-")]

    again = start(log, tmp_path / "out.aof", 1)
    code = again.wait(120)

    assert len(left) == 1
    assert code == 0
    assert not [name for name in os.listdir(tmp_path) if "spill" in name]


def test_a_directory_in_use_and_one_of_another_output_stay(tmp_path: Path) -> None:
    with spill_folder(str(tmp_path / "out")) as one, spill_folder(str(tmp_path / "other")) as other:
        removed = remove_stale(str(tmp_path / "out"))

        assert removed == []
        assert os.path.isdir(one)
        assert os.path.isdir(other)
    assert os.listdir(tmp_path) == []
