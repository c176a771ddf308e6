"""Records and their values: meaning, spans, memory, streams, both implementations."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from aoftool.errors import SourceError, UnsupportedError
from aoftool.files import open_source
from aoftool.rdb.damage import EncodingDamage
from aoftool.rdb.opcodes import Family
from aoftool.rdb.records._record_py import Record as ReferenceRecord
from aoftool.rdb.records._record_py import RecordContext
from aoftool.rdb.records.reader import KEEP_BYTES, records
from aoftool.rdb.records.record import Record
from aoftool.rdb.walk.walker import Row
from aoftool.values import ArrayValue, ModuleValue, PendingEntry, StreamId, StreamValue, ZSetValue
from tests.builders import rdb, rdb_database, rdb_length, rdb_record, rdb_string
from tests.kernels import both
from tests.rdb.samples import SAMPLES, STREAM_TIME_MS, Sample, stream_of, stream_value
from tests.rdb.vectors import VECTORS, Vector

HEX = bytes.fromhex
FIELDS = (
    "start", "type_offset", "key_start", "value_start", "end", "size_bytes", "type_id", "type_name",
    "encoding", "family", "db", "expire_at_ms", "idle_s", "freq", "elements", "split_times", "is_empty",
)  # fmt: skip


def read(content: bytes) -> list[Record]:
    """Read the records of a sound file."""
    reader = records(stream_of(content))
    found = list(reader)
    assert reader.summary.damage is None
    return found


def sample(name: str) -> Record:
    """Return the record of a sample."""
    (found,) = read(next(entry for entry in SAMPLES if entry.name == name).file)
    return found


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_value_of_a_record_has_its_meaning(vector: Vector) -> None:
    magic = {"redis": b"REDIS0015", "valkey": b"VALKEY080"}[vector.family]

    (record,) = read(rdb(rdb_database(2, vector.record), magic=magic))

    value = record.value()
    assert (record.key, record.db) == (vector.key, 2)
    assert value == vector.value
    assert getattr(value, "expires", None) == getattr(vector.value, "expires", None)
    assert record.raw() == vector.record
    if vector.name == "zset-binary":
        assert isinstance(value, ZSetValue)
        assert math.copysign(1, value[b"q"]) == -1


@pytest.mark.parametrize(("last", "counter"), [((0, 5), 0), ((1, 1), 1), ((2, 0), None), ((3, 0), 3)])
def test_group_of_an_old_stream_gets_the_read_counter_that_servers_estimate(
    last: tuple[int, int], counter: int | None
) -> None:
    value = stream_value(1).replace(rdb_string(b"g") + b"\x02\x00", rdb_string(b"g") + bytes(last))

    (record,) = read(rdb(rdb_record(15, "s", value)))

    stream = record.value()
    assert isinstance(stream, StreamValue)
    assert stream.groups[b"g"].entries_read == counter


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
def test_stream_has_entries_counters_groups_and_pending_entries(version: int) -> None:
    value = sample(f"stream-v{version}").value()

    assert isinstance(value, StreamValue)
    assert value.entries == {
        StreamId(1, 1): ((b"a", b"1"), (b"b", b"2")),
        StreamId(2, 0): ((b"c", b"x"),),
        StreamId(3, 0): ((b"a", b"5"), (b"b", b"6")),
    }
    assert value.last_id == (3, 0)
    assert value.first_id == ((1, 1) if version >= 2 else None)
    assert value.max_deleted_id == ((1, 2) if version >= 2 else (0, 0))
    assert value.entries_added == (4 if version >= 2 else 3)
    group = value.groups[b"g"]
    assert group.last_id == (2, 0)
    assert group.entries_read is None
    assert list(group.consumers) == [b"alice", b"bob"]
    active = {name: consumer.active_time_ms for name, consumer in group.consumers.items()}
    assert active == ({b"alice": STREAM_TIME_MS, b"bob": -1} if version >= 3 else dict.fromkeys(active))
    pending = PendingEntry(b"alice", STREAM_TIME_MS, 1)
    assert group.pel == {StreamId(1, 1): pending, StreamId(2, 0): pending}
    assert (value.idmp is not None) == (version >= 4)


@pytest.mark.parametrize("version", [1, 3])
def test_stream_without_groups_is_read_the_same_way(version: int) -> None:
    alone, grouped = sample(f"stream-v{version}-alone").value(), sample(f"stream-v{version}").value()

    assert isinstance(alone, StreamValue)
    assert isinstance(grouped, StreamValue)
    grouped.groups.clear()
    assert alone == grouped


def test_module_value_is_kept_raw_with_its_name() -> None:
    record = sample("module")

    value = record.value()

    assert isinstance(value, ModuleValue)
    assert (value.module_name, value.module_version) == ("vectorset", 0)
    assert value.raw == bytes(record.value_bytes())
    # What it holds its module knows; the name of its type stands in front of it.
    assert (record.type_name, record.encoding, record.elements) == ("module", "vectorset", None)


def test_array_has_its_places() -> None:
    value = sample("array").value()

    assert isinstance(value, ArrayValue)
    assert value == {0: b"a", 5: 7, 9: 1.5}
    assert value.insert_index == 7


def test_hash_by_paths_can_be_copied_but_not_decoded() -> None:
    record = sample("path-hash")

    assert record.raw() == next(entry for entry in SAMPLES if entry.name == "path-hash").record
    with pytest.raises(UnsupportedError):
        record.value()


@pytest.mark.parametrize("name", ["template-listpack", "template-array"])
def test_hash_takes_its_field_names_from_the_template_before_it(name: str) -> None:
    fields = sample(name).value()

    assert fields == ({b"f": b"1", b"g": b"2"} if name == "template-listpack" else {b"f": b"v", b"g": b"5"})


def test_expire_time_idle_and_freq_belong_to_the_next_key_only() -> None:
    parts = HEX(
        "fc7bd8c32cbb030000 f901 00 016b 0176  f805 00 016c 0176  fd01000000 00 016d 0176 00 016e 0176"
    )

    found = read(rdb(parts))

    assert [(r.key, r.expire_at_ms, r.idle_s, r.freq) for r in found] == [
        (b"k", 4102444800123, None, 1),
        (b"l", None, 5, None),
        (b"m", 1000, None, None),
        (b"n", None, None, None),
    ]
    assert b"".join(r.raw() for r in found) == parts


def test_time_before_a_select_counts_but_is_not_part_of_the_span() -> None:
    content = rdb(HEX("fc7bd8c32cbb030000 fe05 00 016b 0176"))

    (record,) = read(content)

    assert (record.db, record.expire_at_ms) == (5, 4102444800123)
    assert record.raw() == HEX("00016b0176")
    assert record.split_times


def test_spans_of_records_follow_each_other() -> None:
    parts = [rdb_record(0, f"key{n}", rdb_string(b"v" * (n * 37 % 5000))) for n in range(300)]
    content = rdb(rdb_database(0, *parts))

    found = read(content)

    assert [record.raw() for record in found] == parts
    assert all(left.end == right.start for left, right in itertools.pairwise(found))
    assert [content[r.value_start : r.end] for r in found] == [bytes(r.value_bytes()) for r in found]


def test_iteration_ends_at_what_is_not_known_and_says_so() -> None:
    content = rdb(rdb_database(0, rdb_record(0, "a", b"\x011"), rdb_record(0, "b", b"\x012"), b"\x65"))
    reader = records(stream_of(content))

    assert [record.key for record in reader] == [b"a", b"b"]
    assert reader.summary.stop is not None
    assert reader.summary.stop.code == "rdb-unknown"


def test_no_rdb_gives_no_records() -> None:
    reader = records(stream_of(b"*1\r\n$4\r\nPING\r\n"))

    assert list(reader) == []
    assert reader.summary.damage is not None


@pytest.mark.parametrize("seekable", [True, False])
def test_large_values_are_read_whole(tmp_path: Path, seekable: bool) -> None:
    large = bytes(range(256)) * ((KEEP_BYTES + 3_000_000) // 256)
    middle = b"m" * 700_000
    body = rdb_database(
        0,
        rdb_record(0, "small", rdb_string("1")),
        rdb_record(0, "large", rdb_string(large), expire_at_ms=5),
        rdb_record(0, "middle", rdb_string(middle)),
        rdb_record(0, "last", rdb_string("2")),
    )
    content = b"REDIS0011" + body + b"\xff" + bytes(8)
    path = tmp_path / "large.rdb"
    path.write_bytes(content)
    source = open_source(path) if seekable else stream_of(content)

    with source:
        found = {record.key: (record.value(), record.expire_at_ms) for record in records(source)}

    assert found == {
        b"small": (b"1", None),
        b"large": (large, 5),
        b"middle": (middle, None),
        b"last": (b"2", None),
    }


@pytest.mark.parametrize("seekable", [True, False])
def test_records_that_are_kept_survive_larger_ones_behind_them(tmp_path: Path, seekable: bool) -> None:
    values = [bytes([65 + place]) * size for place, size in enumerate([3, 1_500_000, 5_000_000, 700_000, 2])]
    entries = [rdb_record(0, f"k{place}", rdb_string(value)) for place, value in enumerate(values)]
    content = b"REDIS0011" + rdb_database(0, *entries) + b"\xff" + bytes(8)
    path = tmp_path / "large.rdb"
    path.write_bytes(content)

    with open_source(path) if seekable else stream_of(content) as source:
        kept = list(records(source))
        found = [(record.value(), record.raw()) for record in kept]

    assert found == list(zip(values, entries, strict=True))


def test_large_value_of_a_file_is_not_held_until_somebody_asks(tmp_path: Path) -> None:
    size = 64 * 1024 * 1024
    path = tmp_path / "huge.rdb"
    with path.open("wb") as out:
        out.write(b"REDIS0011" + HEX("00 016b") + rdb_length(size))
        out.truncate(out.tell() + size)
        out.seek(0, 2)
        out.write(HEX("00 016c 0176 ff") + bytes(8))
    tracemalloc.start()

    with open_source(path) as source:
        keys = [record.key for record in records(source)]

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert keys == [b"k", b"l"]
    assert peak < 3 * KEEP_BYTES


def test_record_of_a_closed_large_value_says_what_is_missing() -> None:
    context = RecordContext(Family.REDIS, 11, None)
    row = Row(9, 9, 10, 12, 20, 0, 0, 0, 0, 0, 0, 0, 1)

    with pytest.raises(SourceError):
        ReferenceRecord(None, 0, row, context).value()


@pytest.mark.parametrize(
    ("record", "code", "at"),
    [
        ("00 016b c3 05 4064 0061e05a01", "lzf-invalid", 3),
        ("10 016b 0d 0d000000 0300 816102 f56202 ff", "blob-encoding", 3),
        ("10 016b 0a 0a000000 0100 816102 ff", "hash-odd", 3),
        ("0b 016b 0a 03000000 01000000 0100", "intset-width", 3),
        ("03 016b 01 0161 0178", "score-text", 6),
        ("0f 016b 01 0161 07 07000000 0000 ff 00 0000 00", "stream-key", 4),
        ("13 016b 01 10 00000000000000010000000000000001 07 07000000 0000 ff 00 0000 0000 0000 00 00",
         "stream-node", 3),
    ],
)  # fmt: skip
def test_damage_inside_a_value_is_named_at_an_absolute_offset(record: str, code: str, at: int) -> None:
    (found,) = read(rdb(HEX(record)))

    with pytest.raises(EncodingDamage) as caught:
        found.value()

    assert (caught.value.code, caught.value.offset) == (code, 9 + at)


def answers(content: bytes, walk_kernel: Any, record_kernel: Any, family: Family) -> list[Any]:
    """Return everything the records of one implementation say."""
    walker = walk_kernel.Walker(family, 9, True, -1)
    status = 4
    while status not in (1, 2, 3):
        status = walker.feed(content, walker.offset, len(content))
        walker.template_count = 2 if status == 8 else -1
        if status == 6:
            walker.take_tally()
    context = RecordContext(family, 15, None, {7: (b"f", b"g")})
    out: list[Any] = []
    for record in record_kernel.build_records(walker, content, 0, context):
        out.append([getattr(record, name) for name in FIELDS])
        for call in (
            lambda r: r.key,
            lambda r: r.raw(),
            lambda r: r.value_bytes(),
            lambda r: r.value(),
            repr,
        ):
            try:
                value = call(record)
            except Exception as error:  # what is raised is compared
                value = (type(error), str(error), getattr(error, "offset", None))
            out.append((type(value), repr(value), list(getattr(value, "expires", ()))))
    return out


@pytest.mark.parametrize("entry", SAMPLES, ids=lambda entry: entry.name)
def test_both_implementations_give_the_same_records_for_every_flip(entry: Sample) -> None:
    walks, builds = both("walk"), both("record")
    content = entry.file
    family = Family(entry.family)

    for place in range(9, len(content)):
        for mask in (0x00, 0x01, 0x80, 0xFF):
            changed = content[:place] + bytes([content[place] ^ mask]) + content[place + 1 :]
            reference = answers(changed, walks[0], builds[0], family)
            assert answers(changed, walks[1], builds[1], family) == reference


def test_stream_with_a_wrong_node_key_reads_as_servers_read_it() -> None:
    shifted = stream_value(3, node_key=HEX("0000000000000005 0000000000000005"))

    (record,) = read(rdb(rdb_record(21, "s", shifted)))

    value = record.value()
    assert isinstance(value, StreamValue)
    assert list(value.entries) == [(5, 5), (6, 4), (7, 4)]
