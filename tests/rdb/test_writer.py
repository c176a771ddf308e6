"""Writing RDB files: what is written reads back, in the encodings and with the parts a server writes."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aoftool.errors import UnsupportedError
from aoftool.files import open_source
from aoftool.rdb.encode.targets import TARGETS, Limits, find_target
from aoftool.rdb.encode.writer import ByteCounter, RdbWriter
from aoftool.rdb.losses import REFUSED_SHOWN
from aoftool.rdb.records.reader import RecordReader, records
from aoftool.rdb.walk.checksum import ChecksumState
from aoftool.values import (
    Consumer,
    ConsumerGroup,
    HashValue,
    ListValue,
    ModuleValue,
    PendingEntry,
    SetValue,
    StreamId,
    StreamValue,
    Value,
    ZSetValue,
)
from tests.rdb.grammar_reading import grammar_records

NOW_S = 1_700_000_000
_TARGETS = [pytest.param(target, id=target.name) for target in TARGETS.values()]
_FIELD_EXPIRY = [t for t in TARGETS.values() if t.field_expiry]


def written(target_name: str, rows: Iterable[tuple[bytes, Value]], **options: object) -> bytes:
    """Return a file of one database with these keys."""
    rows = list(rows)
    out = io.BytesIO()
    with RdbWriter(out, TARGETS[target_name], NOW_S, **options) as writer:  # type: ignore[arg-type]
        writer.select(0, len(rows))
        for key, value in rows:
            writer.key(key, value)
    return out.getvalue()


def read(data: bytes, directory: Path) -> tuple[RecordReader, list[tuple[bytes, int, Value]]]:
    """Read a file with the fast reader; nothing may be wrong with it."""
    path = directory / "dump.rdb"
    path.write_bytes(data)
    with open_source(path) as source:
        reader = records(source)
        found = [(record.key, record.type_id, record.value()) for record in reader]
    assert reader.summary.damage is None
    assert reader.summary.checksum.state is ChecksumState.OK
    return reader, found


def type_of(target_name: str, value: Value, **options: object) -> int:
    """Return the type byte that a value gets."""
    (record,) = grammar_records(written(target_name, [(b"k", value)], **options))
    assert record.value == value
    return record.type_id


# --- the file ---------------------------------------------------------------------------------


def test_smallest_file_has_the_parts_of_a_server() -> None:
    out = io.BytesIO()
    writer = RdbWriter(out, TARGETS["redis-7.0"], NOW_S, base=True, used_memory_bytes=1000)

    size = writer.close()

    data = out.getvalue()
    assert size == len(data)
    assert data[:-9].hex(" ", 1) == (
        "52 45 44 49 53 30 30 31 30 "
        "fa 09 72 65 64 69 73 2d 76 65 72 05 37 2e 30 2e 30 "
        "fa 0a 72 65 64 69 73 2d 62 69 74 73 c0 40 "
        "fa 05 63 74 69 6d 65 c2 00 f1 53 65 "
        "fa 08 75 73 65 64 2d 6d 65 6d c1 e8 03 "
        "fa 08 61 6f 66 2d 62 61 73 65 c0 01"
    )
    assert data[-9] == 0xFF


@pytest.mark.parametrize(
    ("name", "header", "fields"),
    [
        ("redis-6.2", b"REDIS0009", [b"redis-ver", b"redis-bits", b"ctime", b"aof-preamble"]),
        ("redis-7.2", b"REDIS0011", [b"redis-ver", b"redis-bits", b"ctime", b"aof-base"]),
        ("redis-8.0", b"REDIS0012", [b"redis-ver", b"redis-bits", b"ctime", b"aof-base"]),
        ("valkey-7.2", b"REDIS0011", [b"redis-ver", b"redis-bits", b"ctime", b"aof-base"]),
        ("valkey-8.0", b"REDIS0011", [b"valkey-ver", b"redis-bits", b"ctime", b"aof-base"]),
        ("valkey-9.0", b"VALKEY080", [b"valkey-ver", b"redis-bits", b"ctime", b"aof-base"]),
    ],
)
def test_header_and_aux_fields_are_those_of_the_target(
    name: str, header: bytes, fields: list[bytes], tmp_path: Path
) -> None:
    data = written(name, [(b"k", b"v")])

    reader, _ = read(data, tmp_path)

    assert data.startswith(header)
    assert list(reader.summary.aux) == fields


def test_record_is_framed_as_servers_frame_it() -> None:
    out = io.BytesIO()
    with RdbWriter(out, TARGETS["redis-7.0"], NOW_S) as writer:
        writer.select(3, 2, 1)
        writer.key(b"k", b"v", expire_at_ms=4102444800123, freq=1)
        writer.key(b"i", b"v", idle_s=70)

    assert (
        bytes.fromhex("fe03 fb0201 fc7bd8c32cbb030000 f901 00 016b 0176 f84046 00 0169 0176 ff")
        in out.getvalue()
    )


def test_functions_stand_before_the_first_database(tmp_path: Path) -> None:
    out = io.BytesIO()
    with RdbWriter(out, TARGETS["valkey-8.0"], NOW_S) as writer:
        writer.function(b"#!lua name=lib\nreturn 1")
        writer.select(0, 1)
        writer.key(b"k", b"v")

    reader, _ = read(out.getvalue(), tmp_path)

    assert len(reader.summary.functions) == 1


def test_counting_sink_gives_the_exact_size() -> None:
    value = ListValue([b"x" * 300] * 5000)
    counter = ByteCounter()
    with RdbWriter(counter, TARGETS["redis-7.0"], NOW_S) as writer:
        writer.select(0, 1)
        writer.key(b"k", value)

    assert counter.size_bytes == writer.size_bytes == len(written("redis-7.0", [(b"k", value)]))


def test_raw_record_is_copied_as_it_is() -> None:
    record = bytes.fromhex("fc7bd8c32cbb030000 10 0168 0d0d0000000200816602817602ff".replace(" ", ""))
    out = io.BytesIO()
    with RdbWriter(out, TARGETS["redis-7.0"], NOW_S) as writer:
        writer.select(0, 1, 1)
        writer.raw_record(record)

    (found,) = grammar_records(out.getvalue())
    assert (found.key, found.value, found.expire_at_ms) == (b"h", {b"f": b"v"}, 4102444800123)
    assert out.getvalue()[found.start : found.end] == record


def test_failure_leaves_no_end_mark() -> None:
    out = io.BytesIO()

    with pytest.raises(ZeroDivisionError), RdbWriter(out, TARGETS["redis-7.0"], NOW_S) as writer:
        writer.select(1 // 0)

    assert out.getvalue() == b""


# --- what a target cannot hold ----------------------------------------------------------------


def expiring(count: int = 1) -> HashValue:
    """Return a hash with an expire time on each field."""
    value = HashValue({b"f%d" % i: b"v" for i in range(count)})
    value.expires = {field: 4102444800000 + i for i, field in enumerate(value)}
    return value


@pytest.mark.parametrize("name", ["redis-6.2", "redis-7.0", "redis-7.2", "valkey-7.2", "valkey-8.0"])
def test_field_expire_times_are_refused_by_name(name: str) -> None:
    writer = RdbWriter(ByteCounter(), TARGETS[name], NOW_S)
    writer.select(2)
    writer.key(b"good", b"v")
    writer.key(b"cart:\x00", expiring())

    with pytest.raises(UnsupportedError, match=r"expire times of hash fields: cart:\\x00 \(db 2\)"):
        writer.close()


def test_refused_keys_are_all_counted_and_some_named() -> None:
    writer = RdbWriter(ByteCounter(), TARGETS["redis-7.0"], NOW_S)
    for number in range(REFUSED_SHOWN + 5):
        writer.key(b"k%d" % number, expiring())

    with pytest.raises(UnsupportedError, match=rf"cannot hold {REFUSED_SHOWN + 5} .* and 5 more"):
        writer.close()
    assert len(writer.refused) == writer.refused_count == REFUSED_SHOWN + 5


def test_functions_and_vector_sets_are_refused_where_unknown() -> None:
    old = RdbWriter(ByteCounter(), TARGETS["redis-6.2"], NOW_S)
    valkey = RdbWriter(ByteCounter(), TARGETS["valkey-9.0"], NOW_S)
    old.function(b"#!lua name=lib\nreturn 1")
    valkey.key(b"vec", ModuleValue("vectorset", 0, b"\x81" + bytes(9)))

    with pytest.raises(UnsupportedError, match="function library: #!lua name=lib"):
        old.close()
    with pytest.raises(UnsupportedError, match="vector set: vec"):
        valkey.close()


@pytest.mark.parametrize(
    "value", [ListValue(), SetValue(), ZSetValue(), HashValue()], ids=lambda v: type(v).__name__
)
def test_aggregate_without_elements_is_an_error(value: Value) -> None:
    with pytest.raises(ValueError, match="without elements"):
        RdbWriter(ByteCounter(), TARGETS["redis-7.0"], NOW_S).key(b"k", value)


def test_targets_are_found_by_version_and_refused_by_name() -> None:
    assert find_target("redis-7.0.15").name == "redis-7.0"
    assert find_target("valkey-9.1.2").name == "valkey-9.1"
    assert (find_target("valkey-9").name, find_target("valkey-8").name) == ("valkey-9.0", "valkey-8.0")
    with pytest.raises(UnsupportedError, match="no target"):
        find_target("redis-3")


# --- encodings and thresholds -----------------------------------------------------------------


def numbered(count: int, width: int = 4) -> list[bytes]:
    """Return distinct texts of at least that many characters that are no numbers."""
    return [b"v" + b"%d" % i + b"x" * (width - 1 - len(b"%d" % i)) for i in range(count)]


@pytest.mark.parametrize(
    ("name", "value", "type_id"),
    [
        ("redis-6.2", ListValue(numbered(3)), 14),
        ("redis-7.0", ListValue(numbered(3)), 18),
        ("redis-6.2", SetValue.fromkeys(numbered(3)), 2),
        ("redis-7.0", SetValue.fromkeys(numbered(3)), 2),
        ("redis-7.2", SetValue.fromkeys(numbered(128)), 20),
        ("redis-7.2", SetValue.fromkeys(numbered(129)), 2),
        ("valkey-8.0", SetValue.fromkeys(numbered(3, 64)), 20),
        ("valkey-8.0", SetValue.fromkeys(numbered(3, 65)), 2),
        ("valkey-9.0", SetValue.fromkeys(b"%d" % i for i in range(512)), 11),
        ("valkey-9.0", SetValue.fromkeys(b"%d" % i for i in range(513)), 2),
        ("valkey-9.0", SetValue.fromkeys([b"1", b"9223372036854775808"]), 20),
        ("redis-6.2", ZSetValue.fromkeys(numbered(128), 1.5), 12),
        ("redis-7.0", ZSetValue.fromkeys(numbered(128), 1.5), 17),
        ("redis-7.0", ZSetValue.fromkeys(numbered(129), 1.5), 5),
        ("redis-7.0", ZSetValue.fromkeys(numbered(2, 64), 1.5), 17),
        ("redis-7.0", ZSetValue.fromkeys(numbered(2, 65), 1.5), 5),
        ("redis-6.2", HashValue.fromkeys(numbered(512), b"v"), 13),
        ("redis-7.0", HashValue.fromkeys(numbered(512), b"v"), 16),
        ("redis-7.0", HashValue.fromkeys(numbered(513), b"v"), 4),
        ("redis-7.0", HashValue({b"f": b"v" * 64}), 16),
        ("redis-7.0", HashValue({b"f": b"v" * 65}), 4),
        ("redis-7.0", HashValue({b"f" * 65: b"v"}), 4),
        ("redis-7.4", expiring(512), 25),
        ("redis-8.0", expiring(513), 24),
        ("valkey-9.0", expiring(1), 22),
        ("redis-6.2", StreamValue(last_id=StreamId(5, 0)), 15),
        ("redis-7.0", StreamValue(last_id=StreamId(5, 0), first_id=StreamId(0, 0)), 19),
        ("redis-7.2", StreamValue(last_id=StreamId(5, 0), first_id=StreamId(0, 0)), 21),
    ],
)
def test_encoding_is_the_one_the_server_chooses(name: str, value: Value, type_id: int) -> None:
    assert type_of(name, value) == type_id


def test_limits_can_be_set() -> None:
    limits = Limits(hash_entries=2, zset_value_bytes=3)

    assert type_of("redis-7.0", HashValue({b"a": b"1", b"b": b"2", b"c": b"3"}), limits=limits) == 4
    assert type_of("redis-7.0", ZSetValue({b"long": 1.0}), limits=limits) == 5


def test_long_element_gets_a_node_of_its_own_from_7_2_on() -> None:
    value = ListValue([b"a", b"y" * 9000, b"b"])

    old, new = (written(name, [(b"k", value)], compress=False) for name in ("redis-7.0", "redis-7.2"))

    assert bytes.fromhex("01 6328") + b"yyyy" in new
    assert bytes.fromhex("01 6328") + b"yyyy" not in old


def test_compression_can_be_off() -> None:
    assert b"a" * 500 in written("redis-7.0", [(b"k", b"a" * 500)], compress=False)
    assert b"a" * 500 not in written("redis-7.0", [(b"k", b"a" * 500)])


# --- there and back ---------------------------------------------------------------------------

_BYTES = st.one_of(
    st.binary(max_size=40),
    st.integers(-(2**66), 2**66).map(lambda n: b"%d" % n),
    st.sampled_from([b"", b"a" * 64, b"a" * 65, b"xyz" * 400]),
)
_SCORES = st.floats(allow_nan=False)
_IDS = st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)).map(lambda pair: StreamId(*pair))
_PAIRS = st.lists(st.tuples(_BYTES, _BYTES), min_size=1, max_size=4).map(tuple)


@st.composite
def hashes(draw: st.DrawFn) -> HashValue:
    """Draw a hash; some fields may have expire times."""
    value = HashValue(draw(st.dictionaries(_BYTES, _BYTES, min_size=1, max_size=12)))
    for field in draw(st.lists(st.sampled_from(sorted(value)), max_size=4)):
        value.expires[field] = draw(st.integers(1, 2**46 - 1))
    return value


@st.composite
def streams(draw: st.DrawFn) -> StreamValue:
    """Draw a stream with groups whose PEL names their consumers."""
    entries = draw(st.dictionaries(_IDS, _PAIRS, max_size=30))
    value = StreamValue({entry: entries[entry] for entry in sorted(entries)})
    value.last_id = max(value.entries, default=draw(_IDS))
    value.max_deleted_id = draw(_IDS)
    value.entries_added = draw(st.integers(0, 2**63))
    for name in draw(st.sets(_BYTES, max_size=3)):
        value.groups[name] = draw(groups())
    return value


@st.composite
def groups(draw: st.DrawFn) -> ConsumerGroup:
    """Draw a consumer group."""
    group = ConsumerGroup(draw(_IDS), draw(st.none() | st.integers(0, 2**63)))
    for name in draw(st.sets(_BYTES, max_size=3)):
        group.consumers[name] = Consumer(draw(st.integers(0, 2**50)), draw(st.integers(-1, 2**50)))
    if group.consumers:
        for entry in draw(st.sets(_IDS, max_size=5)):
            owner = draw(st.sampled_from(sorted(group.consumers)))
            times, count = draw(st.integers(0, 2**50)), draw(st.integers(0, 2**40))
            group.pel[entry] = PendingEntry(owner, times, count)
    return group


_VALUES = st.one_of(
    _BYTES,
    st.lists(_BYTES, min_size=1, max_size=40).map(ListValue),
    st.lists(_BYTES, min_size=1, max_size=20).map(SetValue.fromkeys),
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1).map(
        lambda numbers: SetValue.fromkeys(b"%d" % n for n in numbers)
    ),
    st.dictionaries(_BYTES, _SCORES, min_size=1, max_size=20).map(ZSetValue),
    hashes(),
    streams(),
)


def expected(value: Value, version: int) -> Value:
    """Return what is left of a value in the stream form of a target."""
    if not isinstance(value, StreamValue):
        return value
    if version == 1:
        value.max_deleted_id, value.entries_added = StreamId(0, 0), len(value.entries)
    for group in value.groups.values():
        group.entries_read = None if version == 1 else group.entries_read
        for consumer in group.consumers.values():
            consumer.active_time_ms = consumer.active_time_ms if version >= 3 else None
    return value


def comparable(value: Value, version: int) -> Value:
    """Drop what only the file has, and what the reader estimates where the file has nothing."""
    if isinstance(value, StreamValue):
        value.first_id = None
        for group in value.groups.values():
            group.entries_read = None if version == 1 else group.entries_read
    return value


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    value=_VALUES, target=st.sampled_from(sorted(TARGETS.values(), key=lambda t: t.name)), small=st.booleans()
)
def test_every_value_comes_back(value: Value, target: object, small: bool, tmp_path: Path) -> None:
    limits = Limits(8192, 2, 20, 3, 2, 20, 2, 20, 100, 3) if small else Limits()
    if isinstance(value, HashValue) and not target.field_expiry:  # type: ignore[attr-defined]
        value.expires = {}

    data = written(target.name, [(b"k", value)], limits=limits)  # type: ignore[attr-defined]
    _, fast = read(data, tmp_path)
    (slow,) = grammar_records(data)

    version = target.stream_version  # type: ignore[attr-defined]
    wanted = expected(value, version)
    assert comparable(fast[0][2], version) == wanted
    assert comparable(slow.value, version) == wanted
