"""A disk without room, or a place that cannot be written, ends a verb with exit 3 and leaves nothing."""

from __future__ import annotations

import gzip
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from aoftool.cli.app import run
from aoftool.cli.room import choose_room
from tests.builders import log

SOUND = log(("SELECT", 0), *(("SET", f"key:{n:05d}", n) for n in range(3000)))
HURT = SOUND + b"garbage" + SOUND
LINES = [
    "inspect LOG",
    "check LOG",
    "fix LOG --salvage -n",
    "fix LOG --salvage -o OUT --yes",
    "rewrite LOG -n",
    "rewrite LOG --quick",
    "rewrite LOG -o OUT",
    "rewrite LOG --salvage -o OUT",
    "keys LOG",
]


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder for temporary files."""
    folder = tmp_path / "room"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    return folder


def words_of(line: str, path: Path, out: Path) -> list[str]:
    return [{"LOG": str(path), "OUT": str(out)}.get(word, word) for word in line.split()]


def packed(tmp_path: Path) -> Path:
    path = tmp_path / "log.aof.gz"
    path.write_bytes(gzip.compress(HURT))
    return path


@pytest.mark.parametrize("line", LINES)
def test_unpacked_data_take_half_of_the_free_space_at_most(
    tmp_path: Path, room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    path = packed(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=20_000))

    code = run(words_of(line, path, tmp_path / "out.aof"))

    said = "".join(capsys.readouterr())
    if line == "inspect LOG":  # reads it once; it says why the savings are not known
        assert code != 70, said
        assert "more than 10,000 bytes" in said
    else:
        assert code == 3, said
        assert "more than 10,000 bytes, half of what is free" in said
        assert "hint: set TMPDIR to a larger disk, or decompress it to a file first" in said
    assert os.listdir(room) == []
    assert sorted(os.listdir(tmp_path)) == ["log.aof.gz", "room"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of 64 KiB; skips where none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"nothing can be mounted here: {error}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("line", LINES[1:])
def test_full_disk_for_temporary_files_is_no_bug(
    tmp_path: Path,
    small_disk: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    line: str,
) -> None:
    path = packed(tmp_path)
    monkeypatch.setenv("TMPDIR", str(small_disk))
    monkeypatch.setattr("tempfile.tempdir", None)
    # The disk fills up on the way: what was free at the start is taken by somebody else.
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=1 << 40))
    out = small_disk / "out.aof"

    code = run(words_of(line, path, out))

    said = "".join(capsys.readouterr())
    assert code == 3, said
    assert "more bytes than there is room for" in said
    assert "hint: set TMPDIR to a larger disk" in said
    assert "Traceback" not in said
    assert os.listdir(small_disk) == []


@pytest.mark.parametrize(
    "line",
    [
        "rewrite LOG -o OUT",
        "rewrite LOG --salvage -o OUT",
        "rewrite LOG --salvage --layout single -o OUT",
        "rewrite LOG -o OUT --memory-limit 64m",
        "fix LOG --salvage --yes -o OUT",
        "log LOG -o OUT",
    ],
)
@pytest.mark.parametrize("how", ["plain", "packed"])
def test_output_that_cannot_be_written_is_no_bug(
    tmp_path: Path, room: Path, capsys: pytest.CaptureFixture[str], line: str, how: str
) -> None:
    path = tmp_path / "log.aof"
    if how == "packed":
        path = packed(tmp_path)
    else:
        path.write_bytes(HURT if "salvage" in line else SOUND)
    out = tmp_path / "nowhere" / "out.aof"

    code = run(words_of(line, path, out))

    said = "".join(capsys.readouterr())
    assert code == 3, said
    assert "Traceback" not in said
    assert os.listdir(room) == []
    assert sorted(os.listdir(tmp_path)) == sorted([path.name, "room"])


# Verbs that need no copy, or make it in their own way: they may have an answer, and never a bug or a rest.
SIBLINGS = [
    "log LOG",
    "log LOG --tail 3",
    "log LOG -o OUT",
    "log LOG --excerpt 40 -o OUT",
    "history key:00001 LOG",
    "audit LOG",
    "growth LOG",
    "diff LOG LOG",
    "diff LOG --at 40",
    "explain LOG --key key:00001",
    "explain LOG --at 40",
    "simulate LOG",
    "simulate LOG --svg OUT",
    "keys LOG --by writes",
    "keys LOG --by same",
    "keys LOG --at 40",
    "inspect LOG --savings",
    "check LOG --level deep",
    "rewrite LOG --salvage --format resp -o OUT",
    "rewrite LOG --memory-limit 64m -o OUT",
    "rewrite LOG --layout multi-part -o OUT",
]


@pytest.mark.parametrize("line", SIBLINGS)
def test_no_verb_leaves_anything_on_a_full_disk(
    tmp_path: Path,
    small_disk: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    line: str,
) -> None:
    path = packed(tmp_path)
    monkeypatch.setenv("TMPDIR", str(small_disk))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=1 << 40))
    (small_disk / "taken").write_bytes(bytes(60_000))

    code = run(words_of(line, path, small_disk / "out.aof"))

    said = "".join(capsys.readouterr())
    assert code in (0, 1, 2, 3), said
    assert "Traceback" not in said
    assert os.listdir(small_disk) == ["taken"] or (code in (0, 1) and "OUT" in line), said


@pytest.mark.parametrize("line", [line for line in SIBLINGS if "OUT" in line])
@pytest.mark.parametrize("place", ["nowhere/out.aof", "file/out.aof", "folder"])
def test_no_verb_takes_a_place_that_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, place: str
) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(HURT if "salvage" in line else SOUND)
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()

    code = run(words_of(line, path, tmp_path / place))

    said = "".join(capsys.readouterr())
    assert code in (2, 3, 4), said
    assert "Traceback" not in said
    assert "next: " in said or "hint: " in said
    assert sorted(os.listdir(tmp_path)) == ["file", "folder", "log.aof"]
    assert os.listdir(tmp_path / "folder") == []


def test_temporary_files_go_to_a_disk_unless_a_place_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/named")
    choose_room()
    assert os.environ["TMPDIR"] == "/named"

    monkeypatch.setenv("TMPDIR", "")
    choose_room()
    assert os.environ["TMPDIR"] == ("/var/tmp" if os.access("/var/tmp", os.W_OK | os.X_OK) else "")


@pytest.mark.parametrize(
    ("line", "length"),
    [
        ("snapshot LOG -o OUT", 255),
        ("rewrite LOG -o OUT --memory-limit 64m", 255),
        # What is taken out lies beside it, under a name that is longer.
        ("fix LOG --salvage --yes -o OUT", 240),
    ],
)
def test_a_name_may_be_as_long_as_a_file_system_takes(tmp_path: Path, line: str, length: int) -> None:
    path, out = tmp_path / "log.aof", tmp_path / ("n" * length)
    path.write_bytes(HURT if "salvage" in line else SOUND)

    assert run(words_of(line, path, out)) == 0

    names = {name for name in os.listdir(tmp_path) if not name.endswith(".lost-and-found")}
    assert names == {"log.aof", out.name}
