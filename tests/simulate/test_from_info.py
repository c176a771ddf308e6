"""INFO in place of a log."""

from __future__ import annotations

import pytest

from aoftool.errors import InputError
from aoftool.simulate.from_info import child_of_info, info_fields, measured_of_info
from aoftool.simulate.model import ChildTime, Pace, Settings
from aoftool.simulate.running import run
from tests.simulate.growing import MB

FIRST = (
    b"# Server\r\nrun_id:ab\r\nuptime_in_seconds:1000\r\n"
    b"# Persistence\r\naof_current_size:40000000\r\naof_base_size:30000000\r\n"
)
LAST = FIRST.replace(b":1000", b":1010").replace(b"aof_current_size:4", b"aof_current_size:5")


def test_two_captures_tell_the_pace() -> None:
    measured = measured_of_info(info_fields(FIRST), info_fields(LAST))

    assert measured.pace is Pace.CONSTANT
    assert measured.rate == MB
    assert (measured.start.current_bytes, measured.start.base_bytes) == (50 * MB, 30 * MB)
    assert any("INFO alone" in note for note in measured.notes)
    # From 50 MB to 60, and then 30 MB more each time: 10 s, and once in 30 s.
    row = run(measured, Settings(MB, 100), ChildTime(0.0, 0.0))
    assert row.rewrites[0].time_s == pytest.approx(10)
    assert row.count == 1 + (86400 - 10) // 30


def test_one_capture_needs_a_pace() -> None:
    fields = info_fields(FIRST)

    with pytest.raises(InputError, match="how fast"):
        measured_of_info(fields, fields)

    assert measured_of_info(fields, fields, 2e6).rate == 2 * MB


def test_server_that_never_rewrote_tells_its_pace_and_not_what_a_rewrite_leaves() -> None:
    fields = info_fields(FIRST.replace(b"aof_base_size:30000000", b"aof_base_size:0\r\naof_rewrites:0"))

    measured = measured_of_info(fields, fields)

    assert measured.rate == pytest.approx(40_000)
    assert any("not known" in note for note in measured.notes)


def test_captures_with_a_rewrite_or_a_restart_between_tell_no_pace() -> None:
    for old, new in ((b"aof_base_size:3", b"aof_base_size:2"), (b"run_id:ab", b"run_id:cd")):
        with pytest.raises(InputError):
            measured_of_info(info_fields(FIRST), info_fields(LAST.replace(old, new)))


def test_server_without_aof_is_refused() -> None:
    fields = info_fields(b"aof_enabled:0\r\n")

    with pytest.raises(InputError, match="AOF is off"):
        measured_of_info(fields, fields, 1.0)


def test_figures_that_are_none_are_not_taken() -> None:
    fields = info_fields(
        "aof_current_size:١٢\r\naof_base_size:-5\r\naof_last_rewrite_time_sec:-1\r\n:x\r\n".encode()
    )

    with pytest.raises(InputError):
        measured_of_info(fields, fields, 1.0)
    assert child_of_info(fields) is None


def test_time_of_the_last_child_is_in_whole_seconds() -> None:
    child = child_of_info({"aof_last_rewrite_time_sec": "12", "aof_base_size": "1000000000"})

    assert child is not None
    assert child.seconds(10**9) == 12.5
    assert child.seconds(10**8) == 1.25


def test_what_is_no_info_is_told_so() -> None:
    for raw in (b"# Changes\n\nSome words: and more.\nname:value\n", b"", b"\0\1\2"):
        with pytest.raises(InputError, match="is no INFO"):
            info_fields(raw)
