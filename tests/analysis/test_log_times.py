"""Choosing commands by time in a log without annotations leaves out none that ran then."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aoftool.analysis import log_times
from aoftool.analysis.command_filter import CommandFilter
from aoftool.analysis.commands_model import LoggedCommand
from aoftool.analysis.listing import CommandListing
from aoftool.analysis.log_times import clock_of_log
from aoftool.aof.layout import find_log
from tests.analysis.test_history_times import COMMANDS, NOON_MS, Item, entry, simulated, write
from tests.builders import timestamp

NOON_S = NOON_MS // 1000


def between(path: Path, since: int, until: int) -> tuple[list[LoggedCommand], CommandListing]:
    """Return the commands that may have run between two seconds past noon."""
    log = find_log(path)
    wanted = CommandFilter(since_s=NOON_S + since, until_s=NOON_S + until)
    listing = CommandListing(log, wanted, clock=clock_of_log(log))
    return list(listing), listing


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    made=COMMANDS,
    since=st.integers(0, 150),
    lasting=st.integers(0, 60),
    stretches=st.sampled_from([2, 1 << 16]),
)
def test_every_command_that_ran_then_is_chosen(
    made: list[tuple[str, int]], since: int, lasting: int, stretches: int, tmp_path: Path
) -> None:
    items, times = simulated(made)
    path = write(tmp_path, *items)

    with patch.object(log_times, "_STRETCHES", stretches):
        rows, _ = between(path, since, since + lasting)

    if clock_of_log(find_log(path)) is not None:
        chosen = {row.index for row in rows}
        for index, ran_ms in enumerate(times):
            if since <= (ran_ms - NOON_MS) // 1000 <= since + lasting:
                assert index in chosen


def test_what_cannot_have_run_then_is_left_out_and_the_rest_explained(tmp_path: Path) -> None:
    items = [item for second in range(100) for item in (entry(second), ("SET", f"k:{second}", 1))]
    path = write(tmp_path, *items)

    rows, listing = between(path, 40, 42)

    # What was written behind the entry of second 39 may have waited for second 40.
    assert [row.argv[1] for row in rows] == [
        b"k:39", b"events", b"k:40", b"events", b"k:41", b"events", b"k:42",
    ]  # fmt: skip
    (note,) = listing.end.notes
    assert "entry IDs of streams" in note
    assert "may have run" in note


def test_annotations_that_begin_later_bound_what_stands_before_them(tmp_path: Path) -> None:
    early = [("SET", f"early:{n}", "x" * 100) for n in range(60)]
    path = write(tmp_path, *early, timestamp(NOON_S + 50), ("SET", "k", 1), entry(51))

    before, _ = between(path, 0, 40)
    behind, _ = between(path, 60, 70)

    assert len(before) == 60
    assert behind == []


@pytest.mark.parametrize(
    "clues",
    [
        [],
        [("SET", "a", 1, "PXAT", NOON_MS + 9_000_000)],
        [("XADD", "s", "1-1", "f", "v"), ("XADD", "s", "2-1", "f", "v")],
    ],
    ids=["none", "behind the last write", "chosen by clients"],
)
def test_a_log_without_clues_that_tell_has_no_clock(clues: list[Item], tmp_path: Path) -> None:
    path = write(tmp_path, ("SET", "k", 1), *clues, ("SET", "k", 2))

    rows, listing = between(path, 0, 10_000)

    assert rows == []
    assert any("no command has a time" in note for note in listing.end.notes)


def test_an_annotated_log_is_not_read_twice(tmp_path: Path) -> None:
    path = write(tmp_path, timestamp(NOON_S), entry(0))

    assert clock_of_log(find_log(path)) is None
