"""The smallest change that meets a goal, and the reason where none does."""

from __future__ import annotations

from aoftool.simulate.goals import advise, misses
from aoftool.simulate.model import ChildTime, Goals, Pace, Settings
from aoftool.simulate.running import run
from tests.simulate.growing import MB, even

CHILD = ChildTime(0.0, 0.0)
NOW = Settings(64 * MB, 100)


def test_settings_that_meet_the_goals_are_kept() -> None:
    found = advise(even(100), NOW, Goals(disk_bytes=90 * MB), CHILD)

    row = found.row
    assert row is not None
    assert row.settings == NOW
    assert not found.why_not


def test_advice_meets_the_goals_and_no_smaller_change_was_passed_over() -> None:
    measured = even(100)
    goals = Goals(restart_s=2.0)
    assert misses(run(measured, NOW, CHILD), goals)

    found = advise(measured, NOW, goals, CHILD)

    row = found.row
    assert row is not None
    assert not misses(row, goals)
    assert found.tried > 50
    # 20 MB of commands take 2 s; the percentage does not matter, so the size alone changes.
    assert row.settings.percentage == NOW.percentage
    assert 8 * MB < row.settings.min_size_bytes < 20 * MB


def test_goal_of_few_rewrites_asks_for_larger_logs() -> None:
    measured = even(100)
    now = Settings(MB, 100)

    found = advise(measured, now, Goals(per_hour=200), CHILD)

    row = found.row
    assert row is not None
    assert row.per_hour is not None
    assert row.per_hour <= 200
    assert row.settings.min_size_bytes > now.min_size_bytes or row.settings.percentage > 100


def test_goals_that_exclude_each_other_are_told_so() -> None:
    found = advise(even(100), NOW, Goals(restart_s=0.5, per_hour=1), CHILD)

    assert found.row is None
    assert "no setting meets all" in found.why_not


def test_disk_that_holds_no_two_bases_cannot_be_met() -> None:
    found = advise(even(100, left=30 * MB), NOW, Goals(disk_bytes=40 * MB), CHILD)

    assert found.row is None
    assert "the old base and the new one" in found.why_not


def test_restart_below_the_load_of_the_base_cannot_be_met() -> None:
    found = advise(even(100, left=100 * MB), NOW, Goals(restart_s=0.5), CHILD)

    assert found.row is None
    assert "the base alone takes up to 1.00 s" in found.why_not


def test_without_a_pace_no_number_an_hour_is_promised() -> None:
    found = advise(even(100, pace=Pace.NONE), NOW, Goals(per_hour=4), CHILD)

    assert found.row is None
    assert "nothing in the log tells" in found.why_not


def test_goals_that_could_be_met_in_their_place_can() -> None:
    measured = even(100, left=30 * MB)
    for goals in (Goals(disk_bytes=40 * MB), Goals(restart_s=0.1), Goals(restart_s=0.5, per_hour=1)):
        found = advise(measured, NOW, goals, CHILD)
        assert found.row is None
        assert found.reachable is not None

        assert advise(measured, NOW, found.reachable, CHILD).row is not None
