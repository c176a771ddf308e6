"""Who writes to a file is told by the kernel, and nobody opens one while it is cut."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aoftool.errors import PlanStaleError
from aoftool.files.folder import Folder
from aoftool.files.inplace import cut_tail
from aoftool.files.leases import alone_with, is_written_to
from aoftool.files.syscalls import SystemCalls

OLD = b"x" * 4000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "log"
    made.write_bytes(OLD)
    with made.open("ab"):
        if not is_written_to(str(made)):
            pytest.skip("this file system gives no leases")
    return made


@contextmanager
def another_process(path: Path, mode: str) -> Iterator[None]:
    with path.open(mode) as file:
        other = subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[file.fileno()]
        )
    try:
        yield
    finally:
        other.communicate(b"\n")


def test_a_writer_is_told_and_a_reader_is_none(path: Path) -> None:
    identity = path.stat().st_dev, path.stat().st_ino

    assert not is_written_to(str(path))
    with another_process(path, "ab"):
        assert is_written_to(str(path))
        assert is_written_to(str(path), identity)
        assert not is_written_to(str(path), (identity[0], identity[1] + 1))
    with another_process(path, "rb"):
        assert not is_written_to(str(path))
    assert not is_written_to(str(path))
    assert not is_written_to(str(path.parent))
    assert not is_written_to(str(path.with_name("none")))


def test_who_opens_a_file_that_somebody_is_alone_with_waits(path: Path) -> None:
    opened = threading.Event()

    def open_it() -> None:
        with path.open("ab"):
            opened.set()

    descriptor = os.open(path, os.O_RDWR)
    other = threading.Thread(target=open_it)
    with alone_with(descriptor):
        other.start()
        # This process lives on, although the kernel sends it a signal.
        assert not opened.wait(0.3)
    assert opened.wait(20)
    other.join()
    os.close(descriptor)


def test_what_somebody_else_reads_can_be_cut(path: Path) -> None:
    with another_process(path, "rb"), Folder.open(str(path.parent)) as folder:
        cut_tail(folder, "log", 5, expected_bytes=len(OLD))

    assert path.read_bytes() == OLD[:5]


def test_nobody_writes_between_the_last_look_and_the_cut(path: Path) -> None:
    late = b"written late"
    writers: list[threading.Thread] = []

    class Late(SystemCalls):
        def truncate(self, descriptor: int, size_bytes: int) -> None:
            def write() -> None:
                with path.open("ab") as file:
                    file.write(late)

            writers.append(threading.Thread(target=write))
            writers[0].start()
            writers[0].join(0.2)
            super().truncate(descriptor, size_bytes)

    with Folder.open(str(path.parent)) as folder:
        cut_tail(folder, "log", 5, expected_bytes=len(OLD), calls=Late())
    writers[0].join()

    assert path.read_bytes() == OLD[:5] + late


def test_another_file_of_the_same_size_is_not_cut(path: Path) -> None:
    inode = path.stat().st_ino
    (path.parent / "new").write_bytes(b"y" * len(OLD))
    (path.parent / "new").rename(path)

    with (
        Folder.open(str(path.parent)) as folder,
        pytest.raises(PlanStaleError, match="changed after it was read"),
    ):
        cut_tail(folder, "log", 5, expected_bytes=len(OLD), is_same=lambda status: status.st_ino == inode)

    assert path.read_bytes() == b"y" * len(OLD)
