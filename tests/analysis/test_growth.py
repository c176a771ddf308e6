"""Growth of logs with known answers: rates, changes and their drivers, bursts, gaps, clock steps, anchors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aoftool.analysis.census.model import CensusOptions
from aoftool.analysis.census.reading import read_log
from aoftool.analysis.clock.model import Axis
from aoftool.analysis.growth.growth import growth_of
from aoftool.analysis.growth.model import Growth
from aoftool.aof.layout import find_log
from aoftool.aof.model import Place
from tests.analysis.census_streams import encode
from tests.analysis.growing import START_S, steady, stream, write
from tests.builders import log, rdb, write_multi_part


def growth(path: str, **options: object) -> Growth:
    read = read_log(find_log(path))
    return growth_of(read.contents, read.axis, **options)  # type: ignore[arg-type]


def test_every_second_is_a_bucket_with_its_bytes(tmp_path: Path) -> None:
    found = growth(write(tmp_path, stream(50, steady)))

    assert (found.axis, found.width, len(found.buckets)) == (Axis.TIME, 1, 50)
    for second, bucket in enumerate(found.buckets):
        expected = b"".join(map(encode, steady(second)))
        assert (bucket.start, bucket.commands) == (START_S + second, 20)
        assert bucket.size_bytes == len(expected)
    assert sum(bucket.size_bytes for bucket in found.buckets) == found.size_bytes
    assert not found.changes
    assert not found.bursts
    assert not found.gaps


def test_times_of_files_only_bound_what_a_filter_leaves(tmp_path: Path) -> None:
    base = rdb(aux={"ctime": str(START_S)})
    tail = log(*(("SET", f"k:{number}", 1) for number in range(100)))
    path = write_multi_part(tmp_path, base=base, incrs=[tail], base_is_rdb=True)
    os.utime(path.parent / "appendonly.aof.1.incr.aof", (START_S + 600, START_S + 600))
    found_log = find_log(str(path))

    for options, bound_s in ((None, 1), (CensusOptions(first=Place(1, len(tail) // 2)), 600)):
        read = read_log(found_log, options)
        first = growth_of(read.contents, read.axis).buckets[0]

        assert first.time_ms is not None
        assert first.bound_ms == 1000 * bound_s


def test_a_change_is_placed_and_its_driver_named(tmp_path: Path) -> None:
    def rising(second: int) -> Iterator[list[bytes]]:
        yield from steady(second)
        if second >= 30:
            for number in range(100):
                yield [b"RPUSH", b"cart:%d:items" % number, b"y" * 80]

    found = growth(write(tmp_path, stream(60, rising)))

    assert [change.bucket for change in found.changes] == [30]
    change = found.changes[0]
    assert (change.driver, change.command) == (b"cart:*", b"RPUSH")
    pushed = sum(len(encode([b"RPUSH", b"cart:%d:items" % n, b"y" * 80])) for n in range(100))
    assert change.driver_before == 0
    assert change.driver_after == pytest.approx(pushed)


def test_a_change_without_times_is_one_of_shares(tmp_path: Path) -> None:
    def turning(second: int) -> Iterator[list[bytes]]:
        for number in range(40):
            if second < 25:
                yield [b"SET", b"sess:%d" % number, b"x" * 100]
            else:
                yield [b"RPUSH", b"cart:%d" % number, b"x" * 100]

    path = write(tmp_path, stream(50, turning, times=False))
    os.utime(path, (START_S, START_S))

    found = growth(path)

    assert found.axis is Axis.POSITION
    assert len(found.changes) == 1
    assert found.buckets[found.changes[0].bucket].start == pytest.approx(found.size_bytes / 2, rel=0.05)
    assert found.changes[0].driver in (b"sess:*", b"cart:*")


def test_a_burst_is_found_with_what_it_consists_of(tmp_path: Path) -> None:
    def bursting(second: int) -> Iterator[list[bytes]]:
        yield from steady(second)
        if second in (40, 41):
            for number in range(400):
                yield [b"UNLINK", b"lock:%d" % number]

    found = growth(write(tmp_path, stream(100, bursting)), buckets=120)

    assert [(burst.first, burst.last, burst.name) for burst in found.bursts] == [(40, 41, b"lock:*")]
    assert found.bursts[0].commands == 2 * 420


def test_gaps_are_told_from_idle_seconds(tmp_path: Path) -> None:
    def pausing(second: int) -> Iterator[list[bytes]]:
        if not 50 <= second < 200 and second % 2 == 0:
            yield from steady(second)

    found = growth(write(tmp_path, stream(300, pausing)))

    assert [(gap.from_s - START_S, gap.to_s - START_S) for gap in found.gaps] == [(48, 200)]


def test_the_clock_going_back_is_no_gap(tmp_path: Path) -> None:
    before, after = stream(40, steady), stream(20, steady)
    path = write(tmp_path, before + after)

    found = growth(path)

    assert not found.gaps
    assert [(step.kind, step.from_s - START_S, step.to_s - START_S) for step in found.clock] == [
        ("backwards", 39, 0)
    ]
    assert found.clock[0].offset == len(before) + len(b"#TS:1700000040\r\n")
    # Both visits of a second are counted in it.
    assert found.buckets[5].commands == 40


def stalling(*extra: list[bytes], second: int = 30) -> Callable[[int], Iterator[list[bytes]]]:
    """Return a log in which one second has 6,000 writes, and some more."""

    def commands(now: int) -> Iterator[list[bytes]]:
        for _ in range(300 if now == second else 1):
            yield from steady(now)
        yield from extra if now == second else ()

    return commands


def expiring(second: int) -> list[bytes]:
    return [b"SET", b"lock", b"v", b"PXAT", b"%d" % ((START_S + second) * 1000)]


def test_a_second_with_many_commands_is_no_step_of_the_clock(tmp_path: Path) -> None:
    found = growth(write(tmp_path, stream(60, stalling())))

    assert found.clock == []


def test_a_second_with_many_commands_and_expire_times_ahead_is_no_step(tmp_path: Path) -> None:
    found = growth(write(tmp_path, stream(60, stalling(expiring(30)))))

    assert found.clock == []


def test_a_clock_set_back_inside_one_process_shows_by_expire_times_that_are_over(tmp_path: Path) -> None:
    found = growth(write(tmp_path, stream(60, stalling(expiring(20)))))

    assert [(step.kind, step.from_s - START_S, step.commands) for step in found.clock] == [
        ("stall", 30, 6001)
    ]
    assert found.clock[0].given_ms == (START_S + 20) * 1000


def test_expire_times_of_another_clock_are_no_step(tmp_path: Path) -> None:
    """A replica's log holds expire times that its primary's clock made."""

    def behind(second: int) -> Iterator[list[bytes]]:
        yield from stalling(expiring(20))(second)
        yield expiring(second - 10)

    found = growth(write(tmp_path, stream(60, behind)))

    assert found.clock == []


@pytest.mark.parametrize(("primary", "axis"), [(True, Axis.POSITION), (False, Axis.ANCHORED)])
def test_a_base_from_a_primary_tells_no_time(primary: bool, axis: Axis, tmp_path: Path) -> None:
    """Its `ctime` is the clock of another machine, as old as the full resynchronisation."""
    aux: dict[str, str | int] = {"valkey-ver": "9.1.2", "ctime": START_S, "aof-base": int(not primary)}
    if primary:
        aux |= {"repl-id": "f" * 40, "repl-offset": 7}
    base = rdb(aux=aux, magic=b"VALKEY080")
    path = write_multi_part(
        tmp_path / "d", base=base, base_is_rdb=True, incrs=[stream(20, steady, times=False)]
    )
    os.utime(path.parent / "appendonly.aof.1.incr.aof", (START_S + 100, START_S + 100))

    found = growth(str(path))

    assert found.axis is axis
    assert any(bucket.time_ms for bucket in found.buckets) is not primary


def test_stream_entries_anchor_a_log_without_times(tmp_path: Path) -> None:
    def adding(second: int) -> Iterator[list[bytes]]:
        yield [b"XADD", b"events", b"%d-0" % ((START_S + second) * 1000), b"f", b"v"]
        yield from steady(second)

    path = write(tmp_path, stream(100, adding, times=False))
    os.utime(path, (START_S + 100, START_S + 100))

    found = growth(path)

    assert found.axis is Axis.ANCHORED
    for bucket in found.buckets:
        assert bucket.time_ms is not None
        assert bucket.bound_ms is not None
        truth = (START_S + found_second(found, bucket.start)) * 1000
        assert abs(bucket.time_ms - truth) <= bucket.bound_ms + 1000


def found_second(found: Growth, offset: int) -> float:
    """Return the second of the log above at which an offset stands; all seconds are alike in size."""
    return 100 * offset / found.size_bytes


def test_entry_ids_chosen_by_hand_are_no_clock(tmp_path: Path) -> None:
    def adding(second: int) -> Iterator[list[bytes]]:
        yield [b"XADD", b"events", b"%d-1" % (second + 1), b"f", b"v"]
        yield from steady(second)

    path = write(tmp_path, stream(50, adding, times=False))

    assert growth(path).axis is Axis.POSITION


def test_expire_times_bound_what_is_inferred(tmp_path: Path) -> None:
    """A deadline given at some place lies ahead of that place, so no time before it can be later."""

    def giving(second: int) -> Iterator[list[bytes]]:
        if second in (0, 99):
            yield [b"XADD", b"events", b"%d-0" % ((START_S + second * 100) * 1000), b"f", b"v"]
        if second == 50:
            yield [b"SET", b"k", b"v", b"PXAT", b"%d" % ((START_S + 60) * 1000)]
        yield from steady(second)

    found = growth(write(tmp_path, stream(100, giving, times=False)))

    early = [bucket for bucket in found.buckets if bucket.start < 0.45 * found.size_bytes]
    assert early
    assert all((bucket.time_ms or 0) <= (START_S + 60) * 1000 for bucket in early)


@pytest.mark.parametrize("by", ["command", "prefix", "db"])
@pytest.mark.parametrize("by_position", [True, False])
def test_rows_add_up_to_every_bucket(by: str, by_position: bool, tmp_path: Path) -> None:
    def mixed(second: int) -> Iterator[list[bytes]]:
        yield [b"SELECT", b"%d" % (second % 3)]
        yield from steady(second)
        yield [b"DEL", b"a:1", b"b:2"]

    found = growth(write(tmp_path, stream(70, mixed)), by=by, by_position=by_position, top=100)

    for number, bucket in enumerate(found.buckets):
        assert sum(row.bucket_bytes[number] for row in found.rows) == bucket.size_bytes
    assert sum(bucket.size_bytes for bucket in found.buckets) == found.size_bytes


def test_commands_before_the_first_time_are_named(tmp_path: Path) -> None:
    head = b"".join(map(encode, steady(0)))
    found = growth(write(tmp_path, head + stream(30, steady)))

    assert (found.untimed_commands, found.untimed_bytes) == (20, len(head))
    assert sum(bucket.commands for bucket in found.buckets) + 20 == found.commands
