"""A container that dies again and again: `aoftool guard` before a real server, and everything comes back.

Every value that is still whole in the file is there when the server is up; no more than the limit goes, and
what is kept stays bounded.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import Build, require_build
from tests.servers.wire import Wire

KEEP = 3
LIMIT = 64 * 1024
_WAIT_S = 60.0
_COUNT = re.compile(rb"\*3\r\n\$3\r\nSET\r\n\$1\r\nn\r\n\$\d+\r\n(\d+)\r\n")
_FILL = b"x" * 400


class Talk(Wire):
    """A connection that takes one command at a time."""

    def send(self, *argv: str | bytes) -> Any:
        (reply,) = self.exchange([argv])
        return reply


class Container:
    """Data on a volume, and one process that is the guard and then the server."""

    def __init__(self, build: Build, volume: Path) -> None:
        self.build = build
        self.volume = volume
        # A socket has a short path.
        self.folder = Path(tempfile.mkdtemp(prefix="aof-"))
        self.socket = self.folder / "s"
        (self.folder / "conf").write_text(
            f"dir {volume}\nport 0\nunixsocket {self.socket}\nappendonly yes\nappendfsync always\nsave ''\n"
            "auto-aof-rewrite-percentage 0\n"
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> Talk:
        """Start, and return a connection once it answers; raise when it ends instead."""
        words = [sys.executable, "-m", "aoftool", "guard", "--keep", str(KEEP), *options, str(self.volume)]
        path = os.pathsep.join(entry for entry in sys.path if entry)
        self.socket.unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*words, "--", str(self.build.path), str(self.folder / "conf")],
                env={**os.environ, "PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wire = Talk(self.socket)
        until = time.monotonic() + _WAIT_S
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AssertionError(f"exit {self.process.returncode}: {self.said()}")
            try:
                if wire.send("PING") == b"PONG":
                    # Not a child of the guard: the guard itself.
                    (pid,) = re.findall(rb"process_id:(\d+)", wire.send("INFO", "server"))
                    assert int(pid) == self.process.pid
                    return wire
            except Exception as error:
                last = error
            time.sleep(0.02)
        raise AssertionError(f"no answer: {last}: {self.said()}")

    def said(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")[-3000:]

    def kill(self, number: int = signal.SIGKILL) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(30)

    def remove(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def incr(self) -> Path:
        return max((self.volume / "appendonlydir").glob("*.incr.aof"))

    def kept(self) -> list[Path]:
        return sorted((self.volume / "appendonlydir").glob("aoftool-fix-*"))


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    made = Container(require_build("valkey-9"), tmp_path)
    yield made
    made.remove()


def count(wire: Talk, start: int, seconds: float) -> int:
    """Write numbers one behind the other for a while; return the last that was acknowledged.

    A few at least: on a busy machine a while may be over before the first.
    """
    until = time.monotonic() + seconds
    number = start
    while number < start + 3 or time.monotonic() < until:
        number += 1
        assert wire.send("SET", "n", str(number)) == b"OK"
        wire.send("SET", "fill", _FILL)
    return number


def hurt(path: Path, chance: random.Random) -> str:
    """Do to the end of a file what crashes do; return what."""
    size = path.stat().st_size
    what = chance.choice(["nothing", "torn", "torn far", "zeros", "zero-filled", "half a write", "a bit"])
    with path.open("r+b") as file:
        if what == "torn":
            file.truncate(size - chance.randint(1, min(size - 1, 30)))
        elif what == "torn far":
            file.truncate(size - chance.randint(1, min(size - 1, 2000)))
        elif what == "zeros":
            file.truncate(size + chance.randint(1, 8192))
        elif what == "zero-filled":
            file.truncate(size - chance.randint(1, min(size - 1, 1000)))
            file.truncate(size)
        elif what == "half a write":
            file.seek(size)
            file.write((b"*3\r\n$3\r\nSET\r\n$4\r\nfill\r\n$400\r\n" + _FILL)[: chance.randint(1, 400)])
        elif what == "a bit":
            # In the head of a command: in a payload nobody would see it.
            raw = path.read_bytes()
            at = raw.rfind(b"*3\r\n", 0, chance.randint(size // 2, size))
            if at > 0:
                file.seek(at)
                file.write(b"j")
    return what


@pytest.mark.parametrize(
    "rounds", [10, pytest.param(100, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])]
)
def test_server_comes_back_from_every_crash_with_all_that_is_whole(container: Container, rounds: int) -> None:
    chance = random.Random(rounds)
    wire = container.start("--max-loss", str(LIMIT))
    acknowledged = 0
    for _ in range(rounds):
        acknowledged = count(wire, acknowledged, chance.uniform(0.02, 0.15))
        assert container.kill() == -signal.SIGKILL
        written = [int(number) for number in _COUNT.findall(container.incr.read_bytes())]
        assert written[-1] >= acknowledged
        what = hurt(container.incr, chance)
        whole = [int(number) for number in _COUNT.findall(container.incr.read_bytes())]

        wire = container.start("--max-loss", str(LIMIT))

        there = int(wire.send("GET", "n"))
        # A bit in the head of a command may lose that one.
        assert there == whole[-1] or (what == "a bit" and there >= whole[-1] - 1), container.said()
        assert 0 <= len(container.kept()) <= KEEP
        acknowledged = max(there, acknowledged)
    assert container.kill(signal.SIGTERM) == 0, "a signal reaches the server itself"


def test_beyond_the_limit_it_does_not_start_and_changes_nothing(container: Container) -> None:
    wire = container.start()
    count(wire, 0, 0.05)
    container.kill()
    raw = container.incr.read_bytes()
    broken = raw[: len(raw) // 2] + b"\xff" * 5000 + raw[len(raw) // 2 :]
    container.incr.write_bytes(broken)

    with pytest.raises(AssertionError, match="exit 4"):
        container.start("--max-loss", "4k")

    assert container.incr.read_bytes() == broken
    assert container.kept() == []
    assert "not started on a damaged log" in container.said()
    assert "next: aoftool fix" in container.said()


@pytest.mark.parametrize("rounds", [3, pytest.param(40, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
def test_guard_that_is_killed_itself_leaves_what_the_next_one_starts_on(
    container: Container, rounds: int
) -> None:
    chance = random.Random(rounds)
    wire = container.start("--max-loss", str(LIMIT))
    last = count(wire, 0, 0.1)
    container.kill()
    for _ in range(rounds):
        with container.incr.open("ab") as file:
            file.write(b"*3\r\n$3\r\nSET\r\n$1\r\nn\r\n$5\r\n12")
        words = [sys.executable, "-m", "aoftool", "guard", "--max-loss", "64k", str(container.volume)]
        path = os.pathsep.join(entry for entry in sys.path if entry)
        process = subprocess.Popen(
            words, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        time.sleep(chance.uniform(0.05, 0.4))
        process.kill()
        process.communicate()

        wire = container.start("--max-loss", str(LIMIT))

        assert int(wire.send("GET", "n")) >= last
        assert len(container.kept()) <= KEEP
        last = count(wire, last, 0.02)
        container.kill()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a file system of 3 MiB, where this user may make one."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", place], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("no file system of its own can be made here")
    yield place
    subprocess.run(["umount", place], check=False)


def fill(path: Path) -> None:
    """Take all the room there is."""
    with path.open("ab", buffering=0) as file:
        while shutil.disk_usage(path.parent).free:
            with contextlib.suppress(OSError):
                file.write(b"x" * 4096)


@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
def test_server_comes_back_on_a_full_disk(small_disk: Path, rounds: int) -> None:
    container = Container(require_build("valkey-9"), small_disk)
    chance = random.Random(rounds)
    try:
        wire = container.start("--max-loss", str(LIMIT))
        last = count(wire, 0, 0.05)
        for _ in range(rounds):
            filler = small_disk / "filler"
            fill(filler)
            container.kill()
            size = container.incr.stat().st_size
            os.truncate(container.incr, size - chance.randint(1, 300))
            whole = int(_COUNT.findall(container.incr.read_bytes())[-1])

            wire = container.start("--max-loss", str(LIMIT))

            assert int(wire.send("GET", "n")) == whole
            assert len(container.kept()) <= KEEP
            filler.unlink()
            last = count(wire, max(last, whole), 0.05)
    finally:
        container.remove()
