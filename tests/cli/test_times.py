"""Times as people type them, and what is said where a log has nothing then."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.cli.app import run
from aoftool.cli.log_span import absolute_time, span_of
from aoftool.errors import UsageError
from tests.builders import log, timestamp, write_multi_part

# 2023-11-14 22:13:20Z
START_S = 1_700_000_000


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A log of an hour, one write a minute, whose values hold what looks like annotations."""
    items: list[bytes | tuple[str, ...]] = []
    for minute in range(61):
        items += [timestamp(START_S + 60 * minute), ("SET", f"k:{minute}", "\r\n#TS:2000000000\r\nx")]
    return str(write_multi_part(tmp_path / "d", base=b"", incrs=[log(*items)]))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("10m", "2023-11-14T23:03:20Z"),
        ("-10m", "2023-11-14T23:03:20Z"),
        ("90s", "2023-11-14T23:11:50Z"),
        ("2d", "2023-11-12T23:13:20Z"),
        ("23:00", "2023-11-14T23:00:00Z"),
        ("23:00:01", "2023-11-14T23:00:01Z"),
        ("23:30", "2023-11-13T23:30:00Z"),
        ("2023-11-14T22:00", "2023-11-14T22:00"),
        ("1700000000", "1700000000"),
    ],
)
def test_a_time_is_told_from_the_end_of_the_log(text: str, meant: str, path: str) -> None:
    assert absolute_time(text, find_log(path), "--at") == meant


@pytest.mark.parametrize("text", ["25:00", "12:60", "12:00:61"])
def test_no_time_of_day_is_refused(text: str, path: str) -> None:
    with pytest.raises(UsageError, match="not a point in time"):
        absolute_time(text, find_log(path), "--at")


def test_without_annotations_the_last_write_ends_a_log(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(("SET", "k", "v")))
    os.utime(path, (START_S, START_S))

    assert absolute_time("20s", find_log(str(path)), "--at") == "2023-11-14T22:13:00Z"
    span = span_of(find_log(str(path)))
    assert span is not None
    assert "no #TS" in span.words


def test_the_last_ten_minutes_are_listed(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["log", "--since", "10m", "--csv", path]) == 0

    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 1 + 11
    assert "--since 10m is 2023-11-14 23:03:20Z" in shown.err


@pytest.mark.parametrize("moment", ["22:20", "-53m", "2023-11-14T22:20:20", "2023-11-14T23:20:20+01:00"])
def test_the_data_at_a_time_of_day(moment: str, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "--at", moment, path]) == 0

    assert len(capsys.readouterr().out.splitlines()) == 1 + 7 + (moment != "22:20")


@pytest.mark.parametrize("verb", ["log", "inspect", "growth"])
@pytest.mark.parametrize(
    "words", [["--since", "2024-01-01"], ["--until", "2001-01-01"], ["--since", "2024-01-01", "--json"]]
)
def test_a_time_outside_says_what_the_log_covers(
    verb: str, words: list[str], path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([verb, *words, path]) == 2

    shown = capsys.readouterr()
    assert "the log covers 2023-11-14 22:13:20Z to 2023-11-14 23:13:20Z" in shown.out + shown.err


@pytest.mark.parametrize(
    "words",
    [
        ["log", "--hex", "10", "--json"],
        ["log", "--hex", "10", "--limit", "3"],
        ["log", "--follow", "--to", "10"],
        ["log", "--force"],
        ["growth", "--fold", "day", "--by", "db"],
        ["growth", "--fold", "day", "--top", "3"],
    ],
)
def test_options_without_effect_are_refused(
    words: list[str], path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, path]) == 2

    shown = capsys.readouterr()
    assert "leave out" in shown.out + shown.err


def test_a_log_in_the_place_of_a_key_is_said(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["history", path]) == 2

    assert "is a log: name a key before it" in capsys.readouterr().err


def test_a_pattern_in_the_place_of_a_key_is_said(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["history", "k:*", path]) == 0

    (line,) = [line for line in capsys.readouterr().err.splitlines() if "next: " in line]
    assert line.endswith(f"aoftool history --match 'k:*' {path}")
