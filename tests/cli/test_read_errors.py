"""A disk that gives an error in place of bytes ends every verb: exit 3, and nothing is written."""

from __future__ import annotations

import errno
import functools
import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import pytest
from _pytest.mark.structures import ParameterSet

from aoftool.cli.app import run
from tests.builders import (
    log,
    rdb,
    rdb_database,
    rdb_record,
    rdb_string,
    select,
    timestamp,
    transaction,
    write_multi_part,
)
from tests.faults import ONCE, Fault

BAD = os.strerror(errno.EIO)
WATCHDOG_S = 300
Tree = dict[str, bytes]


def stream(first: int, count: int) -> bytes:
    """Return commands with times, most of them overwritten or deleted later on."""
    pieces = [
        timestamp(1_700_000_000 + n)
        + log(("SET", f"key:{n % 60:04d}", f"{n:040d}"), ("DEL", f"base:{n:04d}"))
        for n in range(first, first + count)
    ]
    return select(0) + b"".join(pieces) + transaction(("INCR", "n"), ("SADD", "set", first))


@functools.cache
def preamble() -> bytes:
    records = [rdb_record(0, f"base:{n:04d}", rdb_string(f"{n:030d}")) for n in range(300)]
    return rdb(rdb_database(0, *records), aux={"redis-ver": "7.2.4", "aof-base": 1})


TORN = log(("SET", "torn", "x" * 100))[:-40]
HURT = b"\x00\xffgarbage where a command should be\r\n" * 3


def multi_part(folder: Path, end: bytes = b"") -> list[Path]:
    incrs = [stream(0, 120), stream(120, 80) + end]
    write_multi_part(folder, base=preamble(), base_is_rdb=True, incrs=incrs)
    return sorted(folder.iterdir())


def single(folder: Path, content: bytes) -> list[Path]:
    folder.mkdir()
    path = folder / "appendonly.aof"
    path.write_bytes(content)
    return [path]


def sealed(folder: Path) -> list[Path]:
    """Make a sealed copy, as `snapshot` does."""
    original = folder.with_name(folder.name + "-original")
    multi_part(original)
    assert run(["snapshot", "--seal", "-o", str(folder), str(original)]) == 0
    shutil.rmtree(original)
    return sorted(path for path in folder.iterdir() if path.suffix != ".json")


LAYOUTS: dict[str, Callable[[Path], list[Path]]] = {
    "multi-part": multi_part,
    "single": lambda folder: single(folder, preamble() + stream(0, 120)),
    "torn-parts": lambda folder: multi_part(folder, TORN),
    "torn": lambda folder: single(folder, preamble() + stream(0, 120) + TORN),
    "sealed": sealed,
    "hurt": lambda folder: single(folder, preamble() + stream(0, 80) + HURT + stream(80, 80) + TORN),
}


@dataclass(frozen=True)
class Line:
    """A command line; LOG stands for the log, COPY for a sound copy of it, OUT for a new name."""

    words: str
    layouts: tuple[str, ...] = ("multi-part", "single")
    part: bool = False
    """It need not read every byte of the log."""
    walked: bool = False
    """It reads places again and again."""


LINES = [
    Line("inspect LOG", walked=True),
    Line("inspect LOG --no-contents --no-savings"),
    Line("inspect LOG --by key"),
    Line("inspect LOG --by type", part=True, walked=True),
    Line("inspect LOG --by size", part=True, walked=True),
    Line("check LOG", ("torn-parts", "single", "hurt")),
    Line("check LOG --level quick", ("torn-parts", "single", "hurt"), part=True),
    Line("check LOG --level deep", walked=True),
    Line("fix LOG --yes", ("torn-parts", "torn"), walked=True),
    Line("fix LOG -n", ("torn-parts", "torn"), walked=True),
    Line("fix LOG -o OUT --yes", ("torn-parts", "torn"), walked=True),
    Line("fix LOG --salvage --yes", ("torn-parts", "hurt"), walked=True),
    Line("fix LOG --salvage -o OUT --yes", ("torn-parts", "hurt"), walked=True),
    Line("fix LOG --salvage -n --json", ("hurt",), walked=True),
    Line("fix LOG --before EXEC --yes", ("torn-parts", "torn"), walked=True),
    Line("fix LOG --drop-command DEL --yes", ("torn-parts", "torn"), walked=True),
    Line("rewrite LOG -o OUT", walked=True),
    Line("rewrite LOG -o OUT --format resp --layout single", walked=True),
    Line("rewrite LOG --in-place", walked=True),
    Line("rewrite LOG --in-place --memory-limit 64m", walked=True),
    Line("rewrite LOG -o OUT --jobs 2"),
    Line("rewrite LOG -o OUT --jobs 2 --memory-limit 64m"),
    Line("rewrite LOG -n", walked=True),
    Line("rewrite LOG --quick", part=True, walked=True),
    Line("rewrite LOG --salvage -o OUT", ("torn-parts", "hurt"), walked=True),
    Line("keys LOG", walked=True),
    Line("keys LOG --base", part=True),
    Line("keys LOG --values --json"),
    Line("keys LOG --by writes", walked=True),
    Line("keys LOG --by size", part=True),
    Line("keys LOG --by ttl"),
    Line("keys LOG --by same"),
    Line("growth LOG", walked=True),
    Line("growth LOG --by db --csv"),
    Line("simulate LOG", walked=True),
    Line("log LOG"),
    Line("log LOG --json --key n"),
    Line("log LOG --tail 3", part=True),
    Line("log LOG --follow"),
    Line("log LOG -o OUT", walked=True),
    Line("history n LOG", walked=True),
    Line("history --match key:* LOG --values"),
    Line("audit LOG"),
    Line("audit LOG --replay always --json", walked=True),
    Line("diff LOG COPY", walked=True),
    Line("diff COPY LOG --json"),
    Line("check LOG", ("sealed",), walked=True),
    Line("export LOG -o OUT", ("multi-part",)),
    Line("report LOG -o OUT", ("multi-part",)),
    Line("simulate LOG --svg OUT", ("multi-part",)),
    Line("guard LOG", ("torn-parts",), walked=True),
    Line("advise --aof LOG --html OUT", ("multi-part",), walked=True),
    Line("explain LOG --key n", part=True, walked=True),
    Line("explain LOG --key base:0250", part=True, walked=True),
]


def cases(*, walked: bool) -> list[ParameterSet]:
    return [
        pytest.param(line, layout, id=f"{layout}: {line.words}")
        for line in LINES
        for layout in line.layouts
        if not walked or line.walked
    ]


CASES, WALKED = cases(walked=False), cases(walked=True)
"""A verb of `WALKED` is run once for every time that it reads a place."""


def tree(folder: Path) -> Tree:
    """Return every file below a folder with its bytes, every folder with none."""
    return {
        str(path.relative_to(folder)): b"" if path.is_dir() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
    }


def places(path: Path) -> Iterator[int]:
    """Yield offsets of a file: its first byte, some of its RDB part, the edges of commands, its end."""
    content = path.read_bytes()
    rdb_end = len(preamble()) if content.startswith(b"REDIS") else 0
    yield 0
    if rdb_end:
        yield rdb_end // 2
        yield rdb_end - 4
    if rdb_end < len(content):
        middle = (rdb_end + len(content)) // 2
        edge = content.index(b"#TS:", middle) if b"#TS:" in content[middle:] else rdb_end
        yield from (rdb_end, edge, edge + 9, len(content) - 1)


class Workplace:
    """A folder with a log, a sound copy of it, and nothing else."""

    def __init__(self, folder: Path, layout: str) -> None:
        self.folder = folder
        self.files = LAYOUTS[layout](folder / "log")
        LAYOUTS[layout](folder / "copy")
        (folder / "temporary").mkdir()
        self.before = tree(folder)

    def words(self, line: Line) -> list[str]:
        names = {"LOG": "log", "COPY": "copy", "OUT": "out"}
        return [str(self.folder / names[word]) if word in names else word for word in line.words.split()]


@pytest.fixture
def watchdog() -> Iterator[None]:
    """End a test that hangs; no test comes near it."""

    def bark(number: int, frame: FrameType | None) -> None:
        pytest.fail("the verb never returned")

    before = signal.signal(signal.SIGALRM, bark)
    signal.alarm(WATCHDOG_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("watchdog")
@pytest.mark.parametrize(("line", "layout"), CASES)
def test_read_error_ends_the_verb(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    line: Line,
    layout: str,
) -> None:
    work = Workplace(tmp_path, layout)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    for path in work.files:
        for place in dict.fromkeys(places(path)):
            fault = Fault.at(path, place)
            with monkeypatch.context() as patch:
                fault.install(patch)
                code = run(work.words(line))

            said = "".join(capfd.readouterr())
            where = f"{path.name} at {place}: exit {code}\n{said}"
            if line.part and not fault.failed:
                assert code in (0, 1), where
                continue
            check_refusal(work, path, place, code, said)


@pytest.mark.usefixtures("watchdog")
@pytest.mark.parametrize(("line", "layout"), WALKED)
def test_read_error_at_any_reading_of_a_place_ends_the_verb(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    line: Line,
    layout: str,
) -> None:
    work = Workplace(tmp_path, layout)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    path = work.files[-2] if len(work.files) > 1 else work.files[0]
    place = max(places(path)) - 200
    for late in itertools.count():
        fault = Fault.at(path, place, times=ONCE, late=late)
        with monkeypatch.context() as patch:
            fault.install(patch)
            code = run(work.words(line))

        said = "".join(capfd.readouterr())
        if not fault.failed and code != 3:
            assert late or line.part
            assert code in (0, 1), said
            break
        check_refusal(work, path, place, code, said)


def check_refusal(work: Workplace, path: Path, place: int, code: int, said: str) -> None:
    """Check what a run left that met an error at a place of a file."""
    where = f"{path.name} at {place}: exit {code}\n{said}"
    assert code == 3, where
    assert BAD in said, where
    assert f"offset {place}" in said or f'"offset": {place}' in said, where
    assert str(path) in said, where
    assert "hint: " in said or '"hint": "' in said, where
    assert "Traceback" not in said, where
    assert tree(work.folder) == work.before, where


@pytest.mark.parametrize(
    ("words", "layout"),
    [
        ("rewrite LOG --in-place", "single"),
        ("fix LOG --yes", "torn"),
        ("log LOG", "single"),
        ("snapshot LOG -o OUT", "single"),
    ],
)
def test_whole_program_on_a_disk_that_fails(tmp_path: Path, words: str, layout: str) -> None:
    work = Workplace(tmp_path, layout)
    path = work.files[0]
    for place in dict.fromkeys(places(path)):
        done = subprocess.run(
            [sys.executable, "-m", "aoftool", *work.words(Line(words))],
            env={**Fault.at(path, place).environment(), "TMPDIR": str(tmp_path / "temporary")},
            capture_output=True,
            text=True,
            check=False,
            timeout=WATCHDOG_S,
        )
        check_refusal(work, path, place, done.returncode, done.stdout + done.stderr)


@pytest.mark.parametrize(
    "words", ["undo RECEIPT", "undo --forget RECEIPT", "simulate --info LIST", "fleet --list LIST"]
)
def test_what_lies_beside_a_log_and_cannot_be_read_ends_the_verb(tmp_path: Path, words: str) -> None:
    work = Workplace(tmp_path, "torn")
    assert run(["fix", "--yes", str(work.files[0])]) == 0
    (receipt,) = work.files[0].parent.glob("*/receipt.json")
    listed = tmp_path / "list"
    listed.write_text(f"{work.files[0]}\n")
    before = tree(tmp_path)
    path = listed if "LIST" in words else receipt

    done = subprocess.run(
        [sys.executable, "-m", "aoftool"]
        + [{"RECEIPT": str(receipt), "LIST": str(listed)}.get(word, word) for word in words.split()],
        env=Fault.at(path, 0).environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=WATCHDOG_S,
    )

    assert done.returncode == 3, done
    assert BAD in done.stderr
    assert f"   file: {path}" in done.stderr
    assert "   hint: look for disk errors" in done.stderr
    assert tree(tmp_path) == before
