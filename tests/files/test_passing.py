"""A file that leaves memory while it grows has the same bytes, and fails as loudly as one that stays."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from aoftool.errors import SinkError
from aoftool.files.sink import AtomicFile
from aoftool.files.syscalls import SystemCalls
from aoftool.files.threads.passing import PassingFile

PIECES = [b"%07d\n" % number for number in range(1000)]


class Syncs(SystemCalls):
    """Counts syncs of data, and fails at one of them."""

    def __init__(self, fail_at: int = -1) -> None:
        self.count, self._fail_at = 0, fail_at

    def sync_data(self, descriptor: int) -> None:
        self.count += 1
        if self.count == self._fail_at:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync_data(descriptor)


def syncing() -> bool:
    return any(thread.name == "syncing behind" for thread in threading.enumerate())


def write(path: Path, calls: SystemCalls, part_bytes: int) -> None:
    with AtomicFile(path) as file, PassingFile(file, calls=calls, part_bytes=part_bytes) as passing:
        for piece in PIECES:
            passing.write(piece)
        passing.finish()
        file.commit()


@pytest.mark.parametrize(("part_bytes", "syncs"), [(1, 1000), (8, 1000), (100, 76), (8000, 1), (8001, 0)])
def test_the_bytes_are_those_that_were_written(tmp_path: Path, part_bytes: int, syncs: int) -> None:
    calls = Syncs()

    write(tmp_path / "out", calls, part_bytes)

    assert (tmp_path / "out").read_bytes() == b"".join(PIECES)
    assert calls.count == syncs
    assert not syncing()


@pytest.mark.parametrize("fail_at", [1, 2, 10])
def test_an_error_of_the_disk_is_told_and_nothing_is_left(tmp_path: Path, fail_at: int) -> None:
    calls = Syncs(fail_at)

    with pytest.raises(SinkError, match=r"cannot write .*Input/output error"):
        write(tmp_path / "out", calls, 800)

    # A sync behind one that failed would say that all is well.
    assert calls.count == fail_at
    assert not os.listdir(tmp_path)
    assert not syncing()


def test_a_block_that_is_left_early_leaves_nothing(tmp_path: Path) -> None:
    def leave() -> None:
        with AtomicFile(tmp_path / "out") as file, PassingFile(file, part_bytes=8) as passing:
            passing.write(PIECES[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leave()

    assert not os.listdir(tmp_path)
    assert not syncing()
