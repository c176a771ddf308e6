"""The compiled passes and the reference fill the same columns with the same numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoftool.columns import zeros
from aoftool.commands.effects import EffectTable
from aoftool.liveness import _backward_py, _dead_py, _keys_py, _needless_py
from aoftool.liveness.model import Chunk, Trace
from tests import builders
from tests.kernels import needs
from tests.liveness.pruning import trace_of
from tests.random_logs import Mix, random_log
from tests.servers import Build

COLUMNS = ("offsets", "names", "ops", "keys", "fates", "ref_keys", "ref_effects", "ref_sizes")
NEWEST = Build("valkey", (9, 1, 2), Path())

needs_kernel = needs("keys", "passes", "trace")


def native_trace(content: bytes, *, chunk_rows: int, split: int, databases: int = 16) -> Trace:
    """Feed a log in pieces of `split` bytes, whatever they cut."""
    from aoftool.liveness._trace_native import NativeTraceBuilder

    builder = NativeTraceBuilder(EffectTable(databases), chunk_rows=chunk_rows)
    builder.start_file(0, 0, "log")
    held, base = b"", 0
    for at in range(0, len(content), split):
        held += content[at : at + split]
        taken, irregular = builder.feed(memoryview(held), base)
        assert not irregular
        held, base = held[taken:], base + taken
    assert not held
    return builder.end(base)


def columns(chunk: Chunk) -> dict[str, Any]:
    found = {name: getattr(chunk, name) for name in COLUMNS}
    return {name: (str(column.dtype), column.tolist()) for name, column in found.items()}


def assert_same(left: Trace, right: Trace) -> None:
    assert list(map(columns, left.chunks)) == list(map(columns, right.chunks))
    assert left.names == right.names
    assert left.numbering == right.numbering
    assert (left.first_opaque, left.selected) == (right.first_opaque, right.selected)
    assert list(key_names(left)) == list(key_names(right))


def key_names(trace: Trace) -> Iterator[tuple[int, bytes]]:
    homes = trace.keys.databases().tolist()
    yield from ((homes[number], trace.keys.key(number)) for number in range(len(trace.keys)))


@needs_kernel
@given(
    seed=st.integers(0, 10_000),
    opaque=st.sampled_from([0.0, 0.03]),
    chunk_rows=st.sampled_from([1, 7, 50, 1 << 20]),
    split=st.sampled_from([11, 100, 4096, 1 << 20]),
    databases=st.sampled_from([1, 4, 16]),
)
def test_both_builders_give_the_same_trace(
    seed: int, opaque: float, chunk_rows: int, split: int, databases: int
) -> None:
    log = random_log(seed, NEWEST, 40 + seed % 160, Mix(opaque=opaque, unfinished=0.3))

    left = trace_of(log, chunk_rows=chunk_rows, databases=databases)
    right = native_trace(builders.log(*log), chunk_rows=chunk_rows, split=split, databases=databases)

    assert_same(left, right)


@needs_kernel
@given(seed=st.integers(0, 10_000), opaque=st.sampled_from([0.0, 0.03]), based=st.integers(0, 2**12 - 1))
def test_both_passes_give_the_same_fates(seed: int, opaque: float, based: int) -> None:
    from aoftool.liveness import _passes_cy
    from aoftool.liveness.native import add_dead

    log = random_log(seed, NEWEST, 40 + seed % 260, Mix(keys=3 + seed % 9, opaque=opaque, unfinished=0.1))
    one = trace_of(log, chunk_rows=37)
    two = native_trace(builders.log(*log), chunk_rows=37, split=1 << 20)

    covered, covered_too = _backward_py.mark_dead(one), _passes_cy.mark_dead(two)

    assert_same(one, two)
    assert [covered.cause(key) for key in range(len(one.keys))] == covered_too.causes().tolist()
    whole = range(one.databases)
    assert [*map(covered.covers_unnamed, whole)] == [*map(covered_too.covers_unnamed, whole)]

    held = bytearray(based >> number % 12 & 1 for number in range(len(one.keys)))
    databases = bytearray(one.databases)
    for home, is_held in zip(one.keys.home_column(), held, strict=True):
        databases[home] |= is_held
    _needless_py.drop_needless(one, held.copy(), databases.copy())
    _passes_cy.drop_needless(two, held.copy(), databases.copy())

    assert_same(one, two)
    totals = zeros("q", len(one.keys)), zeros("q", len(two.keys))
    for left, right in zip(one.chunks, two.chunks, strict=True):
        _dead_py.add_dead(left, one.keys, totals[0])
        add_dead(right, two.keys, totals[1])
    assert totals[0].tolist() == totals[1].tolist()


@needs_kernel
@given(st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=40)), max_size=200))
def test_both_key_tables_count_alike(keys: list[tuple[int, bytes]]) -> None:
    from aoftool.liveness import _keys_cy

    one, two = _keys_py.KeyTable(), _keys_cy.KeyTable()

    assert [one.intern(*key) for key in keys] == [two.intern(*key) for key in keys]
    assert [one.find(*key) for key in keys] == [two.find(*key) for key in keys]
    assert two.find(9, b"never there") == -1
    assert [one.key(number) for number in range(len(one))] == [two.key(number) for number in range(len(two))]
    assert one.databases().tolist() == two.databases().tolist() == two.home_column().tolist()
    assert one.used() == two.used() == set(one.home_column())


@needs_kernel
def test_the_key_table_grows_past_any_first_size() -> None:
    from aoftool.liveness import _keys_cy

    table = _keys_cy.KeyTable()
    keys = [b"%d" % number * (1 + number % 5) for number in range(50_000)]

    assert [table.intern(number % 2, key) for number, key in enumerate(keys)] == list(range(50_000))
    assert [table.find(number % 2, key) for number, key in enumerate(keys)] == list(range(50_000))


@needs_kernel
@pytest.mark.parametrize(
    "content",
    [b"*01\r\n$4\r\nPING\r\n", b"*1\n$4\nPING\n", b"*0\r\n", b"PING\r\n", b"*1\r\n$4\r\nPINGxx", b"*-1\r\n"],
)
def test_commands_that_are_not_canonical_are_left_to_the_scanner(content: bytes) -> None:
    from aoftool.liveness._trace_native import NativeTraceBuilder

    builder = NativeTraceBuilder(EffectTable())
    builder.start_file(0, 0, "log")
    good = builders.command("SET", "a", "1")

    assert builder.feed(memoryview(good + content), 0) == (len(good), True)


@needs_kernel
@given(st.binary(max_size=200))
def test_hostile_bytes_are_never_read_past_their_end(content: bytes) -> None:
    from aoftool.liveness._trace_native import NativeTraceBuilder

    for data in (content, b"*3\r\n$3\r\nSET\r\n" + content, b"*2\r\n$99999999999\r\n" + content):
        builder = NativeTraceBuilder(EffectTable())
        builder.start_file(0, 0, "log")

        taken, _ = builder.feed(memoryview(data), 0)

        assert 0 <= taken <= len(data)


@needs_kernel
def test_annotations_are_rows_of_their_own() -> None:
    content = builders.timestamp(5) + builders.command("SET", "a", "1") + builders.annotation("x")

    trace = native_trace(content, chunk_rows=100, split=7)

    (chunk,) = trace.chunks
    assert [trace.names[name] for name in chunk.names.tolist()] == [b"#", b"SET", b"#"]
    assert chunk.offsets.tolist() == [0, 7, 7 + 27, len(content)]


@needs_kernel
@given(seed=st.integers(0, 10_000), opaque=st.sampled_from([0.0, 0.03]))
def test_both_find_the_same_components(seed: int, opaque: float) -> None:
    from aoftool.liveness import _components_py, _passes_cy

    log = random_log(seed, NEWEST, 20 + seed % 100, Mix(keys=5 + seed % 60, opaque=opaque))
    trace = trace_of(log, chunk_rows=37)
    _backward_py.mark_dead(trace)

    found = _components_py.find_components(trace)

    assert found.tolist() == _passes_cy.find_components(trace).tolist()
    assert all(found[root] == root <= key for key, root in enumerate(found.tolist()))
