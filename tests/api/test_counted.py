"""What the first reading of a log counted is what a later look at it would count, or is counted anew."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import aoftool
from aoftool.analysis.census.reading import read_log
from aoftool.aof.model import Log
from aoftool.aof.survey import survey
from aoftool.api.postmortem.counted import CountedTails
from aoftool.check.checker import check
from aoftool.files import open_source
from aoftool.progress import no_progress
from aoftool.resp.model import TailTally
from aoftool.resp.scanner import tally
from tests.builders import command, log, select
from tests.corpus import FIXTURES, Case, case_params


class Anew:
    """Counts how often streams are read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0

        def counting(*given: Any, **named: Any) -> TailTally:
            self.count += 1
            return tally(*given, **named)

        monkeypatch.setattr("aoftool.api.postmortem.counted.tally", counting)


@pytest.fixture
def anew(monkeypatch: pytest.MonkeyPatch) -> Anew:
    return Anew(monkeypatch)


def learned(opened: Log) -> CountedTails:
    found = CountedTails(opened)
    found.learn(read_log(opened).survey)
    return found


LOGS = [*case_params("recorded", root=FIXTURES), *case_params("damaged", root=FIXTURES)]


@pytest.mark.parametrize("case", LOGS)
def test_the_report_of_a_check_is_the_same_without_a_second_reading(case: Case, anew: Anew) -> None:
    opened = aoftool.open_log(case.source)
    if not opened.files:
        return

    report = check(opened, read_tail=learned(opened).read_tail)

    assert report == check(opened)
    assert anew.count == 0


@pytest.mark.parametrize("case", LOGS)
def test_a_stream_is_counted_alike_for_its_contents_and_for_a_check(case: Case) -> None:
    opened = aoftool.open_log(case.source)
    plain = survey(opened)

    assert [item.tail for item in read_log(opened).survey.files] == [item.tail for item in plain.files]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(log(select(0), command("SET", "a", "1"), command("SET", "b", "2")))
    os.utime(path, ns=(1, 1))
    return path


def test_a_log_that_grew_is_counted_anew(path: Path, anew: Anew) -> None:
    known = learned(aoftool.open_log(path))
    with path.open("ab") as file:
        file.write(command("SET", "c", "3"))

    assert check(aoftool.open_log(path), read_tail=known.read_tail).files[0].commands == 4
    assert anew.count == 1


def test_a_log_that_was_written_over_is_counted_anew(path: Path, anew: Anew) -> None:
    known = learned(aoftool.open_log(path))
    path.write_bytes(path.read_bytes().replace(b"SET\r\n$1\r\nb", b"SET\r\n$9\r\nb"))

    assert not check(aoftool.open_log(path), read_tail=known.read_tail).intact
    assert anew.count == 1


def test_nothing_learned_and_files_that_are_gone_are_counted_anew(path: Path, anew: Anew) -> None:
    opened = aoftool.open_log(path)
    known = CountedTails(opened)
    assert check(opened, read_tail=known.read_tail).intact
    known.learn(survey(opened))
    with open_source(str(path)) as source:
        path.unlink()
        tail = known.read_tail(opened.files[0], source, 0, no_progress)

    assert tail.commands == 3
    assert anew.count == 2


def test_what_is_given_is_a_copy(path: Path) -> None:
    opened = aoftool.open_log(path)
    known = learned(opened)
    with open_source(str(path)) as source:
        one, other = (known.read_tail(opened.files[0], source, 0, no_progress) for _ in range(2))
    one.rows.clear()

    assert other.rows
