"""Archives of captures: a disk that fails is told from an archive that is damaged."""

from __future__ import annotations

import errno
import os
import tarfile
from pathlib import Path

import pytest

from aoftool.captures import bundle
from aoftool.captures.bundle import Texts, read_texts
from aoftool.errors import InputError


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
    with pytest.raises(InputError, match="cannot be read") as caught:
        read_texts(str(archive), Texts())

    assert caught.value.hint == os.strerror(errno.EIO)


def test_an_archive_that_breaks_off_does_not_open(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:40])

    with pytest.raises(InputError, match="does not open"):
        read_texts(str(archive), Texts())
