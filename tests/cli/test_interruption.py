"""A signal ends every verb by itself, however large the file is, and leaves nothing."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet

from aoftool.cli import signals
from aoftool.cli.app import run
from aoftool.files.syscalls import SystemCalls
from tests.builders import log, select
from tests.servers import find_builds

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


def each_on_one_signal() -> list[ParameterSet]:
    """Return every line with one signal, those of the other for a soak: one handler takes both."""
    signals = (signal.SIGINT, signal.SIGTERM)
    return [
        pytest.param(
            line, number, id=f"{line}-{number.name}", marks=[pytest.mark.soak] if (at + of) % 2 else []
        )
        for at, line in enumerate(LINES)
        for of, number in enumerate(signals)
    ]


@pytest.mark.parametrize(("line", "number"), each_on_one_signal())
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


@contextlib.contextmanager
def interrupted(
    monkeypatch: pytest.MonkeyPatch, module: str, name: str, *, after: bool, times: int = 0
) -> Iterator[None]:
    """Interrupt a function, before or behind what it does, when it was called so many times before."""
    real = getattr(importlib.import_module(module), name)
    left = [times]

    def interrupting(*given: Any, **named: Any) -> Any:
        left[0] -= 1
        if left[0] < 0 and not after:
            raise KeyboardInterrupt
        answer = real(*given, **named)
        if left[0] < 0:
            raise KeyboardInterrupt
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(importlib.import_module(module), name, interrupting)
        yield


@pytest.mark.parametrize(
    ("line", "module", "name", "after", "times"),
    [
        ("fix LOG --salvage --yes", "aoftool.check.result", "damage_left", False, 0),
        ("fix LOG --salvage --yes -o OUT", "aoftool.check.result", "damage_left", False, 0),
        ("fix LOG --salvage --yes --verify", "aoftool.servers.load_log", "verify_log", False, 0),
        ("fix LOG --salvage --yes --verify -o OUT", "aoftool.servers.load_log", "verify_log", False, 0),
        ("rewrite SOUND --in-place", "aoftool.api.rewriting", "with_plan", True, 0),
        ("rewrite SOUND -o OUT", "aoftool.api.rewriting", "with_plan", True, 0),
        (
            "rewrite SOUND -o OUT --layout multi-part --target redis-7.2",
            "aoftool.api.rewriting",
            "with_plan",
            True,
            0,
        ),
        ("rewrite SOUND --in-place --verify", "aoftool.rewrite.comparing", "read_state", False, 1),
        ("rewrite SOUND -o OUT --verify", "aoftool.rewrite.comparing", "read_state", False, 1),
    ],
)
def test_what_is_interrupted_before_it_is_told_is_taken_back(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    module: str,
    name: str,
    after: bool,
    times: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if "--verify" in line and not find_builds():
        pytest.skip("no server on this machine")
    names = {
        "LOG": tmp_path / "log" / "hurt.aof",
        "SOUND": tmp_path / "log" / "sound.aof",
        "OUT": tmp_path / "out",
    }
    names["LOG"].parent.mkdir()
    names["SOUND"].write_bytes(COMMANDS)
    names["LOG"].write_bytes(COMMANDS + b"garbage\r\n" + COMMANDS)
    before = {path: path.is_dir() or path.read_bytes() for path in tmp_path.rglob("*")}

    with interrupted(monkeypatch, module, name, after=after, times=times):
        code = run([str(names.get(word, word)) for word in line.split()])

    assert code == 130
    is_in_place = "-o OUT" not in line
    assert ("interrupted; the log was not changed" in capsys.readouterr().err) is is_in_place
    now = {path: path.is_dir() or path.read_bytes() for path in tmp_path.rglob("*")}
    kept = [path for path in now if path.name == "receipt.json"]
    undone = {
        path
        for path in now
        if path not in before and any(receipt.parent in (path, *path.parents) for receipt in kept)
    }
    assert {path: value for path, value in now.items() if path not in undone} == before
    assert all(json.loads(path.read_text("utf-8"))["state"] == "undone" for path in kept)


@pytest.mark.parametrize(
    ("line", "module", "name", "changed"),
    [
        ("fix LOG --salvage --yes", "aoftool.repair.planner", "examine", False),
        ("fix LOG --salvage --yes", "aoftool.repair.apply", "write_lost", False),
        ("fix LOG --salvage --yes", "aoftool.report.plan", "render_done", True),
        ("rewrite LOG --in-place", "aoftool.rewrite.write.in_place", "refuse_result", False),
        ("rewrite LOG --in-place", "aoftool.report.rewrite", "render_rewrite", True),
        ("fix LOG --salvage -n", "aoftool.repair.planner", "examine", None),
        ("rewrite LOG -o OUT", "aoftool.report.rewrite", "render_rewrite", None),
    ],
)
def test_an_interruption_says_whether_the_log_was_changed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    line: str,
    module: str,
    name: str,
    changed: bool | None,
) -> None:
    path = tmp_path / "log" / "appendonly.aof"
    path.parent.mkdir()
    hurt = b"garbage\r\n" if line.startswith("fix") else b""
    path.write_bytes(COMMANDS + hurt + COMMANDS)
    before = path.read_bytes()
    names = {"LOG": path, "OUT": tmp_path / "out"}

    with interrupted(monkeypatch, module, name, after=False):
        code = run([str(names.get(word, word)) for word in line.split()])

    said = capsys.readouterr().err
    assert code == 130
    assert (path.read_bytes() != before) is bool(changed)
    assert ("interrupted; the log was not changed" in said) is (changed is False)
    assert ("interrupted; the log is not what it was" in said) is bool(changed)
    if changed:
        [undo] = re.findall(r"next: aoftool (undo .+)", said)
        assert run(shlex.split(undo)) == 0
        assert path.read_bytes() == before


def test_an_interruption_that_a_destructor_swallows_is_asked_again() -> None:
    program = (
        "import aoftool.__main__ as m, time\n"
        "class Slow:\n"
        "    def __del__(self):\n"
        "        print('ready', flush=True)\n"
        "        time.sleep(60)\n"
        "def busy():\n"
        "    Slow()\n"
        "    time.sleep(60)\n"
        "m._run = busy\n"
        "m.main()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline().strip() == b"ready"
        process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        _, said = process.communicate(timeout=WATCHDOG_S)
    finally:
        process.kill()

    assert process.returncode == 130
    assert said == b""
    assert time.monotonic() - started < 50


def test_whoever_asks_again_and_again_does_not_wait_for_cleaning_up() -> None:
    program = (
        "import aoftool.__main__ as m, aoftool.cli.signals as s, signal, time\n"
        "def busy():\n"
        "    word = 'ready'\n"
        "    while True:\n"
        "        try:\n"
        "            print(word, flush=True)\n"
        "            time.sleep(60)\n"
        "        except KeyboardInterrupt:\n"
        "            word = 'more'\n"
        "m._run, s._PATIENCE_S = busy, 0.05\n"
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


WRITING = [
    "log IN -o OUT",
    "log IN -o OUT --force",
    "simulate IN --svg OUT --force",
    "export IN -o OUT --table commands",
    "snapshot IN -o OUT",
    "rewrite IN -o OUT",
    "rewrite IN -o OUT --layout multi-part --target redis-7.2",
    "fix HURT --salvage --yes -o OUT",
]


class InterruptedCall:
    """Interrupt this process at the n-th call that changes a file, before or behind it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, *, behind: bool) -> None:
        self.calls = 0
        self._at, self._behind = at, behind
        for name, real in list(vars(SystemCalls).items()):
            if not name.startswith("_"):
                monkeypatch.setattr(SystemCalls, name, self._interrupting(real))

    def _interrupting(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            self.calls += 1
            if self.calls == self._at and not self._behind:
                raise KeyboardInterrupt
            try:
                return real(*given, **named)
            finally:
                if self.calls == self._at:
                    raise KeyboardInterrupt

        return call


def written_words(line: str, folder: Path) -> tuple[list[str], Path]:
    """Make a log, and return the words of a line that writes, and where it writes to."""
    log_path, out = folder / "log" / "a.aof", folder / "out"
    log_path.parent.mkdir()
    halves = [log(*(("SET", f"k{n}", n) for n in numbers)) for numbers in (range(40), range(40, 80))]
    log_path.write_bytes(select(0) + (b"garbage\r\n" if "HURT" in line else b"").join(halves))
    places = {"IN": str(log_path), "HURT": str(log_path), "OUT": str(out)}
    return [places.get(word, word) for word in line.split()], out


def fresh(line: str, out: Path) -> dict[str, int]:
    """Take away what was written, put an old output where it is to be replaced, and return what is there."""
    for path in (out, out.with_name("out.lost-and-found")):
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
    if "--force" in line:
        out.write_bytes(b"old")
    return sizes(out.parent)


def before_and_behind(line: str, tmp_path: Path) -> tuple[list[str], Path, dict[str, int], dict[str, int]]:
    """Return the words of a line, where it writes to, and what lies there before and behind its run."""
    words, out = written_words(line, tmp_path)
    old = fresh(line, out)
    assert run(words) in (0, 1)
    return words, out, old, sizes(tmp_path)


@pytest.mark.parametrize("line", WRITING)
def test_an_interruption_at_any_call_leaves_the_old_file_or_the_new_one(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, out, old, new = before_and_behind(line, tmp_path)
    for at in range(1, 200):
        for behind in (False, True):
            fresh(line, out)
            with monkeypatch.context() as patch:
                interrupted_call = InterruptedCall(patch, at, behind=behind)
                code = run(words)

            now = sizes(tmp_path)
            if interrupted_call.calls < at:
                assert at > 4
                return
            assert code == 130
            assert now.keys() in (old.keys(), new.keys()), (at, behind)
            assert now == old or all(abs(now[name] - new[name]) < 100 for name in new), (at, behind)


class SignalledTwice(InterruptedCall):
    """Send this process SIGINT at the n-th call that changes a file, and SIGTERM at one of the next."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, later: int) -> None:
        self._later = later
        super().__init__(monkeypatch, at, behind=False)
        monkeypatch.setattr(signals, "_asked", 0)

    def _interrupting(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            self.calls += 1
            if self.calls == self._at:
                os.kill(os.getpid(), signal.SIGINT)
            if self.calls == self._at + self._later:
                os.kill(os.getpid(), signal.SIGTERM)
            return real(*given, **named)

        return call


@pytest.fixture
def own_signals() -> Iterator[None]:
    """Let signals be taken as the program takes them."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signals._interrupt) for number in numbers]
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@pytest.mark.usefixtures("own_signals")
@pytest.mark.parametrize("line", [WRITING[1], WRITING[5], WRITING[7]])
def test_a_second_signal_lets_cleaning_up_come_to_its_end(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, out, old, new = before_and_behind(line, tmp_path)
    for at in range(1, 200):
        for later in (1, 2):
            fresh(line, out)
            with monkeypatch.context() as patch:
                signalled = SignalledTwice(patch, at, later)
                code = run(words)
                signal.setitimer(signal.ITIMER_REAL, 0)

            if signalled.calls < at:
                assert at > 4
                return
            assert code == 130
            assert sizes(tmp_path).keys() in (old.keys(), new.keys()), (at, later)


def sizes(folder: Path) -> dict[str, int]:
    return {str(path): 0 if path.is_dir() else path.stat().st_size for path in folder.rglob("*")}
