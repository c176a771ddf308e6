"""A signal ends every verb by itself, however large the file is, and leaves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.builders import log, select

SIZE_BYTES = 1 << 40
WATCHDOG_S = 120
COMMANDS = select(0) + log(("SET", "k", "v")) * 1000
LINES = [
    "check LOG",
    "check LOG --level quick",
    "check LOG --level deep",
    "fix LOG -n",
    "fix LOG -n --salvage",
    "fix LOG --yes --salvage",
    "inspect LOG",
    "rewrite LOG --in-place",
    "keys LOG",
    "log LOG",
    "log LOG --follow",
    "history k LOG",
    "audit LOG",
    "growth LOG",
    "diff LOG LOG",
    "explain LOG --key k",
]


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    """Give a log of a terabyte, nearly all of it a hole."""
    folder = tmp_path / "log"
    folder.mkdir()
    path = folder / "appendonly.aof"
    path.write_bytes(COMMANDS)
    try:
        os.truncate(path, SIZE_BYTES)
    except OSError as error:
        pytest.skip(f"no file can be as large here: {error}")
    return path


def wait_until_open(process: subprocess.Popen[bytes], path: Path) -> None:
    """Return when a process has a file open, or has ended."""
    folder = Path(f"/proc/{process.pid}/fd")
    if not folder.exists():
        pytest.skip("this system does not show the open files of a process")
    while process.poll() is None:
        for entry in folder.iterdir():
            try:
                if os.readlink(entry) == str(path):
                    return
            except OSError:
                continue
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("line", LINES)
def test_a_signal_ends_a_verb(sparse: Path, tmp_path: Path, line: str, number: signal.Signals) -> None:
    room = tmp_path / "room"
    room.mkdir()
    words = [str(sparse) if word == "LOG" else word for word in line.split()]
    process = subprocess.Popen(
        [sys.executable, "-m", "aoftool", *words],
        env={**os.environ, "TMPDIR": str(room)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        wait_until_open(process, sparse)
        process.send_signal(number)
        said = process.communicate(timeout=WATCHDOG_S)[1]
    finally:
        process.kill()

    # A verb may have been done, or have found out that it cannot go on, before the signal came.
    ends = (0, 130) if "--follow" in line else (130, 1, 3, 4)  # following has no other end
    assert process.returncode in ends, said
    assert b"Traceback" not in said
    assert os.listdir(room) == []
    assert os.listdir(sparse.parent) == [sparse.name]
    assert sparse.stat().st_size == SIZE_BYTES


def test_whoever_asks_again_and_again_does_not_wait_for_cleaning_up() -> None:
    program = (
        "import aoftool.__main__ as m, signal, time\n"
        "def busy():\n"
        "    word = 'ready'\n"
        "    while True:\n"
        "        try:\n"
        "            print(word, flush=True)\n"
        "            time.sleep(60)\n"
        "        except KeyboardInterrupt:\n"
        "            word = 'more'\n"
        "m._run = busy\n"
        "m.main()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        for word in (b"ready", b"more", b"more"):
            assert process.stdout.readline().strip() == word
            process.send_signal(signal.SIGTERM)
        assert process.wait(WATCHDOG_S) == 130
    finally:
        process.kill()
        process.stdout.close()
