"""Archives of captures: a disk that fails is told from an archive that is damaged."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from aoftool.captures import bundle
from aoftool.captures.bundle import Texts, read_texts
from aoftool.errors import InputError, ReadFailedError, SourceError
from tests.faults import Fault


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    text, path = tmp_path / "info.txt", tmp_path / "bundle.tgz"
    text.write_text("redis_version:7.0.15\r\n" * 2000)
    with tarfile.open(path, "w:gz") as file:
        file.add(text, "bundle/info.txt")
    return path


def test_a_read_error_is_none_of_the_archive(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(bundle, "_read_all", fail)
    with pytest.raises(ReadFailedError, match=os.strerror(errno.EIO)) as caught:
        read_texts(str(archive), Texts())

    assert caught.value.path == str(archive)


@pytest.mark.parametrize("named", [".", "info.txt"])
def test_a_read_error_names_its_file(tmp_path: Path, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is named, and one of a folder: neither is passed over, the other may be sound."""
    for name in ("info.txt", "other.txt"):
        (tmp_path / name).write_text("redis_version:7.0.15\r\n" * 20)
    fault = Fault.at(tmp_path / "info.txt", 40)
    done = subprocess.run(
        [sys.executable, "-m", "aoftool", "advise", str(tmp_path / named)],
        env=fault.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 3
    assert f"   file: {tmp_path / 'info.txt'}" in done.stderr
    assert "dmesg" in done.stderr


def test_a_file_that_is_not_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        read_texts(str(tmp_path / "none"), Texts())

    assert caught.value.hint == "check the name"


def test_an_archive_that_breaks_off_does_not_open(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:40])

    with pytest.raises(InputError, match="does not open"):
        read_texts(str(archive), Texts())


@pytest.mark.parametrize(
    ("flag", "method", "told"),
    [(1, 0, "with a password"), (0, 99, "does not open")],
    ids=["locked", "method"],
)
def test_a_zip_that_cannot_be_unpacked_is_told_as_such(
    tmp_path: Path, flag: int, method: int, told: str
) -> None:
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("bundle/info.txt", "redis_version:7.0.15\r\n" * 20)
    raw = bytearray(path.read_bytes())
    for header in (0, raw.index(b"PK\x01\x02") + 2):
        raw[header + 6] |= flag
        raw[header + 8] |= method
    path.write_bytes(raw)

    with pytest.raises(InputError, match=told):
        read_texts(str(path), Texts())
