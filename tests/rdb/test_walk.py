"""The structure walk: ends, checksums, counts, damage, splits; both implementations."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoftool.errors import SourceError
from aoftool.files import open_source, open_stream
from aoftool.rdb.blobs import listpack
from aoftool.rdb.encode._encode_py import lzf_compress
from aoftool.rdb.modules import split_module_id
from aoftool.rdb.opcodes import Family
from aoftool.rdb.walk.checksum import ChecksumState
from aoftool.rdb.walk.layouts import layout_table
from aoftool.rdb.walk.summary import RdbWalk
from aoftool.rdb.walk.walk import walk
from aoftool.rdb.walk.walker import Status
from tests.builders import command, rdb, rdb_database, rdb_length, rdb_record, rdb_string
from tests.kernels import both
from tests.rdb.samples import LIBRARY, SAMPLES, Sample, stream_of

HEX = bytes.fromhex
STRINGS = rdb_database(0, rdb_record(0, "a", rdb_string("1")), rdb_record(0, "b", rdb_string("2")))


def walked(content: bytes, start: int = 0) -> RdbWalk:
    """Walk bytes as a stream."""
    return walk(stream_of(content), start)


def stopped(content: bytes) -> str:
    """Return the code of the damage of a part."""
    found = walked(content).damage
    assert found is not None
    return found.code


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_file_of_every_type_is_walked_to_its_end(sample: Sample) -> None:
    found = walked(sample.file)

    assert found.damage is None
    assert found.end_offset == found.good_end == len(sample.file)
    assert found.keys == 1
    assert found.checksum.state is ChecksumState.OK


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_every_prefix_is_truncated_and_every_flipped_byte_is_noticed(sample: Sample) -> None:
    whole = sample.file

    for size in range(len(whole)):
        found = walked(whole[:size])
        assert found.damage is not None
        assert found.damage.code == ("rdb-truncated" if size else "rdb-empty")
        assert found.damage.offset <= size
        assert found.good_end <= size
        assert found.end_offset is None
    for place in range(len(whole)):
        changed = whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :]
        assert walked(changed).damage is not None or changed[:5] == b"REDIS"


def test_smallest_file_has_the_known_checksum() -> None:
    found = walked(b"REDIS0009" + HEX("ff 9aac7abcfb0fad74"))

    assert found.damage is None
    assert found.checksum.stored == found.checksum.computed == 0x74AD0FFBBC7AAC9A


@pytest.mark.parametrize(
    ("magic", "family", "version"),
    [
        (b"REDIS0001", Family.REDIS, 1),
        (b"REDIS0015", Family.REDIS, 15),
        (b"REDIS9999", Family.REDIS, 9999),
        (b"VALKEY080", Family.VALKEY, 80),
        (b"VALKEY011", Family.VALKEY, 11),
    ],
)
def test_header_gives_family_and_version(magic: bytes, family: Family, version: int) -> None:
    content = rdb(STRINGS, magic=magic)

    found = walked(content if version >= 5 else content[:-8])

    assert (found.family, found.version, found.damage) == (family, version, None)
    assert found.keys == 2


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "rdb-empty"),
        (b"REDIS000", "rdb-truncated"),
        (b"VAL", "rdb-truncated"),
        (b"REDIS0000\xff", "rdb-version"),
        (b"REDISXXXX\xff", "rdb-version"),
        (b"*3\r\n$3\r\nSET", "rdb-magic"),
        (b"VKCS\x01\x01\x00\x00aaaa", "rdb-envelope"),
    ],
)
def test_other_headers_are_named(content: bytes, code: str) -> None:
    assert stopped(content) == code


def test_checksum_is_absent_before_version_5_and_what_follows_is_left_alone() -> None:
    content = rdb(STRINGS, magic=b"REDIS0004")[:-8]
    source = stream_of(content + b"rest")

    found = walk(source)

    assert found.checksum.state is ChecksumState.ABSENT
    assert found.end_offset == len(content)
    assert source.read(10) == b"rest"


def test_stored_zero_is_a_checksum_switched_off() -> None:
    found = walked(rdb(STRINGS, checksum=0))

    assert found.checksum.state is ChecksumState.DISABLED
    assert found.damage is None


def test_wrong_checksum_is_damage_at_the_checksum_of_a_whole_part() -> None:
    content = rdb(STRINGS, checksum=7)

    found = walked(content)

    assert found.checksum.state is ChecksumState.WRONG
    assert found.damage is not None
    assert (found.damage.code, found.damage.offset) == ("rdb-checksum", len(content) - 8)
    assert found.end_offset == found.good_end == len(content)


@pytest.mark.parametrize("seekable", [True, False])
def test_source_is_left_behind_the_part_for_the_commands_that_follow(tmp_path: Path, seekable: bool) -> None:
    tail = command("SET", "k", "v")
    content = b"junk" + rdb(STRINGS) + tail
    path = tmp_path / "appendonly.aof"
    path.write_bytes(content)
    source = open_source(path) if seekable else stream_of(content)

    with source:
        found = walk(source, 4)

        assert found.end_offset == len(content) - len(tail) == source.tell()
        assert source.read(1000) == tail


def test_compressed_part_is_left_at_its_end_too(tmp_path: Path) -> None:
    path = tmp_path / "base.rdb.gz"
    path.write_bytes(gzip.compress(rdb(STRINGS) + b"*1\r\n$4\r\nPING\r\n"))

    with open_source(path) as source:
        assert walk(source).damage is None
        assert source.read(100) == b"*1\r\n$4\r\nPING\r\n"


def test_stream_cannot_be_walked_from_an_earlier_place() -> None:
    source = stream_of(rdb(STRINGS))
    source.skip(5)

    with pytest.raises(SourceError):
        walk(source, 0)


def test_same_number_means_another_type_in_each_family() -> None:
    valkey = HEX("16 0168 01 0166 0176 7bd8c32cbb030000")
    redis = HEX("16 0168 01 00 0166 0176")

    assert walked(rdb(rdb_database(0, valkey), magic=b"VALKEY080")).counts[0].encoding == "hash2"
    assert walked(rdb(rdb_database(0, redis), magic=b"REDIS0012")).counts[0].encoding == "plain-ttl-rc"
    assert walked(rdb(rdb_database(0, valkey), magic=b"REDIS0012")).damage is not None


@pytest.mark.parametrize(
    ("body", "code", "offset"),
    [
        ("65", "rdb-opcode", 9),
        ("08 016b", "rdb-opcode", 9),
        ("06 016b", "rdb-opcode-layout", 9),
        ("00 016b c4", "rdb-string", 12),
        ("00 016b 82", "rdb-length", 12),
        ("02 016b c0", "rdb-length", 12),
        ("12 016b 01 03 0161", "rdb-variant", 14),
        ("07 016b 05 06", "rdb-module-item", 13),
        ("20 016b 05", "rdb-template", 12),
        ("fe", "rdb-truncated", 10),
        ("00 016b 80ffffffff 61", "rdb-truncated", 12),
        ("01 016b 81ffffffffffffffff", "rdb-truncated", 21),
    ],
)
def test_damage_is_named_with_its_offset(body: str, code: str, offset: int) -> None:
    found = walked(b"REDIS0015" + HEX(body)).damage

    assert found is not None
    assert (found.code, found.offset) == (code, offset)


def test_command_of_an_update_must_be_resp() -> None:
    for body in (b"+OK\r\n", b"*x\r\n", b"*1\r\n:1\r\n", b"*1\r\n$-1\r\n", b"*" + b"1" * 30):
        assert stopped(b"VALKEY081\xf2" + body) == "rdb-command"


def test_good_end_is_behind_the_last_whole_key() -> None:
    whole = rdb(STRINGS)
    cut = walked(whole[:-12])

    assert cut.good_end == whole.index(b"\x00\x01b")
    assert cut.keys == 1
    # An expire time alone is not a whole key.
    assert walked(whole[:-9] + HEX("fc7bd8c32cbb030000 00 01")).good_end == len(whole) - 9


def test_counts_are_per_database_type_and_encoding() -> None:
    first = rdb_database(
        0,
        rdb_record(0, "a", rdb_string("1")),
        rdb_record(0, "b", HEX("c005"), expire_at_ms=2000),
        rdb_record(1, "l", HEX("03 0161 0162 0163"), expire_at_ms=1000),
    )
    second = rdb_database(7, rdb_record(16, "h", HEX("12 12000000 0400 816602 817602 816e02 0c01 ff")))

    found = walked(rdb(first, second))

    rows = [(row.db, row.type_name, row.encoding, row.keys, row.elements) for row in found.counts]
    assert rows == [
        (0, "string", "raw", 1, 1),
        (0, "string", "int", 1, 1),
        (0, "list", "plain", 1, 3),
        (7, "hash", "listpack", 1, 2),
    ]
    assert sum(row.size_bytes for row in found.counts) == len(first) + len(second) - 10
    assert {db: (row.keys, row.first_ms, row.last_ms) for db, row in found.expires.items()} == {
        0: (2, 1000, 2000)
    }
    assert [(hint.db, hint.keys, hint.expires) for hint in found.resize_hints] == [(0, 3, 0), (7, 1, 0)]


def test_number_of_elements_is_read_out_of_a_packed_blob() -> None:
    blob = listpack.encode([b"member"] * 200)
    packed = lzf_compress(blob, len(blob))
    assert packed is not None
    value = b"\xc3" + rdb_length(len(packed)) + rdb_length(len(blob)) + packed

    found = walked(rdb(rdb_database(0, rdb_record(20, "k", value))))

    assert found.damage is None
    assert [row.elements for row in found.counts] == [200]


def test_blob_that_does_not_state_its_count_is_counted_as_unknown() -> None:
    blob = HEX("0d000000 ffff 816102 816202 ff")

    found = walked(rdb(rdb_database(0, rdb_record(20, "s", rdb_string(blob)))))

    assert [(row.elements, row.unknown_elements) for row in found.counts] == [(0, 1)]


def test_functions_modules_slots_and_aux_are_named() -> None:
    parts = (
        b"\xf5" + rdb_string(LIBRARY),
        HEX("f7 81bde72da2bb1eb401 02 02 00"),
        HEX("f4 41c1 05 01"),
        rdb_database(0, HEX("07 0176 81bde72da2bb1eb400 00")),
    )

    found = walked(rdb(*parts, aux={"redis-ver": "8.0.6", "slot-info": "449,3,1,0"}))

    assert [library.name for library in found.functions] == [b"lib"]
    assert [(use.name, use.version, use.aux, use.values) for use in found.modules] == [
        ("vectorset", 1, True, False),
        ("vectorset", 0, False, True),
    ]
    assert (found.slots.notes, found.slots.keys) == (2, 8)
    assert found.aux[b"redis-ver"] == b"8.0.6"


def test_values_of_modules_are_counted_by_the_name_of_their_type() -> None:
    sets, trees = "07 0176 81bde72da2bb1eb400 00", "07 0174 8145e25238df912c03 00"
    records = [HEX(text) for text in (sets, trees, trees, sets, sets)]
    data = rdb(rdb_database(0, rdb_record(0, "k", rdb_string("v")), *records), rdb_database(1, HEX(trees)))

    found = walked(data)

    assert [(row.db, row.type_name, row.encoding, row.keys) for row in found.counts] == [
        (0, "string", "raw", 1),
        (0, "module", "ReJSON-RL", 2),
        (0, "module", "vectorset", 3),
        (1, "module", "ReJSON-RL", 1),
    ]
    assert {large.encoding for large in walk(stream_of(data), top=2).largest} == {"ReJSON-RL", "vectorset"}


def test_largest_keys_come_first_and_the_earlier_of_equals_stays() -> None:
    records = [rdb_record(0, f"k{n}", rdb_string(b"x" * (n % 7))) for n in range(50)]

    found = walk(stream_of(rdb(rdb_database(3, *records))), top=3)

    assert [(large.key, large.db, large.size_bytes) for large in found.largest] == [
        (b"k13", 3, 12),
        (b"k20", 3, 12),
        (b"k27", 3, 12),
    ]
    assert walk(stream_of(rdb(rdb_database(3, *records))), top=0).largest == []


def test_module_id_splits_into_name_and_version() -> None:
    assert split_module_id(0xBDE72DA2BB1EB400) == ("vectorset", 0)


def test_walk_of_a_huge_value_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.rdb"
    size = 64 * 1024 * 1024
    with path.open("wb") as out:
        out.write(b"REDIS0011" + HEX("00 016b") + rdb_length(size))
        out.truncate(out.tell() + size)
        out.seek(0, 2)
        out.write(HEX("ff") + bytes(8))
    tracemalloc.start()

    with open_source(path) as source:
        found = walk(source)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.damage is None
    assert peak < 4 * 1024 * 1024


@pytest.mark.parametrize(
    "body", ["00 016b 81 7fffffffffffffff", "02 016b 81 ffffffffffffffff", "f5 80ffffffff"]
)
def test_huge_declared_sizes_take_no_memory(body: str) -> None:
    tracemalloc.start()

    found = walked(b"REDIS0011" + HEX(body) + b"abc")

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.damage is not None
    assert peak < 4 * 1024 * 1024


def many_databases() -> bytes:
    """Return 20,000 databases of one key."""
    return b"".join(b"\xfe" + rdb_length(n) + rdb_record(0, "k", b"\x00") for n in range(20_000))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(many_databases, id="databases"),
        pytest.param(lambda: (b"\xf5" + rdb_string(b"#!lua name=" + b"n" * 60_000)) * 300, id="functions"),
        pytest.param(lambda: (b"\xfa" + rdb_string(b"k" * 30_000) * 2) * 300, id="aux"),
        pytest.param(lambda: (b"\xf3" + rdb_string(b"j" * 60_000) + b"\x00") * 300, id="slot-imports"),
    ],
)
def test_forged_lists_do_not_fill_memory(body: Callable[[], bytes]) -> None:
    source = stream_of(b"VALKEY080" + body())
    tracemalloc.start()

    found = walk(source)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.damage is not None
    assert peak < 8 * 1024 * 1024


def test_progress_adds_up_to_the_size_of_the_part() -> None:
    done: list[int] = []
    content = rdb(STRINGS)

    walk(stream_of(content + b"tail"), progress=done.append)

    assert sum(done) + 9 == len(content)


def trace(kernel: Any, family: Family, content: bytes, splits: list[int], threshold: int = 0) -> list[Any]:
    """Return everything a walker reports when the input comes in pieces."""
    walker = kernel.Walker(family, 9, True, threshold)
    seen: list[Any] = []
    at = 0
    for stop in [*splits, len(content)]:
        status = Status.ROWS
        while status not in (Status.MORE, Status.END, Status.DAMAGE):
            status = walker.feed(content, at, stop)
            at = walker.offset - 9
            seen.append((status, walker.offset, walker.good_end, walker.item, walker.skipping, walker.db))
            seen.append((walker.number, walker.number_at, walker.needed_from, walker.capture_cut))
            if status == Status.DAMAGE:
                seen.append(walker.stop_code)
            elif status in (Status.OPCODE, Status.LARGE):
                seen.append((walker.captured(), walker.last_row if status == Status.LARGE else None))
            elif status == Status.DATABASE:
                seen.append(walker.take_tally())
            elif status == Status.MODULE:
                seen.append(walker.module_id)
            elif status == Status.TEMPLATE:
                walker.template_count = 2
        if status != Status.MORE:
            break
    return [seen, walker.take_rows(), walker.take_tally()]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_both_implementations_agree_at_every_split_and_flip(sample: Sample) -> None:
    reference, kernel = both("walk")
    family = Family(sample.family)
    content = sample.file[9:]

    for split in range(len(content)):
        assert trace(kernel, family, content, [split]) == trace(reference, family, content, [split])
    for place in range(len(content)):
        for mask in (0x01, 0x40, 0xFF):
            changed = content[:place] + bytes([content[place] ^ mask]) + content[place + 1 :]
            assert trace(kernel, family, changed, []) == trace(reference, family, changed, [])


def mutated(data: st.DataObject) -> tuple[Family, bytes]:
    """Draw the bodies of several samples behind each other, with bytes changed, put in or left out."""
    chosen = data.draw(st.lists(st.sampled_from(SAMPLES), min_size=1, max_size=4))
    content = bytearray(b"".join(entry.file[9:-9] for entry in chosen))
    numbers = st.one_of(
        st.integers(0, 255), st.sampled_from([0x80, 0x81, 0xC3, *range(22, 34), *range(242, 256)])
    )
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        width = data.draw(st.integers(0, 2))
        content[place : place + width] = bytes(data.draw(st.lists(numbers, min_size=1, max_size=3)))
    return data.draw(st.sampled_from(list(Family))), bytes(content)


@given(st.data())
def test_both_implementations_agree_on_mutated_input(data: st.DataObject) -> None:
    reference, kernel = both("walk")
    family, content = mutated(data)
    splits = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=5)))
    threshold = data.draw(st.sampled_from([-1, 0, 40]))

    ours = trace(kernel, family, content, splits, threshold)

    assert ours == trace(reference, family, content, splits, threshold)


@pytest.mark.parametrize("implementation", [0, 1], ids=["py", "cy"])
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_rows_and_counts_do_not_depend_on_the_split(sample: Sample, implementation: int) -> None:
    kernel = both("walk")[implementation]
    family = Family(sample.family)
    content = sample.file[9:]
    whole = trace(kernel, family, content, [])

    byte_by_byte = trace(kernel, family, content, list(range(len(content))))

    assert byte_by_byte[1] == whole[1]


@pytest.mark.parametrize("family", list(Family))
def test_layout_programs_stay_inside_their_steps(family: Family) -> None:
    table = layout_table(family)

    assert len(table.steps) % 3 == 0
    assert all(-2 <= entry < len(table.steps) // 3 for entry in table.entry)


def test_stream_that_ends_at_a_window_edge_is_walked() -> None:
    # A record that crosses the 256 KiB window, and one that ends exactly at it.
    body = rdb_record(0, "k", rdb_string(b"x" * (256 * 1024 - 9 - 8)))
    content = rdb(body, rdb_record(0, "l", rdb_string(b"y" * 300_000)))

    found = walk(open_stream(_Dribble(content), "dribble"))

    assert found.damage is None
    assert found.keys == 2


class _Dribble:
    """A stream that gives at most 1000 bytes a read."""

    def __init__(self, content: bytes) -> None:
        self._content = memoryview(content)

    def readinto(self, view: memoryview, /) -> int:
        count = min(len(view), 1000, len(self._content))
        view[:count] = self._content[:count]
        self._content = self._content[count:]
        return count
