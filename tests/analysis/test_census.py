"""The census against itself: kernel and reference, splits, filters; and against a slow obvious count."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aoftool.analysis.census import _census_py
from aoftool.analysis.census.model import FIRST_PREFIX, CensusOptions
from aoftool.analysis.census.templates import Template, prefix_of
from tests.analysis.census_streams import KEYS, encode, random_stream, rows_of
from tests.kernels import compiled, needs, twins

needs_kernel = needs("census")
both_twins = pytest.mark.parametrize("module", twins("census"))
OPTIONS = {
    "plain": CensusOptions(),
    "deep": CensusOptions(template=Template(depth=2)),
    "literal": CensusOptions(template=Template(automatic=False, separator=b"/")),
    "few-keys": CensusOptions(key_limit=4, prefix_limit=3),
    "one-db": CensusOptions(databases=frozenset({1})),
    "times": CensusOptions(since_s=1_700_000_010, until_s=1_700_001_000),
    "matching": CensusOptions(admit=lambda key: key.startswith(b"user")),
}


def everything(
    module: Any, options: CensusOptions, data: bytes, splits: tuple[int, ...] = ()
) -> dict[str, Any]:
    census = module.Census(options)
    for file in range(2):
        census.start_file(file, 9, 5)
        for rows, roles in rows_of(data, splits):
            census.map_commands(roles)
            census.add(rows)
    census.end_file()
    return {
        "slices": census.take_slices(),
        "key_count": census.key_count,
        "full": census.full,
        "keys": census.take_keys(),
        "emptied": census.key_count,
        "prefixes": census.prefixes(),
        "commands": census.commands(),
        "histograms": census.histograms(),
        "spikes": census.spikes(),
        "overflow": (census.overflow_writes, census.overflow_bytes, census.key_writes, census.flushes),
    }


@needs_kernel
@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("seed", range(12))
def test_kernel_and_reference_agree(name: str, seed: int) -> None:
    data = random_stream(seed)

    native, reference = (
        everything(module, OPTIONS[name], data) for module in (compiled("census"), _census_py)
    )

    assert native == reference


@both_twins
@settings(max_examples=30)
@given(seed=st.integers(0, 1000), cuts=st.lists(st.integers(0, 4000), max_size=6))
def test_splits_do_not_matter(module: Any, seed: int, cuts: list[int]) -> None:
    data = random_stream(seed, 60)

    whole = everything(module, OPTIONS["plain"], data)
    pieces = everything(module, OPTIONS["plain"], data, tuple(min(cut, len(data)) for cut in cuts))

    assert pieces == whole


@needs_kernel
@given(
    key=st.one_of(
        st.binary(max_size=60),
        st.text("abcdefg0189:-/_{}.", max_size=80).map(str.encode),
        st.sampled_from(KEYS),
    ),
    depth=st.integers(1, 4),
    automatic=st.booleans(),
)
def test_kernel_makes_the_prefixes_of_the_reference(key: bytes, depth: int, automatic: bool) -> None:
    template = Template(depth=depth, automatic=automatic)
    census = compiled("census").Census(CensusOptions(template=template))
    census.start_file(0, 20)
    for rows, roles in rows_of(encode([b"SET", key, b"v"])):
        census.map_commands(roles)
        census.add(rows)

    assert census.prefixes() == [prefix_of(key, template)]


@pytest.mark.parametrize(
    ("key", "depth", "prefix"),
    [
        (b"cart:991:items", 1, b"cart:*"),
        (b"cart:991:items", 2, b"cart:*:items"),
        (b"sess:0f8fad5b-d9cb-469f-a165-70867728950e", 2, b"sess:*"),
        (b"tok:deadbeef01", 2, b"tok:*"),
        (b"user1042", 1, b"user*"),
        (b"leaderboard", 1, b"leaderboard"),
        (b"deadbeef:x", 1, b"deadbeef:*"),
        (b"01ARZ3NDEKTSV4RRFFQ69G5FAV", 1, b"*"),
        (b"123:name", 1, b"*:name"),
    ],
)
def test_prefixes_read_as_people_name_them(key: bytes, depth: int, prefix: bytes) -> None:
    assert prefix_of(key, Template(depth=depth)) == prefix


@both_twins
@pytest.mark.parametrize("options", ["plain", "few-keys"])
def test_bytes_add_up_by_every_kind_and_over_the_keys(module: Any, options: str) -> None:
    data = random_stream(99, times=False)

    found = everything(module, OPTIONS[options], data)

    slices = found["slices"]
    kinds = np.frombuffer(slices.cell_kind, np.int64)
    cell_bytes = np.frombuffer(slices.cell_bytes, np.int64)
    assert [int(cell_bytes[kinds == kind].sum()) for kind in range(3)] == [2 * len(data)] * 3
    ids = np.frombuffer(slices.cell_id, np.int64)
    of_keys = int(cell_bytes[(kinds == 2) & (ids >= FIRST_PREFIX - 1)].sum())
    in_table = int(np.frombuffer(found["keys"].size_bytes, np.int64).sum())
    assert in_table + found["overflow"][1] == of_keys


@both_twins
def test_expire_times_follow_the_commands(module: Any) -> None:
    stream = [
        [b"SET", b"a", b"1", b"PXAT", b"5000"],
        [b"SET", b"b", b"1", b"PXAT", b"6000"],
        [b"SET", b"b", b"2", b"KEEPTTL"],
        [b"SET", b"c", b"1", b"PXAT", b"7000"],
        [b"SET", b"c", b"2"],
        [b"HSET", b"d", b"f", b"v"],
        [b"PEXPIREAT", b"d", b"8000"],
        [b"RENAME", b"d", b"e"],
        [b"SET", b"f", b"1", b"EXAT", b"9"],
        [b"PERSIST", b"f"],
        [b"DEL", b"a"],
        [b"SELECT", b"1"],
        [b"SET", b"g", b"1", b"PXAT", b"5000"],
        [b"FLUSHDB"],
        [b"INCR", b"h"],
    ]
    census = module.Census(CensusOptions())
    census.start_file(0, 20)
    for rows, roles in rows_of(b"".join(map(encode, stream))):
        census.map_commands(roles)
        census.add(rows)

    keys = census.take_keys()

    ends = [0, *np.frombuffer(keys.name_end, np.int64).tolist()]
    names = [keys.names[start:end] for start, end in itertools.pairwise(ends)]
    deadlines = dict(zip(names, np.frombuffer(keys.deadline_ms, np.int64).tolist(), strict=True))
    assert deadlines == {b"a": -1, b"b": 6000, b"c": 0, b"d": -1, b"e": 8000, b"f": 0, b"g": -1, b"h": 0}


def test_random_streams_hold_what_the_kernel_must_meet() -> None:
    assert {b"FLUSHALL", b"RENAME", b"XADD", b"KEEPTTL".lower()} <= set(random_stream(3, 2000).split(b"\r\n"))
