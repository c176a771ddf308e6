"""The ranking of a sorted set follows its changes."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from aoftool.values import ZSetValue
from aoftool.values.ranking import Ranking

PAIRS = st.lists(st.tuples(st.floats(-9, 9), st.binary(max_size=2)), max_size=60)


@given(PAIRS, PAIRS)
def test_ranking_is_the_sorted_pairs(
    added: list[tuple[float, bytes]], removed: list[tuple[float, bytes]]
) -> None:
    value = ZSetValue()
    value.ranking()

    for score, member in added:
        value.put(member, score)
    for _, member in removed:
        value.drop(member)

    assert list(value.ranking()) == value.ranked()
    assert len(value.ranking()) == len(value)


@given(st.integers(0, 3000), st.integers(0, 3000), st.integers(0, 3000))
def test_large_ranking_can_be_cut_anywhere(size: int, start: int, stop: int) -> None:
    value = ZSetValue({b"%d" % number: float(number) for number in range(size)})

    gone = value.cut(start, stop)

    assert gone == max(min(stop, size) - min(start, size), 0)
    assert list(value.ranking()) == value.ranked()


@given(PAIRS, st.floats(-9, 9))
def test_bounds_are_found_by_rank(pairs: list[tuple[float, bytes]], bound: float) -> None:
    ranking = Ranking(pairs)

    assert ranking.first_at_least((bound,)) == sum(score < bound for score, _ in pairs)
    assert ranking.between(2, 5) == sorted(pairs)[2:5]


def test_pickle_keeps_scores_and_encoding_and_drops_the_ranking() -> None:
    value = ZSetValue({b"a": 1.0})
    value.is_skiplist = True
    value.ranking()

    again = pickle.loads(pickle.dumps(value))

    assert again == value
    assert again.is_skiplist
    assert list(again.ranking()) == [(1.0, b"a")]
