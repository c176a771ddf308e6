"""Numbers as text for people."""

from __future__ import annotations

import pytest

from aoftool.units import and_more, format_bytes, format_count, format_duration, format_share, format_time_ms


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (1536, "1.50 KiB"),
        (10 * 1024, "10.0 KiB"),
        (200 * 1024**2, "200 MiB"),
        (1024**3, "1.00 GiB"),
        (-2048, "-2.00 KiB"),
    ],
)
def test_sizes_have_three_digits_and_a_binary_unit(size: int, text: str) -> None:
    assert format_bytes(size) == text


def test_counts_have_thousands_marked() -> None:
    assert format_count(1234567) == "1,234,567"


def test_a_share_of_nothing_is_a_dash() -> None:
    assert format_share(1, 0) == "-"
    assert format_share(1, 3) == "33.3 %"


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (0, "1970-01-01 00:00:00Z"),
        (4102444800123, "2100-01-01 00:00:00.123Z"),
        (-1, "1969-12-31 23:59:59.999Z"),
        (2**63 - 1, "9223372036854775807 ms"),
    ],
)
def test_times_are_utc_and_never_fail(time_ms: int, text: str) -> None:
    assert format_time_ms(time_ms) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1.44, "1.4 s"),
        (59, "59 s"),
        (61, "1 min 1 s"),
        (3 * 3600 + 1200, "3 h 20 min"),
        (200000, "2 d 7 h"),
        (1500 * 86400, "4.1 years"),
        (78021 * 86400, "214 years"),
    ],
)
def test_durations_have_two_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("left", "lead", "text"),
    [(0, " ", ""), (-3, " ", ""), (1, " ", " and 1 more"), (1200, "; ", "; and 1,200 more")],
)
def test_what_is_left_out_is_counted(left: int, lead: str, text: str) -> None:
    assert and_more(left, lead) == text
