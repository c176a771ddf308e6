"""The construct grammar: it reads every file, means the same as the fast reader, and survives anything."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from construct import ConstructError
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aoftool.files import open_source
from aoftool.rdb.encode.encode import lzf_compress
from aoftool.rdb.grammar.file import parse_file, parse_header, value_grammar
from aoftool.rdb.grammar.lzf import LZF_STEP, unpack_lzf, unpack_lzf_fast, unpacked_place
from aoftool.rdb.grammar.strings import LENGTH, STRING
from aoftool.rdb.records.reader import records
from aoftool.values import StreamValue
from tests.corpus import FIXTURES, corpus_root
from tests.rdb.grammar_reading import grammar_records
from tests.rdb.vectors import VECTORS, Vector

MAGICS = (b"REDIS0", b"VALKEY")
_VECTORS = [pytest.param(vector, id=vector.name) for vector in VECTORS]


def rdb_files() -> Iterator[Path]:
    """Yield every file that starts as an RDB, of the fixtures and of the corpus, each content once.

    Inputs that broke a verb are left out: they are mutations in which a value may be refused by one of the
    readers for what the other does not look at. `tests/cli/test_every_verb.py` has them.
    """
    seen = set()
    for root in (FIXTURES, corpus_root()):
        for path in sorted(root.rglob("*")) if root is not None else []:
            data = path.read_bytes() if path.is_file() else b""
            if data[:6] in MAGICS and data not in seen and "breakage" not in path.parts:
                seen.add(data)
                yield path


def _params() -> list[object]:
    return [pytest.param(path, id=str(Path(*path.parts[-4:]))) for path in rdb_files()]


def small_file(vector: Vector) -> bytes:
    """Return a file of one record without checksum."""
    head = b"REDIS0012" if vector.family == "redis" else b"VALKEY080"
    return head + vector.record + b"\xff" + bytes(8)


@pytest.mark.parametrize("path", _params())
def test_grammar_and_fast_reader_agree(path: Path) -> None:
    data = path.read_bytes()

    with open_source(path) as source:
        reader = records(source)
        fast = [(r.db, r.key, r.type_id, r.expire_at_ms, _value(r), r.start, r.end) for r in reader]
    slow = []
    try:
        for record in grammar_records(data):
            slow.append(tuple(record))
        stopped = False
    except ConstructError:
        stopped = True

    assert slow == fast[: len(slow)]
    found = reader.summary.stop
    # The grammar does not compare checksums, and stops inside a value where the structure walk goes on.
    walk_stopped = found is not None and found.code != "rdb-checksum"
    value_broken = len(slow) < len(fast) and isinstance(fast[len(slow)][4], Exception)
    assert stopped == (walk_stopped or value_broken)


def _value(record: object) -> object:
    if record.type_id in (6, 7, 28, 33):  # type: ignore[attr-defined]
        return None
    try:
        value = record.value()  # type: ignore[attr-defined]
    except Exception as error:
        return error
    if isinstance(value, StreamValue):
        value.tail = b""
        if record.type_id == 15:  # type: ignore[attr-defined]
            # The first form has no read counters; the reader estimates them as servers do.
            for group in value.groups.values():
                group.entries_read = None
    return value


@pytest.mark.parametrize("vector", _VECTORS)
def test_vector_has_its_meaning(vector: Vector) -> None:
    (record,) = grammar_records(small_file(vector))

    assert record.key == vector.key
    assert record.value == vector.value


@pytest.mark.parametrize("vector", _VECTORS)
def test_every_prefix_of_a_vector_is_refused(vector: Vector) -> None:
    data = small_file(vector)

    for size in range(len(data)):
        with pytest.raises(ConstructError):
            list(parse_file(data[:size]))


@pytest.mark.parametrize("vector", _VECTORS)
def test_every_flipped_byte_is_refused_or_read(vector: Vector) -> None:
    data = small_file(vector)

    for at in range(len(data)):
        for mask in (0x01, 0xC0):
            flipped = bytearray(data)
            flipped[at] ^= mask
            with suppress(ConstructError):
                list(parse_file(bytes(flipped)))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(range(34)), st.binary(max_size=80), st.sampled_from(["redis", "valkey"]))
def test_random_bytes_as_a_value_are_refused_or_read(type_id: int, data: bytes, family: str) -> None:
    with suppress(ConstructError):
        value_grammar(type_id, family).parse_stream(io.BytesIO(data))


@pytest.mark.parametrize("head", ["80ffffffff", "81ffffffffffffffff", "8100000100000000 00"])
def test_huge_length_is_refused_without_allocating(head: str) -> None:
    with pytest.raises(ConstructError):
        STRING.parse(bytes.fromhex(head) + b"abc")


def test_huge_unpacked_size_is_refused_before_unpacking() -> None:
    with pytest.raises(ConstructError, match="cannot unpack"):
        unpack_lzf(b"\x00a" * 10, 10**9)


@given(st.lists(st.sampled_from([b"ab", b"xyz", b"aaaaaaaa", b"0123456789"]), max_size=200).map(b"".join))
def test_lzf_steps_and_codec_agree(data: bytes) -> None:
    packed = lzf_compress(data, 2 * len(data) + 16)
    assume(packed is not None)
    assert packed is not None

    assert unpack_lzf(packed, len(data)) == unpack_lzf_fast(packed, len(data)) == data


def test_every_packed_byte_has_its_place() -> None:
    packed = lzf_compress(b"abcabcabcabc0123456789" * 20, 400)
    assert packed is not None
    stream, place, expected = io.BytesIO(packed), 0, []
    while stream.tell() < len(packed):
        begin = stream.tell()
        step = LZF_STEP.parse_stream(stream)
        for at in range(begin, stream.tell()):
            expected.append(place + (0 if step.distance else max(at - begin - 1, 0)))
        place += step.length

    assert [unpacked_place(packed, at) for at in range(len(packed))] == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("00", 0),
        ("3f", 63),
        ("4040", 64),
        ("7fff", 16383),
        ("8000004000", 16384),
        ("80ffffffff", 2**32 - 1),
        ("810000000100000000", 2**32),
        ("8000000001", 1),
    ],
)
def test_length_forms(text: str, value: int) -> None:
    assert LENGTH.parse(bytes.fromhex(text)) == value


@pytest.mark.parametrize("text", ["82", "bf", "c0", "ff"])
def test_byte_that_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(ConstructError):
        LENGTH.parse(bytes.fromhex(text))


def test_valkey_update_holds_a_command() -> None:
    data = b"VALKEY081\xf2*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n\r\n\r\n\xff" + bytes(8)

    (_, _, update), _ = parse_file(data)

    assert update.data.arguments == [b"SET", b"k", b"\r\n"]


@pytest.mark.parametrize(
    "command", [b"*1\r\n$x\r\n", b"+1\r\n", b"*99999999999999999999999\r\n", b"*2\r\n$1\r\nk\r\n"]
)
def test_broken_update_is_refused(command: bytes) -> None:
    with pytest.raises(ConstructError):
        list(parse_file(b"VALKEY081\xf2" + command))


@pytest.mark.parametrize(
    ("family", "text"),
    [
        ("redis", "f2 05 02 0161 0162"),
        ("redis", "f3 01 61626364 02 07 00 00 016b 0176"),
        ("valkey", "f3 28" + "61" * 40 + "01 00 05"),
        ("redis", "f4 41c1 01 01"),
        ("redis", "f6 0166 036c7561 00 0163"),
        ("redis", "f7 81bde72da2bb1eb400 02 01 02 05 03 0000803f 04 000000000000f83f 05 0161 00"),
    ],
)
def test_rare_opcodes_are_read_to_their_end(family: str, text: str) -> None:
    head = b"REDIS0015" if family == "redis" else b"VALKEY081"
    data = head + bytes.fromhex(text) + b"\xff" + bytes(8)

    items = list(parse_file(data))

    assert items[-1][1] == len(data) - 8


@pytest.mark.parametrize("head", [b"RADIS0009", b"REDISXXXX", b"VALKEYabc", b"", b"REDIS00"])
def test_other_headers_are_refused(head: bytes) -> None:
    with pytest.raises(ConstructError):
        parse_header(head)
