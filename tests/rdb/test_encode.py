"""The hot encodings: both implementations give the same bytes, and the bytes that servers give."""

from __future__ import annotations

import random
from functools import partial
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoftool.rdb.blobs import listpack, lzf
from aoftool.rdb.decode.strings import read_string, read_strings
from aoftool.rdb.encode import _encode_py, encode
from aoftool.rdb.encode.score_text import WHOLE_LISTPACK, score_text
from tests.kernels import REQUIRED, twins
from tests.servers import Server, server_params


@pytest.fixture(params=twins("encode"))
def kernel(request: pytest.FixtureRequest) -> ModuleType:
    """Give each implementation in turn."""
    module: ModuleType = request.param
    return module


_TEXT = st.one_of(
    st.binary(max_size=80),
    st.integers().map(lambda n: b"%d" % n),
    st.integers(-(2**63), 2**63 - 1).map(lambda n: b"%d" % n),
    st.text("ab", max_size=400).map(str.encode),
    st.lists(st.sampled_from([b"abc", b"xyzw", b"0123456789"]), max_size=60).map(b"".join),
    st.sampled_from(
        [b"", b"-", b"-0", b"00", b"+1", b"007", b"3.0", b" 1", b"x" * 63, b"x" * 64, b"x" * 5000]
    ),
)


def samples(count: int, seed: int = 7) -> list[bytes]:
    """Return strings that compress well, badly and in between, of sizes around every threshold."""
    source = random.Random(seed)
    sizes = [0, 1, 4, 11, 12, 19, 20, 21, 22, 24, 30, 60, 100, 263, 264, 265, 300, 1000, 9000, 20000]
    words = [bytes(source.choices(b"abcdefgh", k=source.randrange(1, 9))) for _ in range(20)]
    out = []
    for _ in range(count):
        size = source.choice(sizes)
        kind = source.randrange(5)
        if kind == 0:
            out.append(source.randbytes(size))
        elif kind == 1:
            out.append(bytes(source.choices(b"ab", k=size)))
        elif kind == 2:
            out.append(b"a" * size)
        elif kind == 3:
            out.append(b"".join(source.choices(words, k=size // 4 + 1))[:size])
        else:
            out.append(b"%d" % source.choice([0, -1, 127, 128, -129, 32768, 2**31 - 1, 2**31, -(2**31) - 1]))
    return out


def test_compiled_kernel_is_in_use_when_it_is_required() -> None:
    if REQUIRED:
        assert encode.encode_string.__module__ == "aoftool.rdb.encode._encode_cy"


@given(_TEXT, st.booleans())
def test_twins_agree_on_strings(data: bytes, compress: bool) -> None:
    cy = pytest.importorskip("aoftool.rdb.encode._encode_cy")

    assert cy.encode_string(data, compress) == _encode_py.encode_string(data, compress)
    assert cy.lzf_compress(data, len(data) - 4) == _encode_py.lzf_compress(data, len(data) - 4)


@given(st.lists(_TEXT, max_size=30), st.booleans(), st.integers(20, 600), st.integers(1, 600))
def test_twins_agree_on_runs(items: list[bytes], compress: bool, node_bytes: int, plain_above: int) -> None:
    cy = pytest.importorskip("aoftool.rdb.encode._encode_cy")
    py = _encode_py

    assert cy.encode_strings(items, compress) == py.encode_strings(items, compress)
    assert cy.listpack_entries(items) == py.listpack_entries(items)
    assert cy.integers(items) == py.integers(items)
    assert cy.encode_ziplist(items) == py.encode_ziplist(items)
    assert cy.pack_list(items, node_bytes, plain_above, compress) == py.pack_list(
        items, node_bytes, plain_above, compress
    )


@given(st.lists(st.tuples(st.floats(allow_nan=False), _TEXT), max_size=20), st.booleans())
def test_twins_agree_on_scores(pairs: list[tuple[float, bytes]], compress: bool) -> None:
    cy = pytest.importorskip("aoftool.rdb.encode._encode_cy")

    assert cy.encode_scored(pairs, compress) == _encode_py.encode_scored(pairs, compress)


@given(st.lists(st.tuples(st.floats(allow_nan=False), _TEXT), max_size=20))
def test_twins_agree_on_packed_scores(pairs: list[tuple[float, bytes]]) -> None:
    cy = pytest.importorskip("aoftool.rdb.encode._encode_cy")
    text = partial(score_text, shortest=True)

    for whole in (0, 1 << 52, WHOLE_LISTPACK):
        assert cy.score_entries(pairs, whole, text) == _encode_py.score_entries(pairs, whole, text)


@given(st.lists(st.tuples(_TEXT, _TEXT, st.none() | st.integers(-(2**63), 2**63 - 1))), st.booleans())
def test_twins_agree_on_string_records(rows: list[tuple[bytes, bytes, int | None]], compress: bool) -> None:
    cy = pytest.importorskip("aoftool.rdb.encode._encode_cy")

    assert cy.string_records(rows, compress) == _encode_py.string_records(rows, compress)


_NUMBER = st.integers(0, 2**64 - 1)
_ROW = st.tuples(
    st.tuples(_NUMBER, _NUMBER), st.lists(st.tuples(st.sampled_from([b"f", b"g"]), _TEXT), max_size=3)
)


@given(st.lists(_ROW, min_size=1, max_size=200), st.integers(1, 4096), st.integers(0, 140), st.data())
def test_twins_agree_on_stream_entries(
    rows: list[Any], node_bytes: int, node_entries: int, data: st.DataObject
) -> None:
    cy = pytest.importorskip("aoftool.rdb.encode._encode_cy")
    at = data.draw(st.integers(0, len(rows) - 1))

    arguments = (rows, at, node_bytes, node_entries)
    assert cy.stream_entries(*arguments) == _encode_py.stream_entries(*arguments)


def test_twins_agree_on_long_strings() -> None:
    cy = pytest.importorskip("aoftool.rdb.encode._encode_cy")

    for data in samples(300):
        assert cy.encode_string(data, True) == _encode_py.encode_string(data, True)


@pytest.mark.parametrize("limit", range(40))
def test_twins_agree_on_every_limit(limit: int) -> None:
    cy = pytest.importorskip("aoftool.rdb.encode._encode_cy")

    for data in samples(60, seed=limit):
        assert cy.lzf_compress(data[:300], limit) == _encode_py.lzf_compress(data[:300], limit)


@pytest.mark.parametrize("data", samples(200, seed=3), ids=len)
def test_packed_string_unpacks(kernel: ModuleType, data: bytes) -> None:
    packed = kernel.lzf_compress(data, len(data) - 4)

    if packed is not None:
        assert len(packed) <= len(data) - 4
        assert lzf.decompress(packed, len(data)) == data


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"-5", "c0fb"),
        (b"300", "c12c01"),
        (b"70000", "c270110100"),
        (b"-2147483648", "c200000080"),
        (b"2147483648", "0a32313437343833363438"),
        (b"007", "03303037"),
        (b"-0", "022d30"),
        (b"+5", "022b35"),
        (b"", "00"),
        (b"a" * 20, "14" + "61" * 20),
        (b"a" * 21, "c306150161" + "61e00a00"),
        (b"k" * 30, "c3091e016b6be01100016b6b"),
        (b"a" * 100, "c3094064016161e05700016161"),
    ],
)
def test_string_as_servers_write_it(kernel: ModuleType, data: bytes, text: str) -> None:
    assert kernel.encode_string(data, True).hex() == text


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (b"0", "0001"),
        (b"127", "7f01"),
        (b"128", "c08002"),
        (b"-1", "dfff02"),
        (b"-4096", "d00002"),
        (b"4095", "cfff02"),
        (b"4096", "f1001003"),
        (b"-32769", "f2ff7fff04"),
        (b"2147483647", "f3ffffff7f05"),
        (b"9223372036854775807", "f4ffffffffffffff7f09"),
        (b"", "8001"),
        (b"a", "816102"),
        (b"x" * 64, "e040" + "78" * 64 + "42"),
    ],
)
def test_listpack_entry_as_servers_write_it(kernel: ModuleType, item: bytes, text: str) -> None:
    assert kernel.listpack_entries([item]).hex() == text


@given(st.lists(_TEXT, max_size=40))
def test_strings_come_back(items: list[bytes]) -> None:
    data = encode.encode_strings(items, True)

    assert read_strings(data, 0, len(items)) == (items, len(data))


@given(st.lists(_TEXT, max_size=60), st.integers(20, 400), st.integers(10, 400))
def test_list_nodes_hold_the_list_and_keep_the_limit(items: list[bytes], limit: int, plain: int) -> None:
    count, data = encode.pack_list(items, limit, plain, True)

    found: list[bytes] = []
    at = 0
    for _ in range(count):
        container, (blob, at) = data[at], read_string(data, at + 1)
        entries = [blob] if container == 1 else listpack.decode(blob)
        found += entries
        assert container == 1 or len(blob) <= limit or len(entries) == 1
    assert found == items
    assert at == len(data)


@pytest.mark.parametrize("server_build", server_params(since="6.0"))
def test_strings_equal_those_of_the_server_byte_for_byte(live_server: Server) -> None:
    data = samples(400, seed=11)

    live_server.pipeline([("SET", f"k{i}", text) for i, text in enumerate(data)])
    dumps = live_server.pipeline([("DUMP", f"k{i}") for i in range(len(data))])

    for text, dump in zip(data, dumps, strict=True):
        assert encode.encode_string(text, True) == dump[1:-10]
