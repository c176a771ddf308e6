"""The rule of the servers, on figures small enough to reckon by hand."""

from __future__ import annotations

from itertools import pairwise

import pytest

from aoftool.simulate.model import ChildTime, Pace, Settings, SizePoint, Start
from aoftool.simulate.running import ranged, run, size_at, trigger_bytes
from tests.simulate.growing import MB, even

AT_ONCE = ChildTime(0.0, 0.0)


@pytest.mark.parametrize(
    ("base", "settings", "expected"),
    [
        (0, Settings(64 << 20, 100), (64 << 20) + 1),
        (0, Settings(0, 100), 2),
        (50 << 20, Settings(64 << 20, 100), 100 << 20),
        (1000, Settings(10, 25), 1250),
        (1001, Settings(10, 25), 1252),
        (7, Settings(1, 33), 10),
        (50 << 20, Settings(64 << 20, 0), None),
    ],
)
def test_trigger_is_the_first_size_for_which_the_servers_comparison_holds(
    base: int, settings: Settings, expected: int | None
) -> None:
    found = trigger_bytes(base, settings)

    assert found == expected
    if found is not None:
        assert _holds(found, base, settings)
        assert not _holds(found - 1, base, settings)


def _holds(current: int, base: int, settings: Settings) -> bool:
    """Compare as serverCron does."""
    grown = current * 100 // (base or 1) - 100
    return current > settings.min_size_bytes and grown >= settings.percentage


def test_every_rewrite_comes_when_the_log_is_above_the_least_size() -> None:
    # 4 MB + 1 byte at 4.1 s (the next tick); a rewrite leaves 1 MB, so 3 MB + 1 more each time.
    row = run(even(20), Settings(4 * MB, 100), AT_ONCE)

    assert [rewrite.place for rewrite in row.rewrites][:3] == [4_100_000, 7_200_000, 10_300_000]
    assert row.count == 6
    assert row.rewritten_bytes == 6 * MB
    assert row.largest_bytes == 4_100_000
    assert row.peak_bytes == 5_100_000
    assert row.amplified == (20 + 6) / 20


def test_log_grows_by_the_percentage_where_that_is_more_than_the_least_size() -> None:
    row = run(even(20, left=5 * MB), Settings(1 * MB, 100), AT_ONCE)

    # First at 1 MB + 1, then each time at twice the 5 MB that were left.
    assert [rewrite.place for rewrite in row.rewrites] == [1_100_000, 6_100_000, 11_100_000, 16_100_000]


def test_what_is_appended_while_the_child_runs_counts_as_base_too() -> None:
    row = run(even(20, left=5 * MB), Settings(1 * MB, 100), ChildTime(1.0, 0.0))

    first, second = row.rewrites[:2]
    assert [first.time_s, first.done_s] == pytest.approx([1.1, 2.1])
    assert first.left_bytes == 6 * MB
    # Twice 6 MB, of which 5 are the base.
    assert second.place == first.place + 7 * MB
    assert row.peak_bytes == 12 * MB + 1 * MB + 5 * MB


def test_no_rewrite_begins_before_the_last_one_has_ended() -> None:
    row = run(even(10, left=10), Settings(100, 10), ChildTime(2.0, 0.0))

    forks = [rewrite.time_s for rewrite in row.rewrites]
    assert all(later - earlier >= 2.1 - 1e-6 for earlier, later in pairwise(forks))


def test_observed_times_of_children_are_taken_to_the_nearest_tick() -> None:
    row = run(even(20, left=5 * MB), Settings(1 * MB, 100), AT_ONCE, observed_s=[0.96])

    assert row.rewrites[0].done_s == pytest.approx(2.1)
    assert row.rewrites[1].done_s == row.rewrites[1].time_s


def test_percentage_0_never_rewrites() -> None:
    row = run(even(20), Settings(1, 0), AT_ONCE)

    assert row.count == 0
    assert row.largest_bytes == row.peak_bytes == 20 * MB
    assert row.amplified == 1.0


def test_rewrite_that_is_under_way_at_the_end_counts() -> None:
    row = run(even(5), Settings(4 * MB, 100), ChildTime(60.0, 0.0))

    assert row.count == 1
    assert row.peak_bytes == 6 * MB
    assert row.teeth[-1] == (5.0, 5 * MB)


def test_start_of_a_rewritten_log_is_its_base() -> None:
    start = Start(3 * MB, 3 * MB, 3 * MB)

    row = run(even(20, left=3 * MB, start=start), Settings(1 * MB, 100), AT_ONCE)

    assert row.rewrites[0].place == 3 * MB
    assert row.rewrites[0].from_bytes == 6 * MB


def test_empty_base_of_a_fresh_server_is_on_the_disk_but_not_counted() -> None:
    row = run(even(5, start=Start(0, 0, 89)), Settings(4 * MB, 100), AT_ONCE)

    assert row.rewrites[0].from_bytes == 4_100_000
    assert row.largest_bytes == 4_100_089


def test_longest_restart_is_base_and_what_is_behind_it() -> None:
    row = run(even(20), Settings(4 * MB, 100), AT_ONCE)

    # Tail at 0.1 s a MB; before the first rewrite 4.1 MB without a base, later 3.1 MB and 0.01 s for 1 MB.
    assert row.restart_s == pytest.approx(0.41)


def test_without_a_pace_a_rewrite_takes_no_time_and_rates_are_not_known() -> None:
    row = ranged(even(20, pace=Pace.NONE), Settings(4 * MB, 100), ChildTime(60.0, 0.0))

    # At the very byte: 4 MB + 1, and 3 MB + 1 each time.
    assert [rewrite.place for rewrite in row.rewrites][:2] == [4_000_001, 7_000_002]
    assert row.per_hour is None
    assert row.count_range is None


def test_range_is_that_of_half_and_twice_the_time_of_a_child() -> None:
    row = ranged(even(20), Settings(4 * MB, 100), ChildTime(1.0, 0.0))

    assert row.count_range is not None
    assert row.count_range.least <= row.count <= row.count_range.most
    assert row.per_hour == row.count * 180


def test_size_between_points_is_linear() -> None:
    measured = even(10, left=0, left_at_end=100)

    assert size_at(measured, 2_500_000).size_bytes == 25
    assert size_at(measured, 99 * MB).size_bytes == 100
    measured.sizes = [SizePoint(5, 7)]
    assert size_at(measured, 0).size_bytes == 7
