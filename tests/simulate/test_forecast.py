"""When the next rewrite comes, and when the disk is full."""

from __future__ import annotations

import pytest

from aoftool.simulate.forecast import forecast
from aoftool.simulate.model import ChildTime, Forecast, Measured, Pace, Settings
from tests.simulate.growing import MB, even

CHILD = ChildTime(2.0, 0.0)
NOW = Settings(64 * MB, 100)


def ahead(
    measured: Measured,
    settings: Settings = NOW,
    current: int = 40 * MB,
    base: int = 30 * MB,
    free: int | None = 1000 * MB,
) -> Forecast:
    return forecast(
        measured, settings, CHILD, current_bytes=current, base_bytes=base, base_known=True, free_bytes=free
    )


def test_next_rewrite_comes_at_the_present_pace() -> None:
    found = ahead(even(100, left=5 * MB))

    assert found.trigger_bytes == 64 * MB + 1
    assert found.next_s == pytest.approx(24.0, abs=0.01)
    # 24 MB until then, a base of 5 MB, and 2 MB while the child runs.
    assert found.needs_bytes == 31 * MB + 1
    assert found.full_s is None
    assert found.full_why == "what a rewrite leaves does not grow"


def test_dates_go_by_the_last_quarter_and_its_pace_is_told() -> None:
    measured = even(100)
    # Three quarters at 1 MB a second, the last at 2.
    measured.places = [0, 75 * MB, 125 * MB]
    measured.times_s = [0.0, 75.0, 100.0]

    found = ahead(measured)

    assert found.rate_bytes_per_s == pytest.approx(2 * MB)
    assert found.next_s == pytest.approx(12.0, abs=0.01)


def test_log_above_its_trigger_is_due_now() -> None:
    found = ahead(even(100), current=100 * MB)

    assert found.next_s == 0


def test_disk_without_room_for_the_next_rewrite_fills_before_it() -> None:
    found = ahead(even(100, left=50 * MB), free=60 * MB)

    assert found.full_s == pytest.approx(60)
    assert "does not find the room" in found.full_why


def test_log_that_is_never_rewritten_fills_the_disk() -> None:
    found = ahead(even(100), Settings(64 * MB, 0))

    assert (found.trigger_bytes, found.next_s, found.needs_bytes) == (None, None, None)
    assert found.full_s == pytest.approx(1000)


def test_data_that_grow_fill_the_disk_at_last() -> None:
    # Half of what is appended stays: 0.5 MB a second. At 100 % three bases must fit into 1040 MB.
    found = ahead(even(100, left=1, left_at_end=50 * MB))

    assert found.full_s == pytest.approx((1040 / 3 - 50) / 0.5, rel=0.01)


def test_without_a_pace_there_is_no_date() -> None:
    found = ahead(even(100, pace=Pace.NONE))

    assert found.next_s is None
    assert found.full_s is None
    assert found.full_why == "nothing tells a pace"


def test_unknown_disk_is_said_to_be_unknown() -> None:
    assert ahead(even(100), free=None).full_why == "free space is not known"
