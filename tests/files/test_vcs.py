"""The envelope of Valkey 9.2 around an RDB: unpacked in bounded steps, with what follows it as it is."""

from __future__ import annotations

import io
import os
import sys
import tracemalloc
from functools import partial
from pathlib import Path
from random import Random

import pytest
import zstandard

from aoftool.aof.layout import find_log
from aoftool.check.exam import examine
from aoftool.errors import MissingExtraError
from aoftool.files import ChangeKind, Source, open_source, open_stream
from aoftool.files.packed.compression import detect_compression
from aoftool.rdb.walk.walk import walk
from tests.builders import rdb, rdb_database, rdb_record, rdb_string
from tests.corpus import FIXTURES

lz4_frame = pytest.importorskip("lz4.frame")

SHOP = FIXTURES / "valkey-9" / "shop" / "appendonlydir"
BASE = (SHOP / "appendonly.aof.2.base.rdb").read_bytes()
TAIL = (SHOP / "appendonly.aof.2.incr.aof").read_bytes()
CODECS = ("lz4", "zstd")


def enveloped(content: bytes, codec: str, *, checksum: bool = True) -> bytes:
    """Return what Valkey 9.2 writes for an RDB: seven bytes and one frame."""
    if codec == "lz4":
        frame = lz4_frame.compress(
            content, content_checksum=checksum, block_checksum=checksum, store_size=False
        )
        return b"VCS\x01\x01\x00\x01" + bytes(frame)
    writer = zstandard.ZstdCompressor(write_checksum=checksum, write_content_size=False).compressobj()
    return b"VCS\x01\x02\x00\x01" + writer.compress(content) + writer.flush()


def unpacked(source: Source) -> bytes:
    """Return the rest of a source, in pieces."""
    return b"".join(iter(partial(source.read, 1000), b""))


def large_part() -> bytes:
    random = Random(3)
    keys = (rdb_record(0, f"key{n}", rdb_string(random.randbytes(40).hex())) for n in range(12_000))
    return rdb(rdb_database(0, *keys), magic=b"VALKEY080")


class _Slow(io.BytesIO):
    """Give a few bytes at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        super().__init__(data)
        self._step = step

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self._step if size is None or size < 0 else min(size, self._step))

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return super().readinto(memoryview(buffer)[: self._step])


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("checksum", [True, False])
@pytest.mark.parametrize("step", [1, 7, 4096])
def test_commands_are_found_right_behind_the_frame(codec: str, checksum: bool, step: int) -> None:
    source = open_stream(_Slow(enveloped(BASE, codec, checksum=checksum) + TAIL, step), "stream")

    found = walk(source, 0)

    assert found.intact
    assert found.end_offset == len(BASE)
    rest = unpacked(source)
    assert rest == TAIL
    assert source.changes() == []


@pytest.mark.parametrize("codec", CODECS)
def test_file_is_what_it_holds(codec: str, tmp_path: Path) -> None:
    path = tmp_path / "dump.rdb"
    path.write_bytes(enveloped(BASE, codec))

    with open_source(path) as source:
        assert source.compression is not None
        assert source.compression.startswith("VCS")
        assert not source.seekable
        assert source.peek(9) == b"VALKEY080"
        assert unpacked(source) == BASE


@pytest.mark.parametrize("codec", CODECS)
def test_what_stands_in_front_of_a_cut_is_kept(codec: str) -> None:
    part = large_part()
    packed = enveloped(part, codec)

    source = open_stream(io.BytesIO(packed[: len(packed) * 2 // 3]), "cut")
    kept = unpacked(source)

    assert part.startswith(kept)
    assert len(kept) > len(part) // 2
    assert [change.kind for change in source.changes()] == [ChangeKind.COMPRESSED_TRUNCATED]


@pytest.mark.parametrize("codec", CODECS)
def test_every_cut_and_every_changed_byte_is_noticed(codec: str) -> None:
    packed = enveloped(BASE[:300], codec)

    for size in range(7, len(packed)):
        source = open_stream(io.BytesIO(packed[:size]), "cut")
        assert BASE[:300].startswith(source.read(1000))
        assert source.read(1000) == b""
        assert source.changes()
    for place in range(7, len(packed)):
        changed = packed[:place] + bytes([packed[place] ^ 0x10]) + packed[place + 1 :]
        source = open_stream(io.BytesIO(changed), "changed")
        got = unpacked(source)
        assert source.changes() or got != BASE[:300] or codec == "zstd" or place < 16


@pytest.mark.parametrize("codec", CODECS)
def test_bomb_is_unpacked_in_bounded_memory(codec: str) -> None:
    packed = enveloped(bytes(256 << 20), codec)
    assert len(packed) < 2 << 20

    tracemalloc.start()
    source = open_stream(io.BytesIO(packed), "bomb")
    total = 0
    while piece := source.read(1 << 16):
        total += len(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert total == 256 << 20
    assert peak < 24 << 20


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"VCS\x02\x01\x00\x01rest", "version 2"),
        (b"VCS\x01\x03\x00\x01rest", "codec 3"),
        (b"VCS\x01\x01\x01\x01rest", "reserved byte 1"),
        (b"VCS\x01\x01\x00\x02rest", "kind of stream 2"),
        (b"VCS\x01\x01", "ends inside"),
        (b"VKCS\x01\x01\x00\x00rest", "draft"),
    ],
)
def test_other_envelopes_are_named_and_not_opened(head: bytes, says: str) -> None:
    assert detect_compression(head) is None

    found = walk(open_stream(io.BytesIO(head), "stream"), 0)

    assert found.damage is not None
    assert found.damage.code == "rdb-envelope"
    assert says in found.damage.message


def test_missing_package_is_named_with_what_to_type(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "dump.rdb"
    path.write_bytes(enveloped(BASE, "lz4"))
    monkeypatch.setitem(sys.modules, "lz4.frame", None)

    with pytest.raises(MissingExtraError) as caught:
        open_source(path)

    assert "LZ4" in caught.value.message
    assert caught.value.hint == "pip install lz4"


@pytest.mark.parametrize("codec", CODECS)
def test_text_that_begins_like_an_envelope_is_none(codec: str, tmp_path: Path) -> None:
    found = walk(open_stream(io.BytesIO(b"VCS systems compared"), "stream"), 0)

    assert found.damage is not None
    assert found.damage.code == "rdb-magic"


def test_examination_of_a_set_names_the_envelope(tmp_path: Path) -> None:
    for name in os.listdir(SHOP):
        (tmp_path / name).write_bytes((SHOP / name).read_bytes())
    (tmp_path / "appendonly.aof.2.base.rdb").write_bytes(enveloped(BASE, "zstd"))

    exam = examine(find_log(tmp_path))

    assert exam.files[0].compression == "VCS Zstandard"
    assert exam.files[0].rdb is not None
    assert exam.files[0].rdb.sound
