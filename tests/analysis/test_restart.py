"""How long a restart takes grows with what there is to load, and says what it does not know."""

from __future__ import annotations

from pathlib import Path

from aoftool.analysis.folding import folded
from aoftool.analysis.growth import growth_of
from aoftool.analysis.overview import overview_of
from aoftool.analysis.reading import read_log
from aoftool.analysis.restart import restart_of
from aoftool.aof.layout import find_log
from aoftool.aof.survey import survey
from tests.builders import log, rdb, rdb_database, rdb_record, rdb_string, timestamp


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
