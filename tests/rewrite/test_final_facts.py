"""The fast way of a diff finds what the replay command by command finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.analysis.diff.diff import Point, compare_points, facts_of
from aoftool.aof.layout import find_log
from aoftool.errors import InputError
from aoftool.files import open_source
from aoftool.progress import no_progress
from aoftool.replay.log_replay import LogReplay
from aoftool.resp.sieve import SieveReader
from aoftool.resp.watch import Watch
from aoftool.rewrite.ask.final_facts import final_state
from tests.builders import command, log, select, timestamp
from tests.corpus import Case, case_params
from tests.random_logs import Mix, random_log
from tests.servers import Build

NOW_MS = 2_000_000_000_000
BUILD = Build("redis", (8, 6, 3), Path())


def same(path: Path, point: Point, written_by: str | None = None) -> int:
    """Compare both ways; return how many keys there are."""
    found = find_log(str(path))
    state = final_state(found, point, None, NOW_MS, written_by, no_progress)
    assert state is not None
    replay = LogReplay(
        found, until=point.place, until_s=point.time_s, now_ms=NOW_MS, written_by=written_by
    ).run()
    assert state.facts == facts_of(replay.keyspace)
    assert state.writer == replay.writer
    return len(state.facts)


@pytest.mark.parametrize("seed", range(12))
def test_random_logs_and_their_middles(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(log(*random_log(seed, BUILD, 300, Mix(keys=6 + seed))))
    with open_source(str(path)) as source:
        offsets = [item.offset for item in SieveReader(source, Watch(min_length=1))]

    assert same(path, Point(), "redis-8.6")
    for offset in offsets[seed + 50 :: 97]:
        same(path, Point(place=(0, offset)), "redis-8.6")


@pytest.mark.parametrize("seed", range(6))
def test_moments_of_random_logs(seed: int, tmp_path: Path) -> None:
    """Before the first second and behind the last; some begin between a MULTI and its EXEC."""
    commands = random_log(seed + 40, BUILD, 200, Mix(keys=8))
    parts: list[bytes] = []
    for number, argv in enumerate(commands):
        if number % 9 == 0:
            parts.append(timestamp(1_700_000_000 + number // 9 * 2))
        parts.append(command(*argv))
    path = tmp_path / "log.aof"
    path.write_bytes(b"".join(parts))

    for time_s in (*range(1_700_000_000, 1_700_000_048, 3), 1_699_999_999, 1_800_000_000):
        same(path, Point(time_s=time_s), "redis-8.6")


def test_a_time_in_a_log_without_times_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(log(select(0), command("SET", "a", 1)))
    found, point = find_log(str(path)), Point(time_s=5)

    assert final_state(found, point, None, NOW_MS, None, no_progress) is None
    with pytest.raises(InputError):
        compare_points((found, point), (found, point), quick=final_state)


@pytest.mark.corpus
@pytest.mark.parametrize("case", case_params("recorded"))
def test_recorded_logs(case: Case) -> None:
    if "vector" in case.id or "script" in case.id:
        pytest.skip("followed by the other way only")
    found = find_log(str(case.source))
    if final_state(found, Point(), None, NOW_MS, None, no_progress) is None:
        pytest.skip("followed by the other way only")
    assert same(case.source, Point()) >= 0


@pytest.mark.parametrize(
    "rest",
    [
        [command("JSON.SET", "j", "$", "1")],
        [b"*2\r\n$3\r\nGET"],
        [b"garbage\r\n"],
    ],
    ids=["module", "torn", "damaged"],
)
def test_what_it_does_not_follow_is_left_to_the_other_way(rest: list[bytes], tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(log(select(0), command("SET", "a", 1), *rest))

    assert final_state(find_log(str(path)), Point(), None, NOW_MS, None, no_progress) is None
