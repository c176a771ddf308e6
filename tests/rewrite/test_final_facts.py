"""The fast way of a diff finds what the replay command by command finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.analysis.diff import Point, facts_of
from aoftool.analysis.replaying import LogReplay
from aoftool.aof.layout import find_log
from aoftool.files import open_source
from aoftool.progress import no_progress
from aoftool.resp.sieve import SieveReader
from aoftool.resp.watch import Watch
from aoftool.rewrite.final_facts import final_state
from tests.builders import command, log, select
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
    replay = LogReplay(found, until=point.place, now_ms=NOW_MS, written_by=written_by).run()
    assert state.facts == facts_of(replay.keyspace)
    assert state.writer == replay.writer
    return len(state.facts)


@pytest.mark.parametrize("seed", range(12))
def test_random_logs_and_their_middles(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(log(*random_log(seed, BUILD, 300, Mix(keys=6 + seed))))
    with open_source(str(path)) as source:
        # A moment inside of a transaction is none: what is queued has not run.
        offsets = [item.offset for item in SieveReader(source, Watch(min_length=1)) if not item.txn]

    assert same(path, Point(), "redis-8.6")
    for offset in offsets[seed + 50 :: 97]:
        same(path, Point(place=(0, offset)), "redis-8.6")


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
        [command("TRIMSLOTS", "RANGES", 1, 0, 5)],
        [b"*2\r\n$3\r\nGET"],
        [b"garbage\r\n"],
    ],
    ids=["module", "slots", "torn", "damaged"],
)
def test_what_it_does_not_follow_is_left_to_the_other_way(rest: list[bytes], tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(log(select(0), command("SET", "a", 1), *rest))

    assert final_state(find_log(str(path)), Point(), None, NOW_MS, None, no_progress) is None
