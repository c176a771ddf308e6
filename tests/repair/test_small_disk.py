"""Repairs on a real file system that is full, or fills up on the way. Needs the right to mount one."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aoftool.cli.app import run
from aoftool.errors import SinkError
from aoftool.files import proven
from aoftool.repair.apply import apply_plan
from aoftool.repair.reading import read_receipt
from aoftool.repair.undo import undo_repair
from tests.repair.hurt_logs import LOGS, contents, hurt_single
from tests.repair.workbench import plan_for, snapshot

DISK_BYTES = 4 << 20
BLOCK_BYTES = 4096
# A repair of these logs takes no more blocks than that, with its folders and its receipt.
MOST_BLOCKS = 30


def mount_memory(folder: Path) -> None:
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder], check=True, capture_output=True
    )


def mount_image(folder: Path) -> None:
    image = folder.with_name("image")
    with image.open("wb") as file:
        file.truncate(DISK_BYTES)
    make = ["mkfs.ext4", "-q", "-F", "-b", str(BLOCK_BYTES), "-O", "^has_journal", "-m", "0", str(image)]
    subprocess.run(make, check=True, capture_output=True)
    subprocess.run(["mount", "-o", "loop", image, folder], check=True, capture_output=True)


MOUNTS: dict[str, Callable[[Path], None]] = {"tmpfs": mount_memory, "ext4": mount_image}


@pytest.fixture(params=MOUNTS)
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        MOUNTS[request.param](folder)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no {request.param} can be mounted here: {error}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def leave_free(disk: Path, blocks: int) -> Path:
    """Fill a disk up to some blocks."""
    ballast = disk / "ballast"
    # Blocks of files that were written or removed a moment ago count only when that is on the disk.
    subprocess.run(["sync", "-f", disk], check=True)
    free = os.statvfs(disk)
    with ballast.open("wb") as file:
        for size in range(free.f_bavail * free.f_frsize - blocks * BLOCK_BYTES, 0, -BLOCK_BYTES):
            with contextlib.suppress(OSError):  # the ballast takes blocks of its own
                os.posix_fallocate(file.fileno(), 0, size)
                break
    return ballast


def emptied(disk: Path) -> Path:
    """Return a folder on the disk, with nothing else there."""
    for entry in disk.iterdir():
        if entry.name != "lost+found":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    (disk / "data").mkdir()
    return disk / "data"


@pytest.mark.parametrize("kind", LOGS)
def test_a_full_disk_leaves_the_old_log_or_the_new_one(
    kind: str, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_full_disks_are_survived(kind, disk, monkeypatch, range(0, MOST_BLOCKS, 3))


@pytest.mark.soak
@pytest.mark.parametrize("kind", LOGS)
def test_a_disk_that_is_full_at_any_block_leaves_the_old_log_or_the_new_one(
    kind: str, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_full_disks_are_survived(kind, disk, monkeypatch, range(MOST_BLOCKS))


def assert_full_disks_are_survived(
    kind: str, disk: Path, monkeypatch: pytest.MonkeyPatch, free_blocks: range
) -> None:
    if kind == "windows":
        monkeypatch.setattr(proven, "WINDOW_BYTES", 1024)
        monkeypatch.setattr(proven, "LITERAL_BYTES", 64)
    path = LOGS[kind](emptied(disk))
    old = contents(path)
    apply_plan(plan_for(path))
    new = contents(path)
    seen = set()

    for blocks in free_blocks:
        path = LOGS[kind](emptied(disk))
        before = snapshot(disk)
        plan = plan_for(path)
        ballast = leave_free(disk, blocks)
        try:
            receipt = apply_plan(plan)
        except SinkError as error:
            failure = str(error)
        else:
            failure = ""
        seen.add(failure[-23:])
        assert contents(path) == (old if failure else new)
        ballast.unlink()
        if failure:
            # With room again nothing of the first attempt is in the way.
            assert snapshot(disk) == before
            receipt = apply_plan(plan_for(path))
        undo_repair(read_receipt(receipt.directory))
        assert contents(path) == old

    assert seen == {"No space left on device", ""}


def test_a_full_disk_is_reported_with_what_to_do(disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = hurt_single(emptied(disk))
    before = path.read_bytes()
    leave_free(disk, 2)

    assert run(["fix", "--salvage", "--yes", str(path)]) == 3

    assert path.read_bytes() == before
    assert "No space left" in capsys.readouterr().err
