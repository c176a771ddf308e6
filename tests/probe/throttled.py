"""A disk that is held to a rate: a loop device behind a limit of its control group, where one can be made."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

_GROUPS = Path("/sys/fs/cgroup/blkio")
_SIZE_BYTES = 1300 << 20


@dataclass(frozen=True)
class ThrottledDisk:
    """A mounted file system, and the group whose processes are held back."""

    folder: Path
    group: Path
    number: str

    def limit(self, bytes_per_s: int) -> None:
        """Hold writes to a rate."""
        (self.group / "blkio.throttle.write_bps_device").write_text(f"{self.number} {bytes_per_s}\n")


@contextlib.contextmanager
def throttled_disk(folder: Path) -> Iterator[ThrottledDisk]:
    """Make a disk; skips the test where that takes rights, tools or control groups that are not there."""
    tools = ("mkfs.ext4", "losetup", "mount", "umount")
    if os.geteuid() or not all(map(shutil.which, tools)) or not (_GROUPS / "cgroup.procs").exists():
        pytest.skip("no throttled disk can be made here")
    image, mounted = folder / "image", folder / "disk"
    mounted.mkdir()
    with image.open("wb") as file:
        file.truncate(_SIZE_BYTES)
    with contextlib.ExitStack() as stack:
        try:
            _run("mkfs.ext4", "-q", "-F", "-m", "0", str(image))
            device = _run("losetup", "-f", "--show", str(image)).strip()
            stack.callback(_run, "losetup", "-d", device)
            _run("mount", device, str(mounted))
            stack.callback(_run, "umount", str(mounted))
            group = _GROUPS / f"aoftool-test-{os.getpid()}"
            group.mkdir()
            stack.callback(group.rmdir)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no throttled disk can be made here: {error}")
        number = Path(f"/sys/block/{Path(device).name}/dev").read_text().strip()
        yield ThrottledDisk(mounted, group, number)


def _run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout
