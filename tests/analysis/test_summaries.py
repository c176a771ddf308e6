"""Summaries: parts merged equal the whole, order does not matter, and the dict form gives the same back."""

from __future__ import annotations

import copy
import itertools
import json
import pickle
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aoftool.analysis.census.driver import KEYLESS
from aoftool.analysis.census.kernel import Census
from aoftool.analysis.census.key_counts import KeyCounts
from aoftool.analysis.census.model import CellKind, CensusOptions
from aoftool.analysis.census.peaks import Peak, Peaks
from aoftool.analysis.census.series import WIDTHS_S, Series
from aoftool.analysis.census.sizes import SizeHistogram
from aoftool.analysis.inspect.expiry import ExpirySummary
from aoftool.columns import column_of, zeros
from tests.analysis.census_streams import random_stream, rows_of

S = TypeVar("S")
SIZES = st.lists(st.integers(0, 2**40), max_size=40)


def census_of(data: bytes, first: int, last: int, shift: int = 8) -> tuple[Series, KeyCounts]:
    """Count some pieces of a stream that is always cut alike, as one part of it."""
    census = Census(CensusOptions())
    census.start_file(0, shift)
    labels: list[bytes] = []
    for number, (rows, roles) in enumerate(rows_of(data, range(64, len(data), 64))):
        labels = [b"name %d" % role.number for role in roles]
        if first <= number < last:
            census.map_commands(roles)
            census.add(rows)
    census.end_file()
    prefixes = [*KEYLESS, *census.prefixes()]
    series = Series(files=["a"], commands=labels, prefixes=prefixes, shift=shift)
    series.add(census.take_slices())
    series.coarsen(shift, 1)
    return series, KeyCounts.of(census.take_keys(), prefixes)


def canonical(summary: Any) -> Any:
    """Return what a summary says, free of the numbers it gives to names."""
    if isinstance(summary, Series):
        names = {CellKind.COMMAND: summary.commands, CellKind.PREFIX: summary.prefixes}
        cells = sorted(
            (place, kind, names[kind][name] if kind in names else b"%d" % name, commands, size)
            for place, kind, name, commands, size in summary.cells.tolist()
        )
        return summary.slices.tolist(), cells, summary.shift, summary.width_s
    if isinstance(summary, KeyCounts):
        return sorted(
            (db, name, summary.prefixes[int(summary.prefix[n])], writes, size)
            for n, (db, name, writes, size) in enumerate(summary.rows())
        )
    return json.dumps(summary.to_dict())


def assert_merges(parts: list[S], whole: S, merge: Callable[[S, S], S]) -> None:
    one, two, three = parts
    assert canonical(merge(merge(one, two), three)) == canonical(whole)
    assert canonical(merge(one, merge(two, three))) == canonical(whole)
    assert canonical(merge(merge(three, one), two)) == canonical(whole)


@given(SIZES, SIZES, SIZES)
def test_histograms_merge(one: list[int], two: list[int], three: list[int]) -> None:
    parts = []
    for sizes in (one, two, three, one + two + three):
        histogram = SizeHistogram()
        for size in sizes:
            histogram.add(size)
        parts.append(histogram)

    assert_merges(parts[:3], parts[3], SizeHistogram.merge)
    assert SizeHistogram.from_dict(parts[3].to_dict()) == parts[3]
    assert parts[3].total == len(one + two + three)


@given(SIZES.filter(bool), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_a_bound_holds_for_its_share_and_is_within_a_factor_of_two(sizes: list[int], share: float) -> None:
    histogram = SizeHistogram()
    for size in sizes:
        histogram.add(size)

    bound = histogram.bound(share)

    assert sum(size <= bound for size in sizes) >= share * len(sizes)
    assert sum(size <= bound // 2 for size in sizes) < share * len(sizes) or bound == 0


PEAKS = st.lists(
    st.builds(
        Peak,
        st.integers(0, 50),
        st.sampled_from(["a", "b"]),
        st.integers(0, 500),
        st.just(1),
        st.just(-1),
        st.just(0),
        st.just(b"SET"),
        st.binary(max_size=3),
    ),
    max_size=60,
    unique_by=lambda peak: (peak.file, peak.offset),
)


@given(PEAKS)
def test_peaks_merge(peaks: list[Peak]) -> None:
    whole = Peaks()
    whole.add(peaks)
    parts = []
    for number in range(3):
        part = Peaks()
        part.add(peaks[number::3])
        parts.append(part)

    assert_merges(parts, whole, Peaks.merge)
    assert Peaks.from_dict(json.loads(json.dumps(whole.to_dict()))) == whole
    assert whole.entries == sorted(peaks, key=lambda peak: peak.rank)[:32]


@settings(max_examples=25)
@given(seed=st.integers(0, 300), cuts=st.tuples(st.integers(0, 30), st.integers(0, 60)))
def test_parts_of_a_stream_merge_to_the_whole(seed: int, cuts: tuple[int, int]) -> None:
    data = random_stream(seed, 80)
    first, second = sorted(cuts)
    edges = [0, first, second, 1 << 30]
    parts = [census_of(data, start, end) for start, end in itertools.pairwise(edges)]
    whole = census_of(data, 0, 1 << 30)

    assert_merges([series for series, _ in parts], whole[0], Series.merge)
    assert_merges([keys for _, keys in parts], whole[1], KeyCounts.merge)


@settings(max_examples=25)
@given(seed=st.integers(0, 100), shift=st.integers(8, 12), width=st.sampled_from(WIDTHS_S))
def test_a_coarser_series_holds_the_same_counts(seed: int, shift: int, width: int) -> None:
    fine, _ = census_of(random_stream(seed, 80), 0, 1 << 30)
    coarse, _ = census_of(random_stream(seed, 80), 0, 1 << 30)

    coarse.coarsen(shift, width)

    for kind in CellKind:
        assert coarse.totals(kind) == fine.totals(kind)
    assert coarse.slices[:, [3, 4]].sum(axis=0).tolist() == fine.slices[:, [3, 4]].sum(axis=0).tolist()
    marks = np.stack((coarse.slices[:, 1] >> shift, coarse.slices[:, 2] // width), axis=1)
    assert (np.diff(marks, axis=0) != 0).any(axis=1).all()


def test_a_series_shrinks_to_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aoftool.analysis.census.series.SLICES_MOST", 10)
    series, _ = census_of(random_stream(1, 400), 0, 1 << 30)
    before = series.totals(CellKind.COMMAND)

    series.shrink()

    assert len(series.slices) <= 10
    assert series.totals(CellKind.COMMAND) == before


@settings(max_examples=25)
@given(st.integers(0, 100))
def test_dict_forms_give_the_same_back(seed: int) -> None:
    series, keys = census_of(random_stream(seed, 60), 0, 1 << 30)
    expiry = ExpirySummary()
    expiry.add(keys)

    for kind, summary in ((Series, series), (KeyCounts, keys), (ExpirySummary, expiry)):
        members = json.loads(json.dumps(summary.to_dict()))
        assert canonical(kind.from_dict(members)) == canonical(summary)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))])
def test_summaries_can_be_copied_and_sent_to_another_process(copied: Callable[[Any], Any]) -> None:
    series, keys = census_of(random_stream(3, 60), 0, 1 << 30)
    expiry = ExpirySummary()
    expiry.add(keys)

    for summary in (series, keys, expiry):
        again = copied(summary)
        assert canonical(again) == canonical(summary)
        assert canonical(again.merge(type(summary)())) == canonical(summary)


def test_empty_summaries_are_neutral() -> None:
    series, keys = census_of(random_stream(7, 60), 0, 1 << 30)

    assert canonical(Series(shift=8).merge(series)) == canonical(series)
    assert canonical(KeyCounts().merge(keys)) == canonical(keys)
    assert SizeHistogram().merge(SizeHistogram()) == SizeHistogram()
    assert Peaks().merge(Peaks()) == Peaks()


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 10**6)), max_size=40))
def test_expiries_merge_for_logs_without_a_common_key(rows: list[tuple[int, int]]) -> None:
    def summary(chosen: list[tuple[int, int]]) -> ExpirySummary:
        keys = KeyCounts([b"p"])
        keys.db = keys.prefix = keys.writes = keys.size_bytes = zeros("q", len(chosen))
        keys.name_end = zeros("q", len(chosen))
        keys.deadline_ms = column_of("q", (deadline * 1000 for _, deadline in chosen))
        found = ExpirySummary()
        found.add(keys)
        return found

    parts = [summary(rows[number::3]) for number in range(3)]

    assert_merges(parts, summary(rows), ExpirySummary.merge)
