"""Sources hand out the same bytes whatever carries them, and survive what happens to the file."""

from __future__ import annotations

import errno
import gzip
import io
import os
import random
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from aoftool.errors import InputError, ReadFailedError, SourceError
from aoftool.files import ChangeKind, Source, carrier, open_source, open_stream
from aoftool.files.syscalls import ReadCalls
from tests.faults import ALWAYS, ONCE, Fault

DATA = b"".join(b"*2\r\n$4\r\nINCR\r\n$8\r\nkey:%04d\r\n" % (n % 977) for n in range(20_000))


def read_all(source: Source, step: int = 100_000) -> bytes:
    buffer = memoryview(bytearray(step))
    pieces = []
    while count := source.read_into(buffer):
        pieces.append(bytes(buffer[:count]))
    return b"".join(pieces)


def kinds(source: Source) -> list[ChangeKind]:
    return [change.kind for change in source.changes()]


def zstd(data: bytes, **options: int | bool) -> bytes:
    return zstandard.ZstdCompressor(**options).compress(data)  # type: ignore[arg-type]


CARRIED = {
    "plain": DATA,
    "gzip": gzip.compress(DATA),
    "gzip-members": gzip.compress(DATA[:5000]) + gzip.compress(b"") + gzip.compress(DATA[5000:]),
    "gzip-zero-padded": gzip.compress(DATA[:5000]) + b"\0" * 512 + gzip.compress(DATA[5000:]) + b"\0" * 700,
    "zstd": zstd(DATA),
    "zstd-checksum": zstd(DATA, write_checksum=True),
    "zstd-frames": zstd(DATA[:5000]) + zstd(b"") + zstd(DATA[5000:], write_checksum=True),
    "zstd-skippable": b"\x50\x2a\x4d\x18\x05\0\0\0hello" + zstd(DATA) + b"\x5f\x2a\x4d\x18\0\0\0\0",
    "zstd-no-content-size": zstd(DATA, write_content_size=False),
}


@pytest.fixture(params=CARRIED, ids=str)
def carried(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "log.bin"
    path.write_bytes(CARRIED[request.param])
    return path


@pytest.mark.parametrize("step", [1 << 20, 4096, 61])
def test_every_carrier_gives_the_same_bytes(carried: Path, step: int) -> None:
    with open_source(carried) as source:
        got = read_all(source, step)

        assert got == DATA
        assert source.tell() == len(DATA)
        assert source.changes() == []


def test_every_carrier_skips_peeks_and_reads_on(carried: Path) -> None:
    with open_source(carried) as source:
        assert source.peek(6) == DATA[:6]
        assert source.skip(10) == 10
        assert source.read(5) == DATA[10:15]
        assert source.peek(300_000) == DATA[15:300_015]
        assert source.skip(300_000) == 300_000
        assert source.tell() == 300_015
        assert source.read(7) == DATA[300_015:300_022]
        assert source.skip(10**12) == len(DATA) - 300_022
        assert source.read(7) == b""
        assert source.peek(7) == b""
        assert source.changes() == []


def test_every_carrier_comes_as_a_stream_too(carried: Path) -> None:
    stream = io.BytesIO(carried.read_bytes())

    source = open_stream(stream, "standard input")

    assert source.peek(6) == DATA[:6]
    assert read_all(source) == DATA
    assert source.changes() == []
    assert (source.path, source.size_bytes, source.seekable) == (None, None, False)


def test_every_file_reopens_at_its_start(carried: Path) -> None:
    with open_source(carried) as source:
        source.skip(1000)
        carried.unlink()

        with source.reopen() as again:
            assert read_all(again) == DATA

        assert source.read(9) == DATA[1000:1009]


@pytest.mark.parametrize(
    ("carried", "compression", "size"),
    [
        ("plain", None, len(DATA)),
        ("gzip", "gzip", None),
        ("zstd", "zstd", None),
        ("zstd-skippable", "zstd", None),
    ],
    indirect=["carried"],
)
def test_compression_is_told_by_content(carried: Path, compression: str | None, size: int | None) -> None:
    with open_source(carried) as source:
        assert source.compression == compression
        assert source.size_bytes == size
        assert source.seekable == (compression is None)
        assert source.stored_size_bytes == carried.stat().st_size
        read_all(source)
        assert source.stored_tell() == carried.stat().st_size


@pytest.mark.parametrize("name", ["gzip", "gzip-members", "zstd", "zstd-checksum", "zstd-frames"])
def test_truncated_compression_gives_the_bytes_before_and_a_change(name: str) -> None:
    whole = CARRIED[name]
    rng = random.Random(name)
    cuts = [3, 5, 9, 17, len(whole) - 1, len(whole) - 5, *(rng.randrange(4, len(whole)) for _ in range(40))]

    for cut in cuts:
        source = open_stream(io.BytesIO(whole[:cut]), "x")
        got = read_all(source)

        if source.compression is None:
            continue
        assert DATA.startswith(got)
        if got != DATA or kinds(source):
            boundary = [0, 5000] if "members" in name or "frames" in name else [0]
            assert kinds(source) == [ChangeKind.COMPRESSED_TRUNCATED] or len(got) in boundary, cut
        if kinds(source):
            assert source.changes()[0].offset == len(got)
            assert len(source.changes()) == 1


def test_truncated_gzip_loses_nothing_that_was_stored() -> None:
    random_data = random.Random(3).randbytes(400_000)  # stored blocks: one byte in is one byte out
    whole = gzip.compress(random_data)

    source = open_stream(io.BytesIO(whole[:300_000]), "x")

    assert len(read_all(source)) > 299_800


@pytest.mark.parametrize("name", ["gzip", "gzip-members", "zstd", "zstd-checksum", "zstd-frames"])
def test_damaged_compression_never_raises(name: str) -> None:
    whole = CARRIED[name]
    rng = random.Random(name)

    for _ in range(150):
        broken = bytearray(whole)
        at = rng.randrange(4, len(whole))
        broken[at] ^= rng.randrange(1, 256)
        source = open_stream(io.BytesIO(bytes(broken)), "x")

        read_all(source)

        assert len(source.changes()) <= 1
        assert set(kinds(source)) <= {ChangeKind.COMPRESSED_DAMAGED, ChangeKind.COMPRESSED_TRUNCATED}


def test_damage_in_a_gzip_stream_keeps_every_byte_before_it() -> None:
    random_data = random.Random(4).randbytes(1_000_000)
    broken = bytearray(gzip.compress(random_data, 9))
    broken[-8] ^= 1  # the CRC: all data are there

    source = open_stream(io.BytesIO(bytes(broken)), "x")

    assert read_all(source, 1 << 20) == random_data
    assert kinds(source) == [ChangeKind.COMPRESSED_DAMAGED]


def test_wrong_zstd_checksum_keeps_the_data_and_is_a_change() -> None:
    broken = bytearray(CARRIED["zstd-checksum"])
    broken[-1] ^= 1

    source = open_stream(io.BytesIO(bytes(broken)), "x")

    assert read_all(source) == DATA
    assert kinds(source) == [ChangeKind.COMPRESSED_DAMAGED]


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_garbage_behind_compressed_data_is_a_change(name: str) -> None:
    source = open_stream(io.BytesIO(CARRIED[name] + b"some text"), "x")

    assert read_all(source) == DATA
    assert kinds(source) == [ChangeKind.COMPRESSED_DAMAGED]


def test_hostile_zstd_window_is_refused_without_taking_memory() -> None:
    for descriptor in (b"\x90", b"\xa8", b"\xff"):  # 256 MiB, 2 GiB, 3.75 TiB
        source = open_stream(io.BytesIO(b"\x28\xb5\x2f\xfd\x00" + descriptor + b"\x01\x00\x00"), "x")

        assert read_all(source) == b""
        assert kinds(source) == [ChangeKind.COMPRESSED_DAMAGED]


def test_zstd_bomb_comes_out_in_bounded_pieces() -> None:
    block = (1 | 1 << 1 | 131072 << 3).to_bytes(3, "little")
    more = (0 | 1 << 1 | 131072 << 3).to_bytes(3, "little")
    bomb = b"\x28\xb5\x2f\xfd\x00\x58" + (more + b"a") * 2000 + block + b"a"
    source = open_stream(io.BytesIO(bomb), "x")

    total = source.skip(1 << 40)

    assert total == 2001 * 131072
    assert source.changes() == []


def test_short_compressed_looking_heads_do_not_crash() -> None:
    for head in (
        b"",
        b"\x1f",
        b"\x1f\x8b",
        b"\x1f\x8b\x08",
        b"\x28\xb5\x2f",
        b"\x28\xb5\x2f\xfd",
        b"\x50\x2a\x4d\x18",
    ):
        source = open_stream(io.BytesIO(head), "x")

        got = read_all(source)

        assert got == (b"" if source.compression else head)


def test_read_at_is_cut_to_the_file_and_keeps_the_place(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(DATA)

    with open_source(path) as source:
        source.skip(100)

        assert source.read_at(5, 10) == DATA[5:15]
        assert source.read_at(len(DATA) - 3, 10**15) == DATA[-3:]
        assert source.read_at(len(DATA), 1) == b""
        assert source.read_at(10**18, 1) == b""
        assert source.tell() == 100
        source.seek(50)
        assert source.read(3) == DATA[50:53]


def test_compressed_files_and_streams_refuse_to_read_at_an_offset(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(CARRIED["gzip"])

    with open_source(path) as source, pytest.raises(SourceError, match="gzip data"):
        source.read_at(0, 1)
    with pytest.raises(SourceError, match="a stream"):
        open_stream(io.BytesIO(b"abc"), "standard input").seek(1)
    with pytest.raises(SourceError, match="only once"):
        open_stream(io.BytesIO(b"abc"), "standard input").reopen()


def test_file_that_shrinks_while_read_is_an_error_and_not_shorter(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(DATA)

    with open_source(path) as source:
        source.skip(1000)
        os.truncate(path, 1500)

        assert source.read(500) == DATA[1000:1500]
        for again in (lambda: source.read(1), lambda: source.skip(5), lambda: source.read_at(0, 1)):
            with pytest.raises(ReadFailedError, match=f"offset 1500: .* had {len(DATA):,} bytes") as caught:
                again()
            assert (caught.value.path, caught.value.offset, caught.value.exit_code) == (str(path), 1500, 3)
        [change] = source.changes()
        assert (change.kind, change.size_before, change.size_after) == (ChangeKind.SHRANK, len(DATA), 1500)
    assert kinds(source) == [ChangeKind.SHRANK], "known after close as well"


def test_file_that_grows_is_read_as_it_was_at_open(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(DATA)

    with open_source(path) as source:
        with path.open("ab") as more:
            more.write(b"more")
        got = read_all(source)

        assert got == DATA
        assert source.skip(4) == 0
        assert source.read_at(len(DATA), 4) == b""
        [change] = source.changes()
        assert (change.kind, change.size_before, change.size_after) == (
            ChangeKind.GREW,
            len(DATA),
            len(DATA) + 4,
        )


def test_file_that_vanishes_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(DATA)

    with open_source(path) as source:
        path.unlink()

        assert read_all(source) == DATA
        assert kinds(source) == [ChangeKind.VANISHED]


def test_file_that_is_replaced_is_noticed(tmp_path: Path) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_bytes(DATA)
    other.write_bytes(b"other")

    with open_source(path) as source:
        other.rename(path)

        assert read_all(source) == DATA
        assert kinds(source) == [ChangeKind.REPLACED]


def test_file_written_in_place_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(DATA)

    with open_source(path) as source:
        os.utime(path, ns=(1, 1))

        assert kinds(source) == [ChangeKind.MODIFIED]


READINGS: dict[str, Callable[[Source], object]] = {
    "read": lambda source: read_all(source, 1000),
    "peek": lambda source: source.peek(len(DATA)),
    "read_at": lambda source: source.read_at(100, 100_000),
    "reopen": lambda source: read_all(source.reopen(), 1000),
}


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT], ids=errno.errorcode.get)
@pytest.mark.parametrize("times", [ONCE, ALWAYS], ids=["once", "for-good"])
@pytest.mark.parametrize("reading", READINGS)
def test_read_error_is_never_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reading: str, times: int, number: int
) -> None:
    path = tmp_path / "a"
    path.write_bytes(DATA)

    with open_source(path) as source:
        Fault.at(path, 2500, number=number, times=times).install(monkeypatch)
        with pytest.raises(ReadFailedError) as caught:
            READINGS[reading](source)

    error = caught.value
    assert (error.path, error.offset, error.exit_code) == (str(path), 2500, 3)
    assert os.strerror(number) in error.message
    assert str(path) in error.message
    assert error.hint
    assert not isinstance(error, (SourceError, InputError)), "these are what callers go on after"


def test_source_that_failed_once_gives_nothing_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(DATA)

    with open_source(path) as source:
        Fault.at(path, 0, times=ONCE).install(monkeypatch)
        for again in (source.read, source.peek, source.skip, lambda count: source.read_at(5, count)):
            with pytest.raises(ReadFailedError, match="Input/output error"):
                again(10)


def test_short_reads_are_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Short(ReadCalls):
        def read_at(self, descriptor: int, length: int, offset: int) -> bytes:
            return super().read_at(descriptor, min(length, 7), offset)

        def read_into(self, descriptor: int, view: memoryview, offset: int) -> int:
            return super().read_into(descriptor, view[:7], offset)

    path = tmp_path / "a"
    path.write_bytes(DATA)
    monkeypatch.setattr(carrier, "READS", Short())

    with open_source(path) as source:
        assert source.peek(100) == DATA[:100]
        assert source.read_at(33, 1000) == DATA[33:1033]
        assert read_all(source) == DATA


def test_read_error_of_compressed_data_has_its_stored_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(CARRIED["gzip"])
    Fault.at(path, 100).install(monkeypatch)

    with open_source(path) as source, pytest.raises(ReadFailedError) as caught:
        read_all(source)
    assert caught.value.offset == 100


def test_read_error_of_a_stream_names_it() -> None:
    class Broken:
        def readinto(self, buffer: memoryview, /) -> int:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pytest.raises(ReadFailedError, match="standard input at offset 0: Input/output error"):
        open_stream(Broken(), "standard input")


def test_device_that_fails_at_opening_is_no_missing_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(DATA)

    class Stale(ReadCalls):
        def open(self, path: str, flags: int, in_directory: int | None = None) -> int:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr(carrier, "READS", Stale())
    with pytest.raises(ReadFailedError, match="Stale file handle"):
        open_source(path)


def test_read_only_open_leaves_the_times_of_the_contents_alone(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(DATA)
    path.chmod(0o400)
    before = path.stat()

    with open_source(path) as source:
        read_all(source)

    after = path.stat()
    assert (after.st_mtime_ns, after.st_size, after.st_mode) == (
        before.st_mtime_ns,
        before.st_size,
        before.st_mode,
    )


def test_missing_files_directories_and_special_files_are_refused(tmp_path: Path) -> None:
    fifo, sock = tmp_path / "fifo", tmp_path / "sock"
    os.mkfifo(fifo)
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(sock))

    cases: list[tuple[str | Path, str]] = [
        (tmp_path / "none", "No such file"),
        (tmp_path, "is a directory"),
        (fifo, "is a FIFO"),
        (sock, "is a socket"),
        (Path("/dev/null"), "is a character device"),
        ("a\0b", "no file can have the name"),
        ("x" * 5000, "File name too long"),
    ]
    for path, words in cases:
        with pytest.raises(SourceError, match=words):
            open_source(path)
    server.close()


def test_unreadable_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")

    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", refuse)  # a test may run as root, whom modes do not stop
    with pytest.raises(SourceError, match="Permission denied"):
        open_source(path)


def test_names_are_printable_in_messages(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        open_source(tmp_path / "a\x1b[31mb")

    assert "\x1b" not in caught.value.message


def test_dash_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    for path in ("-", None):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(DATA))))
        source = open_source(path)

        assert source.name == "standard input"
        assert read_all(source) == DATA
        source.close()


def test_closed_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)

    with pytest.raises(SourceError, match="closed"):
        open_source("-")


def test_slow_pipe_is_read_as_it_arrives() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"abcd")

    with os.fdopen(reader, "rb") as stream:
        source = open_stream(stream, "pipe")
        assert source.read(100) == b"abcd"
        os.write(writer, b"de")
        os.close(writer)
        assert source.peek(10) == b"de"
        assert source.read(100) == b"de"
        assert source.read(100) == b""
