"""JSON lines from records: the compiled writer gives what the reference gives, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoftool.files import open_source
from aoftool.kernels import PURE
from aoftool.rdb.blobs.intset import encode as encode_intset
from aoftool.rdb.blobs.listpack import encode as encode_listpack
from aoftool.rdb.records import _jsonl_py
from aoftool.rdb.records.reader import records
from tests import builders
from tests.corpus import FIXTURES, Case, PeerFile, case_params, peer_params
from tests.kernels import compiled

Lines = Callable[..., bytes]


def _compiled() -> ModuleType:
    if PURE:
        pytest.skip("the compiled writer takes the records of the compiled reader")
    return compiled("jsonl")


def _both(path: Path) -> tuple[bytes, bytes]:
    out = []
    for module in (_jsonl_py, _compiled()):
        with open_source(path) as source:
            out.append(module.record_lines(records(source), "a.rdb", True))
    return out[0], out[1]


def _hold_equal(path: Path) -> list[dict[str, object]]:
    reference, compiled = _both(path)

    for one, two in zip(reference.splitlines(), compiled.splitlines(), strict=True):
        assert one == two
    return [json.loads(line) for line in compiled.splitlines()]


@pytest.mark.parametrize("case", [*case_params("recorded", root=FIXTURES), *case_params("recorded")])
def test_recorded_bases_give_the_same_lines(case: Case) -> None:
    for path in case.files():
        if path.read_bytes()[:5] in (b"REDIS", b"VALKE"):
            _hold_equal(path)


@pytest.mark.parametrize("peer", peer_params())
def test_files_of_other_projects_give_the_same_lines(peer: PeerFile) -> None:
    if peer.path.read_bytes()[:5] in (b"REDIS", b"VALKE"):
        _hold_equal(peer.path)


words = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.integers(-(2**63), 2**63 - 1).map(lambda number: str(number).encode()),
    st.sampled_from(
        [b"", b"a", b"\x7f", b'"\\/\b\f\n\r\t\x00', b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf"]
    ),
)
scores = st.one_of(
    st.floats(allow_nan=False).map(lambda score: repr(score).encode()),
    st.integers(-(2**60), 2**60).map(lambda score: str(score).encode()),
    st.sampled_from([b"0", b"-0", b"1e22", b"inf", b"-inf", b"nan", b"1e16", b"123456789012345680"]),
)


def _listpack(items: list[bytes]) -> bytes:
    return builders.rdb_string(encode_listpack(items))


@st.composite
def values(draw: st.DrawFn) -> tuple[int, bytes]:
    kind = draw(
        st.sampled_from(["string", "list", "set", "hash", "zset", "intset", "quicklist", "plain", "pairs"])
    )
    if kind == "string":
        return 0, builders.rdb_string(draw(words))
    if kind == "intset":
        members = draw(st.sets(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20))
        return 11, builders.rdb_string(encode_intset(sorted(members)))
    items = draw(st.lists(words, max_size=12))
    if kind == "quicklist":
        plain = builders.rdb_length(1) + builders.rdb_string(draw(words))
        return 18, builders.rdb_length(2) + builders.rdb_length(2) + _listpack(items) + plain
    if kind == "plain":
        type_id = draw(st.sampled_from([1, 2]))
        return type_id, builders.rdb_length(len(items)) + b"".join(map(builders.rdb_string, items))
    if kind == "set":
        return 20, _listpack(items)
    if kind == "zset":
        return 17, _listpack([part for item in items for part in (item, draw(scores))])
    pairs = [part for item in items for part in (item, draw(words))]
    if kind == "pairs":
        return 4, builders.rdb_length(len(items)) + b"".join(map(builders.rdb_string, pairs))
    return 16, _listpack(pairs)


@given(st.lists(st.tuples(words, values(), st.none() | st.integers(0, 2**63 - 1)), max_size=6))
def test_any_sound_values_give_the_same_lines(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[bytes, tuple[int, bytes], int | None]]
) -> None:
    parts = [
        builders.rdb_record(type_id, key, value, expire_at_ms=expire)
        for key, (type_id, value), expire in rows
    ]
    path = tmp_path_factory.mktemp("jsonl") / "one.rdb"
    path.write_bytes(builders.rdb(builders.rdb_database(0, *parts)))

    lines = _hold_equal(path)

    assert len(lines) == len(rows)


@given(st.data())
def test_damaged_values_give_the_same_lines(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    type_id, value = data.draw(values())
    content = bytearray(builders.rdb(builders.rdb_database(0, builders.rdb_record(type_id, "key", value))))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(9, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("jsonl") / "one.rdb"
    path.write_bytes(content)

    _hold_equal(path)


@pytest.mark.parametrize("type_id", [16, 17, 20])
def test_a_blob_that_holds_less_than_it_states_is_told_by_both(type_id: int, tmp_path: Path) -> None:
    # A listpack without entries whose header states 256 of them.
    blob = bytes([7, 0, 0, 0, 0, 1, 0xFF])
    record = builders.rdb_record(type_id, "key", builders.rdb_string(blob))
    path = tmp_path / "short.rdb"
    path.write_bytes(builders.rdb(builders.rdb_database(0, record)))

    [line] = _hold_equal(path)

    assert "problem" in line


def test_members_that_stand_twice_are_left_to_the_reference(tmp_path: Path) -> None:
    path = tmp_path / "twice.rdb"
    record = builders.rdb_record(20, "set", _listpack([b"5", b"a", b"5"]))
    path.write_bytes(builders.rdb(builders.rdb_database(0, record)))

    lines = _hold_equal(path)

    assert lines[0]["value"] == ["5", "a"]
