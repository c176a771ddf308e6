"""What is written is synced, read back and compared; a disk that fails or lies is found out."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from aoftool.errors import ReadFailedError, SinkError, VerifyError
from aoftool.files import proven
from aoftool.files.proven import Piece, Span, write_proven
from aoftool.files.sink import AtomicFile
from aoftool.files.syscalls import SystemCalls

WINDOW = 4096 * 4
DATA = bytes(range(256)) * 1000


@pytest.fixture(autouse=True)
def _small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proven, "WINDOW_BYTES", WINDOW)
    monkeypatch.setattr(proven, "LITERAL_BYTES", 1000)
    monkeypatch.setattr(proven, "_COMPARED_BYTES", 1024)


@pytest.fixture
def source(tmp_path: Path) -> Iterator[int]:
    path = tmp_path / "source"
    path.write_bytes(DATA)
    descriptor = os.open(path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def written(out: Path, pieces: list[Piece], calls: SystemCalls | None = None) -> bytes:
    with AtomicFile(out, calls=calls or SystemCalls()) as file:
        write_proven(file, pieces, calls=calls or SystemCalls())
        file.commit()
    return out.read_bytes()


def own_threads() -> list[threading.Thread]:
    """Return the threads of these copies that are alive; other tests leave some of libraries behind."""
    return [thread for thread in threading.enumerate() if thread.name == "proving"]


class Watched(SystemCalls):
    """Remember which thread synced, and the offsets at which ranges were copied."""

    def __init__(self) -> None:
        self.syncing: list[str] = []
        self.copied: list[tuple[int, int]] = []

    def sync_data(self, descriptor: int) -> None:
        self.syncing.append(threading.current_thread().name)
        super().sync_data(descriptor)

    def copy_range(self, source: int, destination: int, offset: int, length: int) -> int:
        self.copied.append((offset, os.lseek(destination, 0, os.SEEK_CUR)))
        return super().copy_range(source, destination, offset, length)


class Failing(SystemCalls):
    """Report a failure of the disk once, at the n-th sync, as the kernel does."""

    def __init__(self, at: int, number: int) -> None:
        self._left = at
        self._number = number

    def sync_data(self, descriptor: int) -> None:
        self._left -= 1
        if self._left == 0:
            raise OSError(self._number, os.strerror(self._number))
        super().sync_data(descriptor)


class Lying(SystemCalls):
    """Change one byte of the file at a place, once everything up to it is written."""

    def __init__(self, place: int) -> None:
        self._place = place
        self._done = False

    def sync_data(self, descriptor: int) -> None:
        super().sync_data(descriptor)
        if not self._done and os.fstat(descriptor).st_size > self._place:
            self._done = True
            found = os.pread(descriptor, 1, self._place)
            os.pwrite(descriptor, bytes([found[0] ^ 1]), self._place)


@pytest.mark.parametrize("head", [0, 1, 999, 1000, 5000, WINDOW, WINDOW * 3 + 17])
def test_pieces_of_all_kinds_come_one_after_the_other(head: int, tmp_path: Path, source: int) -> None:
    pieces: list[Piece] = [
        DATA[:head],
        Span(source, 5, 5, "source"),
        Span(source, 7, len(DATA), "source"),
        b"",
        b"end",
    ]

    assert written(tmp_path / "out", pieces) == DATA[:head] + DATA[7:] + b"end"


def test_nothing_at_all_is_an_empty_file(tmp_path: Path) -> None:
    assert written(tmp_path / "out", []) == b""


def test_many_small_pieces_are_proven_without_being_kept(tmp_path: Path) -> None:
    pieces: list[Piece] = [DATA[at : at + 100] for at in range(0, len(DATA), 100)]

    assert written(tmp_path / "out", pieces) == DATA


def test_a_large_file_is_synced_beside_its_writing_and_a_small_one_is_not(
    tmp_path: Path, source: int
) -> None:
    calls = Watched()

    written(tmp_path / "small", [Span(source, 0, 999, "source")], calls)
    small = list(calls.syncing)
    written(tmp_path / "large", [Span(source, 0, len(DATA), "source")], calls)

    assert small == ["MainThread"]
    assert calls.syncing[1:] == ["proving"] * (len(DATA) // WINDOW + 1)


def test_behind_an_edit_of_equal_length_copies_start_at_the_same_multiple_of_a_block(
    tmp_path: Path, source: int
) -> None:
    calls = Watched()

    written(
        tmp_path / "out",
        [Span(source, 0, 5000, "source"), b"1234", Span(source, 5004, len(DATA), "source")],
        calls,
    )

    aligned = [(start, at) for start, at in calls.copied if start >= WINDOW]
    assert aligned == [(at, at) for at in range(WINDOW, len(DATA), WINDOW)]


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("at", [1, 2, 9, len(DATA) // WINDOW + 1])
def test_a_sync_that_fails_once_in_the_thread_fails_the_whole(
    at: int, number: int, tmp_path: Path, source: int
) -> None:
    with pytest.raises(SinkError, match=os.strerror(number)):
        written(tmp_path / "out", [Span(source, 0, len(DATA), "source")], Failing(at, number))

    assert os.listdir(tmp_path) == ["source"]
    assert not own_threads()


@pytest.mark.parametrize("place", [0, 4999, 5000, WINDOW, len(DATA) - 1])
def test_a_byte_that_reads_back_as_another_is_found(place: int, tmp_path: Path, source: int) -> None:
    pieces: list[Piece] = [
        Span(source, 0, 5000, "source"),
        DATA[5000:5500],
        Span(source, 5500, len(DATA), "source"),
    ]

    with pytest.raises(VerifyError, match="did not read back") as caught:
        written(tmp_path / "out", pieces, Lying(place))

    assert caught.value.offset is not None
    assert 0 <= place - caught.value.offset < 1024
    assert os.listdir(tmp_path) == ["source"]


def test_a_source_that_ends_early_leaves_nothing_and_no_thread(tmp_path: Path, source: int) -> None:
    with pytest.raises(ReadFailedError, match=f"source at offset {len(DATA)}: the file ends here"):
        written(tmp_path / "out", [Span(source, 0, len(DATA) + 10, "source")])

    assert os.listdir(tmp_path) == ["source"]
    assert not own_threads()


def test_a_failure_to_write_stops_the_thread_too(tmp_path: Path, source: int) -> None:
    class Full(SystemCalls):
        def copy_range(self, source: int, destination: int, offset: int, length: int) -> int:
            if offset > WINDOW * 4:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().copy_range(source, destination, offset, length)

    with pytest.raises(SinkError, match="No space left"):
        written(tmp_path / "out", [Span(source, 0, len(DATA), "source")], Full())

    assert os.listdir(tmp_path) == ["source"]
    assert not own_threads()
