"""How long a restart takes grows with what there is to load, and says what it does not know."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.analysis.census.reading import read_log
from aoftool.analysis.growth.folding import folded
from aoftool.analysis.growth.growth import growth_of
from aoftool.analysis.inspect.overview import overview_of
from aoftool.analysis.inspect.restart import restart_of
from aoftool.analysis.inspect.walking import walks_of
from aoftool.aof.layout import find_log
from aoftool.aof.survey import survey
from aoftool.cli.app import run
from tests.builders import (
    Word,
    log,
    rdb,
    rdb_database,
    rdb_length,
    rdb_record,
    rdb_string,
    timestamp,
    to_bytes,
    write_multi_part,
)


def restart(tmp_path: Path, content: bytes):  # type: ignore[no-untyped-def]
    path = tmp_path / "a.aof"
    path.write_bytes(content)
    return restart_of(overview_of(survey(find_log(str(path)))))


def test_twice_the_commands_take_twice_as_long(tmp_path: Path) -> None:
    once = restart(tmp_path, log(*[("SET", "k", "v")] * 100))
    twice = restart(tmp_path, log(*[("SET", "k", "v")] * 200))

    assert once.commands_s > 0
    assert abs(twice.commands_s - 2 * once.commands_s) < 1e-9
    assert twice.slowest is not None
    assert twice.slowest[0] == b"SET"


def test_an_rdb_part_and_scripts_are_told_apart(tmp_path: Path) -> None:
    base = rdb(rdb_database(0, rdb_record(0, "k", rdb_string("v"))))

    found = restart(tmp_path, base + log(("EVAL", "return 1", 0)))

    assert found.rdb_s > 0
    assert found.is_open
    assert not restart(tmp_path, base).is_open


def members(count: int) -> list[str]:
    return [f"m{number}" for number in range(count)]


HEAVY: dict[str, list[tuple[Word, ...]]] = {
    "a sort": [("SADD", "s", *members(5000)), *[("SORT", "s", "ALPHA", "STORE", "d")] * 300],
    "a union of unions": [
        ("SADD", "s", *members(5000)),
        ("SUNIONSTORE", "d", "s", "x"),
        *[("SUNIONSTORE", "e", "d", "s")] * 300,
    ],
    "bits far out": [("SETRANGE", "b", 50_000_000, "x"), *[("BITOP", "NOT", "d", "b")] * 20],
    "a list with no such item": [("RPUSH", "l", *members(5000)), *[("LREM", "l", 0, "z")] * 2000],
}


@pytest.mark.parametrize("name", HEAVY)
def test_commands_that_go_over_whole_values_cost_what_these_hold(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(*HEAVY[name]))
    found = find_log(str(path))

    walks = walks_of(found)
    restarting = restart_of(overview_of(survey(found)), walks)

    assert walks.known
    assert restarting.most_s > 0.5 > restarting.least_s
    assert restarting.slowest is not None
    assert restarting.slowest[0] == to_bytes(HEAVY[name][-1][0])
    assert not restarting.is_open


def test_what_was_flushed_or_deleted_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    large = ("SADD", "s", *members(5000))
    sort = ("SORT", "s", "STORE", "d")
    path.write_bytes(log(large, ("DEL", "s"), sort, large, ("FLUSHALL",), sort))

    assert walks_of(find_log(str(path))).steps == 0


def test_sizes_of_the_rdb_part_count(tmp_path: Path) -> None:
    base = rdb(rdb_database(0, rdb_record(2, "s", rdb_length(300) + b"".join(map(rdb_string, members(300))))))
    path = write_multi_part(
        tmp_path / "d", base=base, base_is_rdb=True, incrs=[log(("SORT", "s", "STORE", "d"))]
    )

    assert walks_of(find_log(str(path))).steps == 300


def test_inspect_does_not_replay_what_takes_long(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(("SADD", "s", *members(5000)), *[("SORT", "s", "ALPHA", "STORE", "d")] * 1300))

    assert run(["inspect", str(path)]) == 0

    shown = capsys.readouterr().out
    assert "take long to replay; --savings does" in shown
    assert "SORT 100.0 %" in shown


def test_hours_of_all_days_are_laid_upon_one(tmp_path: Path) -> None:
    start = 1_795_046_400
    path = tmp_path / "a.aof"
    items: list[object] = []
    for hour in range(72):
        items += [timestamp(start + 3600 * hour), *([("INCR", "k")] * (1 + hour % 24))]
    path.write_bytes(log(*items))  # type: ignore[arg-type]
    read = read_log(find_log(str(path)))

    table = folded(growth_of(read.contents, read.axis, width=3600), "day", start, start + 71 * 3600 + 3599)

    assert table is not None
    assert [row[2] for row in table.rows] == [3 * (1 + hour) for hour in range(24)]
    assert {row[1] for row in table.rows} == {3 * 3600}
    assert dict(table.facts)["trough"].startswith("00:00 to 01:00")
    assert table.notes == []
