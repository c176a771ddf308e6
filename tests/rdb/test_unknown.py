"""What is not known is not damage: the evidence of the checksum, found without knowing what is inside."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from aoftool.files import open_source
from aoftool.rdb.records.reader import records
from aoftool.rdb.unknown import UNKNOWN_CODE
from aoftool.rdb.walk.checksum import ChecksumState, crc64
from aoftool.rdb.walk.summary import RdbWalk
from aoftool.rdb.walk.walk import walk
from tests.corpus import FIXTURES, need_corpus
from tests.kernels import both, twin
from tests.rdb.samples import stream_of

TAIL = b"*1\r\n$4\r\nPING\r\n"


def walked(content: bytes) -> RdbWalk:
    with stream_of(content) as source:
        return walk(source, 0)


def closed(body: bytes, magic: bytes = b"REDIS0011") -> bytes:
    """Return a part with a right checksum around anything."""
    part = magic + body + b"\xff"
    return part + crc64(part).to_bytes(8, "little")


def key(name: bytes) -> bytes:
    return b"\x00" + bytes([len(name)]) + name + b"\x01v"


def test_unknown_opcode_behind_a_right_checksum_is_not_damage() -> None:
    part = closed(key(b"a") + b"\xc8anything" + key(b"b"))

    found = walked(part)

    assert found.damage is None
    assert found.unknown is not None
    assert (found.unknown.offset, found.unknown.number, found.unknown.version) == (9 + 5, 200, 11)
    assert found.unknown.checksum is ChecksumState.OK
    assert found.unknown.writer == "Dragonfly"
    assert found.end_offset == len(part)
    assert found.good_end == 9 + 5
    assert found.keys == 1
    assert not found.intact
    assert found.stop is not None
    assert found.stop.code == UNKNOWN_CODE


def test_unknown_opcode_in_front_of_a_wrong_checksum_is_damage() -> None:
    part = bytearray(closed(key(b"a") + b"\xc8anything" + key(b"b")))
    part[-12] ^= 1

    found = walked(bytes(part))

    assert found.unknown is None
    assert found.damage is not None
    assert found.damage.code == "rdb-opcode"
    assert found.end_offset is None


def test_switched_off_checksum_proves_nothing() -> None:
    found = walked(b"REDIS0011\xc8abc\xff" + bytes(8))

    assert found.unknown is None
    assert found.damage is not None


@pytest.mark.parametrize(
    ("magic", "unknown"), [(b"REDIS0015", False), (b"REDIS0016", True), (b"VALKEY082", True)]
)
def test_version_newer_than_known_speaks_for_the_part(magic: bytes, unknown: bool) -> None:
    found = walked(magic + key(b"a") + b"\x70" + bytes(40))

    assert (found.unknown is not None, found.damage is None) == (unknown, unknown)
    if found.unknown is not None:
        assert found.unknown.checksum is ChecksumState.UNREAD
        assert found.end_offset is None


def test_cut_part_of_a_newer_version_is_damaged_all_the_same() -> None:
    found = walked(b"REDIS0016" + key(b"a") + b"\x00\x05ab")

    assert found.damage is not None
    assert found.damage.code == "rdb-truncated"


def test_type_that_another_engine_uses_leads_astray_and_is_not_damage() -> None:
    # A set whose members expire as Dragonfly writes it, where Redis has a hash of a template.
    part = closed(b"\x20\x01k" + b"\x02\x01a\x81\x00\x00\x00\x00\x00\x00\x00\x00" + key(b"z"))

    found = walked(part)

    assert found.damage is None
    assert found.unknown is not None
    assert found.end_offset == len(part)


def test_part_that_swallowed_its_own_end_is_not_damage(tmp_path: Path) -> None:
    # Read as a roaring bitmap the value reaches far behind the end of the part.
    part = closed(b"\x21\x01k\x00\x80\x00\x00\x10\x00rest") + TAIL
    path = tmp_path / "appendonly.aof"
    path.write_bytes(part)

    with open_source(path) as source:
        found = walk(source, 0)

    assert found.unknown is not None
    assert found.end_offset == len(part) - len(TAIL)


@pytest.mark.parametrize("seekable", [True, False])
def test_commands_behind_an_unknown_part_are_found(seekable: bool, tmp_path: Path) -> None:
    part = closed(b"\xc8" + bytes(range(256)) * 40 + b"\xff" * 64 + bytes(64))
    path = tmp_path / "appendonly.aof"
    path.write_bytes(part + TAIL)

    with open_source(path) if seekable else stream_of(part + TAIL) as source:
        found = walk(source, 0)
        if seekable:
            assert source.read(100) == TAIL

    assert found.end_offset == len(part)


def test_reader_of_records_hands_out_what_came_before() -> None:
    part = closed(key(b"a") + b"\xc8anything")

    with stream_of(part) as source:
        reader = records(source)
        assert [record.key for record in reader] == [b"a"]

    assert reader.summary.unknown is not None


def test_every_byte_of_a_large_unknown_part_is_read_once() -> None:
    # End marks everywhere: a search that took each of them for a candidate would take for ever.
    part = closed(b"\xc8" + b"\xff" * (3 << 20))

    assert walked(part).end_offset == len(part)


def test_both_searches_agree_on_every_start_and_state() -> None:
    py, cy = both("crcseek")
    rng = random.Random(8)
    for _ in range(200):
        body = rng.randbytes(rng.randrange(1, 60))
        state = rng.choice([0, crc64(body)])
        data = rng.choice([body, state.to_bytes(8, "little") + body, bytes(5) + body])
        start = rng.randrange(0, 3)
        assert py.zero_at(data, state, start) == cy.zero_at(data, state, start)


@pytest.mark.parametrize("implementation", ["py", "cy"])
def test_search_computes_the_checksum_of_the_format(implementation: str) -> None:
    seek = twin("crcseek", implementation)
    data = b"123456789"

    assert seek.zero_at(data, 0, 0) == (-1, 0xE9C6D914C4B8D9CA)
    assert seek.zero_at(data + bytes.fromhex("cad9b8c414d9c6e9") + b"x", 0, 0) == (17, 0)


def _case(name: str) -> RdbWalk:
    root = FIXTURES if (FIXTURES / "field" / name).is_dir() else need_corpus()
    with open_source(root / "field" / name / "dump.rdb") as source:
        return walk(source, 0)


@pytest.mark.parametrize(("name", "number"), [("rdb-type200", 200), ("dragonfly-rdb-save", 220)])
def test_files_of_dragonfly_are_named(name: str, number: int) -> None:
    found = _case(name)

    assert found.damage is None
    assert found.unknown is not None
    assert (found.unknown.number, found.unknown.writer) == (number, "Dragonfly")
    assert "Dragonfly" in found.unknown.message


def test_type_that_no_writer_of_that_version_had_is_told() -> None:
    found = _case("rdb-type22-old")

    assert found.damage is not None
    assert "type 22 at offset 20235 came with RDB 12, this is RDB 7" in found.damage.message
