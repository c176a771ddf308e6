"""Choosing commands by time in a log without annotations leaves out none that ran then."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from aoftool.analysis.census.model import CensusOptions
from aoftool.analysis.census.reading import read_log
from aoftool.analysis.clock import whole_log as log_times
from aoftool.analysis.clock.whole_log import clock_of_log
from aoftool.analysis.commands.filter import CommandFilter
from aoftool.analysis.commands.listing import CommandListing
from aoftool.analysis.commands.model import LoggedCommand
from aoftool.aof.layout import find_log
from aoftool.aof.moment import Resolved
from aoftool.aof.stretch import Stretch
from aoftool.errors import InputError
from tests.analysis.test_history_times import COMMANDS, NOON_MS, Item, entry, simulated, write
from tests.builders import log, rdb, timestamp, write_multi_part
from tests.corpus import FIXTURES

NOON_S = NOON_MS // 1000


def between(path: Path, since: int, until: int) -> tuple[list[LoggedCommand], CommandListing]:
    """Return the commands that may have run between two seconds past noon."""
    log = find_log(path)
    since_ms, until_ms = (1000 * (NOON_S + offset_s) for offset_s in (since, until))
    wanted = CommandFilter(stretch=Stretch(Resolved(time_ms=since_ms), Resolved(time_ms=until_ms)))
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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(made=COMMANDS, since=st.integers(-10, 150), lasting=st.integers(0, 60))
def test_as_many_are_counted_as_are_listed(
    made: list[tuple[str, int]], since: int, lasting: int, tmp_path: Path
) -> None:
    items, _ = simulated(made)
    path = write(tmp_path, *items)
    assume(clock_of_log(find_log(path)) is not None)

    rows, _ = between(path, since, since + lasting)

    assert counted_between(path, since, since + lasting) == (len(rows), sum(row.length for row in rows))


def counted_between(path: Path, since: int, until: int) -> tuple[int, int]:
    """Return how many commands and bytes the census counts between two seconds past noon."""
    options = CensusOptions(since_s=NOON_S + since, until_s=NOON_S + until + 1)
    return read_log(find_log(path), options).contents.total


def test_counting_by_time_goes_over_all_files(tmp_path: Path) -> None:
    base = rdb(aux={"ctime": str(NOON_S)})
    parts = [
        log(entry(20 * number), ("SET", f"k:{number}", 1), entry(20 * number + 10)) for number in range(4)
    ]
    path = write_multi_part(tmp_path / "log", base=base, incrs=parts, base_is_rdb=True)
    for number, part in enumerate(sorted(path.parent.glob("*.incr.aof"))):
        written_ns = 1_000_000 * (NOON_MS + 20_000 * number + 10_500)
        os.utime(part, ns=(written_ns, written_ns))

    for since, until in ((0, 100), (25, 45), (31, 38), (-50, -10), (10, 10), (60, 90), (0, 9)):
        rows, _ = between(path, since, until)

        assert counted_between(path, since, until)[0] == len(rows)


@pytest.mark.parametrize("clues", [[], [("XADD", "s", "1-1", "f", "v"), ("XADD", "s", "2-1", "f", "v")]])
def test_nothing_is_counted_by_time_where_nothing_tells_one(clues: list[Item], tmp_path: Path) -> None:
    path = write(tmp_path, ("SET", "k", 1), *clues, ("SET", "k", 2))

    with pytest.raises(InputError, match="no command has a time"):
        counted_between(path, 0, 100)


def test_what_stands_before_the_first_annotation_counts_where_it_may_have_run(tmp_path: Path) -> None:
    path = write(tmp_path, ("SET", "early", 1), timestamp(NOON_S + 50), ("SET", "k", 1))
    (tmp_path / "b").mkdir()
    annotated = write(tmp_path / "b", timestamp(NOON_S + 50), ("SET", "k", 1))

    for since, commands in ((0, 2), (50, 2), (51, 0)):
        found = read_log(find_log(path), CensusOptions(since_s=NOON_S + since))

        assert found.contents.total[0] == commands
        assert any("may have run then" in note for note in found.notes)
    assert read_log(find_log(annotated), CensusOptions(since_s=NOON_S)).notes == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    files=st.lists(
        st.lists(st.one_of(st.just("SET"), st.just("XADD"), st.integers(1, 5)), min_size=1, max_size=12),
        min_size=1,
        max_size=3,
    ),
    since=st.one_of(st.none(), st.integers(-5, 60)),
    until=st.one_of(st.none(), st.integers(-5, 60)),
)
def test_annotations_anywhere_are_counted_by_as_they_are_listed(
    files: list[list[str | int]], since: int | None, until: int | None, tmp_path: Path
) -> None:
    assume(since is not None or until is not None)
    second, parts = 0, []
    for steps in files:
        items: list[bytes | Item] = []
        for step in steps:
            if isinstance(step, int):
                second += step
                items.append(timestamp(NOON_S + second))
            else:
                items.append(entry(second) if step == "XADD" else ("SET", f"k:{second}", 1))
        parts.append(log(*items))
    path = write_multi_part(tmp_path / "log", base=b"", incrs=parts)
    assume(clock_of_log(find_log(path)) is not None)
    bounds = [None if at is None else Resolved(time_ms=1000 * (NOON_S + at)) for at in (since, until)]
    wanted = CommandFilter(stretch=Stretch(*bounds))

    listed = list(CommandListing(find_log(path), wanted, clock=clock_of_log(find_log(path))))

    options = CensusOptions(
        since_s=None if since is None else NOON_S + since,
        until_s=None if until is None else NOON_S + until + 1,
    )
    counted = read_log(find_log(path), options).contents.total
    assert counted == (len(listed), sum(row.length for row in listed))


def test_an_annotated_log_is_not_read_twice(tmp_path: Path) -> None:
    path = write(tmp_path, timestamp(NOON_S), entry(0))

    assert clock_of_log(find_log(path)) is None


def test_a_base_without_commands_leaves_no_time_in_doubt() -> None:
    assert clock_of_log(find_log(FIXTURES / "valkey-9" / "shop")) is None
