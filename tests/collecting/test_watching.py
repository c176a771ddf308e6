"""Programs that look at the machine for a while: what they say is kept, and none of them stays."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from types import FrameType

import pytest

from aoftool.collecting.watching import sample_tools


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return folder


def test_what_they_say_is_kept(tools: Path) -> None:
    program(tools, "vmstat", "echo up")
    program(tools, "iostat", "exit 1")
    program(tools, "strace", 'trap "echo last >&2; exit" TERM INT\necho attached >&2\nsleep 60 & wait')

    found = sample_tools(0.2, os.getpid(), 0.5)

    assert found == {"strace.txt": "attached\nlast\n", "vmstat.txt": "up\n", "iostat.txt": None}


@pytest.mark.parametrize("traced_s", [60.0, 0.0], ids=["traced", "sampled"])
def test_an_interruption_ends_them(tools: Path, traced_s: float, tmp_path: Path) -> None:
    for name in ("vmstat", "iostat", "strace"):
        program(tools, name, f"echo $$ >{tmp_path}/{name}.pid\nexec sleep 60")
    expected = {"vmstat", "iostat", *(["strace"] if traced_s else [])}

    def interrupt(number: int, frame: FrameType | None) -> None:
        # Not before all of them run: a signal in between is another story.
        if {path.stem for path in tmp_path.glob("*.pid") if path.read_text()} == expected:
            raise KeyboardInterrupt
        signal.setitimer(signal.ITIMER_REAL, 0.05)

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            sample_tools(60, os.getpid(), traced_s)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    pids = [int(path.read_text()) for path in tmp_path.glob("*.pid")]
    deadline = time.monotonic() + 10
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)  # `timeout` passes the signal on, and does not wait
    assert [pid for pid in pids if alive(pid)] == []
