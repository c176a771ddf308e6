"""Open directories: where names lead, who may exchange them, and who holds the lock."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aoftool.cli.app import run
from aoftool.errors import LogInUseError, SourceError, UnsafePathError
from aoftool.files import spool
from aoftool.files.folder import Folder, private_place
from aoftool.repair import unpacked
from aoftool.rewrite.model import OutputFile
from aoftool.rewrite.shares.spill_folder import remove_stale, spill_folder
from aoftool.rewrite.write.outputs import remove_output
from tests import builders

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root is to be careful")
COMMANDS = builders.log([b"SET", b"a", b"1"])


@AS_ROOT
@pytest.mark.parametrize(
    ("owner", "mode", "safe"),
    [
        (0, 0o755, True),
        (0, 0o700, True),
        (0, 0o1777, True),
        (0, 0o777, False),
        (0, 0o775, False),
        (4242, 0o700, False),
    ],
)
def test_a_place_that_others_may_exchange_is_told(owner: int, mode: int, safe: bool, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(mode)
    os.chown(folder, owner, owner)

    assert private_place(str(folder)) == (str(folder) if safe else None)


@AS_ROOT
@pytest.mark.parametrize("owner", [0, 4242])
def test_root_makes_no_copies_in_a_folder_of_somebody_else(
    owner: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gzip

    packed, out = tmp_path / "log.aof.gz", tmp_path / "theirs" / "out.aof"
    packed.write_bytes(gzip.compress(COMMANDS[:-3]))
    out.parent.mkdir()
    os.chown(out.parent, owner, owner)
    places: list[str | None] = []
    real = spool.spooled

    @contextmanager
    def watched(source: object, name: str, *, beside: str | None, **options: object) -> Iterator[str]:
        places.append(beside)
        with real(source, name, beside=beside, **options) as path:  # type: ignore[arg-type]
            yield path

    monkeypatch.setattr(unpacked, "spooled", watched)

    assert run(["fix", "--yes", str(packed), "-o", str(out)]) in (0, 1)

    assert places == [None if owner else str(out.parent)]
    assert out.exists()


def test_a_spill_of_a_process_that_lives_is_not_stale(tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    alive = tmp_path / f".out.aoftool-spill-{os.getppid()}-0a1b2c3d"
    dead = tmp_path / ".out.aoftool-spill-4194305-0a1b2c3d"
    early = tmp_path / ".out.aoftool-spill-4194306-0a1b2c3d"
    for folder in (alive, dead, early):
        folder.mkdir()
        if folder is not early:
            (folder / "lock").touch()

    assert remove_stale(out) == [str(dead), str(early)]
    with spill_folder(out):
        assert alive.exists()


def test_an_output_that_somebody_wrote_to_since_is_not_removed(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for file in (first, second):
        file.write_bytes(b"12345")
    second.write_bytes(b"precious")

    remove_output([OutputFile(str(file), 5) for file in (first, second, tmp_path / "gone")])

    assert sorted(os.listdir(tmp_path)) == ["b"]


def test_names_lead_to_the_same_files_after_a_folder_was_exchanged(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "file").write_bytes(b"ours")
    with Folder.open(str(tmp_path / "log")) as folder:
        (tmp_path / "log").rename(tmp_path / "moved")
        (tmp_path / "log").mkdir()
        (tmp_path / "log" / "file").write_bytes(b"theirs")

        with os.fdopen(folder.open_file("file"), "rb") as file:
            assert file.read() == b"ours"
        with pytest.raises(UnsafePathError, match="is not the folder any more"):
            folder.refuse_swapped()


def test_only_plain_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "fifo")

    with Folder.open(str(tmp_path)) as folder:
        for name in ("fifo", "folder", "link"):
            with pytest.raises(UnsafePathError):
                folder.open_file(name)
        with pytest.raises(SourceError):
            folder.open_file("none")


def test_one_run_at_a_time_holds_the_lock_of_a_folder(tmp_path: Path) -> None:
    with Folder.open(str(tmp_path)) as first, Folder.open(str(tmp_path)) as second:
        first.lock()
        with pytest.raises(LogInUseError, match="another aoftool"):
            second.lock()
        first.close()
        second.lock()

    assert os.listdir(tmp_path) == []
