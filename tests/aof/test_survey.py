"""Surveys: one pass over the files of a log, whatever happens to them meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.aof.model import FileRole, Log, LogFile, LogKind
from aoftool.aof.survey import Content, Survey, survey, survey_file
from aoftool.check.quick import intact_structure, quick_report
from aoftool.errors import ReadFailedError
from aoftool.files import open_source
from tests import builders

SET = builders.command("SET", "k", "v")


def _log(path: Path) -> Log:
    return Log(LogKind.SINGLE, str(path), (LogFile(str(path), FileRole.SINGLE, path.name.encode()),))


def test_state_begins_anew_in_each_file(tmp_path: Path) -> None:
    builders.write_multi_part(
        tmp_path,
        base=builders.rdb(),
        base_is_rdb=True,
        incrs=[builders.select(3) + SET, SET + builders.command("MULTI") + SET],
    )

    read = survey(find_log(tmp_path))

    assert [item.content for item in read.files] == [Content.RDB, Content.RESP, Content.RESP]
    first, second = read.files[1].tail, read.files[2].tail
    assert first is not None
    assert second is not None
    assert {key.db for key in first.rows if key.name == b"SET"} == {3}
    assert {key.db for key in second.rows if key.name == b"SET"} == {0}
    assert second.transactions.open_offset == len(SET)


def test_an_rdb_part_and_the_commands_behind_it_are_both_read(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    rdb = builders.rdb()
    path.write_bytes(rdb + SET * 3)

    item = survey(find_log(path)).files[0]

    assert item.content is Content.MIXED
    assert item.tail_start == len(rdb)
    assert item.tail is not None
    assert item.tail.commands == 3
    assert item.good_end == item.size_bytes == path.stat().st_size


def test_a_missing_file_is_a_row_and_not_an_error(tmp_path: Path) -> None:
    file = LogFile(str(tmp_path / "gone"), FileRole.INCR, b"gone", exists=False)

    read = survey(Log(LogKind.MULTI_PART, str(tmp_path), (file,)))

    assert read.files[0].content is Content.MISSING


def test_a_file_that_vanishes_before_it_is_opened_is_a_finding(tmp_path: Path) -> None:
    read = survey(_log(tmp_path / "vanished.aof"))

    report = quick_report(read)
    assert read.files[0].error is not None
    assert not report.intact
    assert report.findings[0].code == "read-error"


@pytest.mark.parametrize(
    ("change", "intact"),
    [("grow", True), ("replace", False), ("vanish", False)],
)
def test_a_file_that_changes_while_it_is_read_gives_a_finding(
    change: str, intact: bool, tmp_path: Path
) -> None:
    path = tmp_path / "live.aof"
    path.write_bytes(SET * 50_000)
    half_way: list[int] = []

    def interfere(done_bytes: int) -> None:
        if half_way:
            return
        half_way.append(done_bytes)
        if change == "grow":
            with path.open("ab") as file:
                file.write(SET)
        elif change == "replace":
            other = tmp_path / "other"
            other.write_bytes(SET)
            other.replace(path)
        else:
            path.unlink()

    log = _log(path)
    with open_source(path) as source:
        item = survey_file(log.files[0], source, progress=interfere)
    report = quick_report(Survey(log, [item]))

    assert half_way
    assert item.changes
    assert report.intact is intact, [finding.message for finding in report.findings]


def test_a_file_that_shrinks_while_it_is_read_ends_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "live.aof"
    path.write_bytes(SET * 50_000)

    def interfere(done_bytes: int) -> None:
        if path.stat().st_size > len(SET) * 20_000 + 5:
            os.truncate(path, len(SET) * 20_000 + 5)

    with open_source(path) as source, pytest.raises(ReadFailedError, match="ends here") as error:
        survey_file(_log(path).files[0], source, progress=interfere)

    assert error.value.offset == len(SET) * 20_000 + 5


def test_a_growing_file_needs_no_closer_look(tmp_path: Path) -> None:
    path = tmp_path / "live.aof"
    path.write_bytes(SET)
    log = _log(path)
    with open_source(path) as source:
        with path.open("ab") as file:
            file.write(SET[:10])
        item = survey_file(log.files[0], source)

    report = quick_report(Survey(log, [item]))

    assert item.tail is not None
    assert item.tail.commands == 1
    assert intact_structure(report)


def test_a_number_of_arguments_that_no_server_takes_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "odd.aof"
    path.write_bytes(SET + b"*2\r\n$3\r\nSET\r\n$1\r\na\r\n" + SET)

    report = quick_report(survey(_log(path)))

    assert [finding.code for finding in report.findings] == ["wrong-arity"]
    assert report.findings[0].message == "SET with 2 arguments: no server writes that"
    assert not intact_structure(report)
