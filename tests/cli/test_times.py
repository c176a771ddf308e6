"""Times as people type them, and what is said where a log has nothing then."""

from __future__ import annotations

import json
import os
import shlex
from datetime import datetime, timezone
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.aof.moment import Moment, resolve
from aoftool.aof.span import span_of
from aoftool.cli.app import run
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


def when(text: str, path: str) -> str:
    """Return the time that a moment is in a log, in UTC."""
    found = resolve(Moment.parse(text), find_log(path))
    assert found.time_s is not None
    return datetime.fromtimestamp(found.time_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


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
        ("23:00Z", "2023-11-14T23:00:00Z"),
        ("23:00+01:00", "2023-11-14T22:00:00Z"),
        ("01:00:01+0200", "2023-11-14T23:00:01Z"),
        ("17:30-05:30", "2023-11-14T23:00:00Z"),
        ("18:30-05:30", "2023-11-14T00:00:00Z"),
        ("yesterday", "2023-11-13T23:13:20Z"),
        ("2023-11-14T22:00", "2023-11-14T22:00:00Z"),
        ("2023-11-14T23:00+01:00", "2023-11-14T22:00:00Z"),
        ("1700000000", "2023-11-14T22:13:20Z"),
        ("@1700000000", "2023-11-14T22:13:20Z"),
        ("1700000000000", "2023-11-14T22:13:20Z"),
    ],
)
def test_a_time_is_told_from_the_end_of_the_log(text: str, meant: str, path: str) -> None:
    assert when(text, path) == meant


@pytest.mark.parametrize("text", ["25:00", "12:60", "12:00:61", "12:00+24:00", "12:00-01:60"])
def test_no_time_of_day_is_refused(text: str, path: str) -> None:
    with pytest.raises(UsageError, match="not a point in time"):
        when(text, path)


def test_without_annotations_the_last_write_ends_a_log(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(("SET", "k", "v")))
    os.utime(path, (START_S, START_S))

    assert when("20s", str(path)) == "2023-11-14T22:13:00Z"
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


@pytest.mark.parametrize("verb", ["log", "inspect", "growth", "audit", "history"])
@pytest.mark.parametrize(
    "words", [["--since", "2024-01-01"], ["--until", "2001-01-01"], ["--since", "2024-01-01", "--json"]]
)
def test_a_time_outside_says_what_the_log_covers(
    verb: str, words: list[str], path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([verb, *(["k:1"] if verb == "history" else []), *words, path]) == 2

    shown = capsys.readouterr()
    assert "the log covers 2023-11-14 22:13:20Z to 2023-11-14 23:13:20Z" in shown.out + shown.err


def test_times_are_inferred_by_those_who_count_as_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(
        log(*(("XADD", "s", f"{1000 * (START_S + second)}-0", "f", "v") for second in range(60)))
    )
    os.utime(path, (START_S + 60, START_S + 60))

    for verb in ("inspect", "growth"):
        assert run([verb, "--since", "10s", "--json", str(path)]) == 0

        shown = capsys.readouterr()
        found = json.loads(shown.out)
        assert (found if verb == "growth" else found["contents"])["commands"] == 10
        assert "every command that may have run then" in shown.err


@pytest.mark.parametrize("option", ["--since", "--until"])
@pytest.mark.parametrize("verb", ["log", "inspect", "growth", "audit", "history", "log -o"])
def test_no_log_without_times_is_called_empty(
    verb: str, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "a.aof", tmp_path / "out.aof"
    path.write_bytes(log(("SET", "k", "v")))
    words = {"log -o": ["log", "-o", str(out)], "history": ["history", "k"]}.get(verb, [verb])

    for form in ([], ["--json"]):
        if form and "-o" in words:
            continue
        assert run([*words, option, "10m", *form, str(path)]) == 3

        shown = capsys.readouterr()
        assert "no command has a time" in shown.out + shown.err
        assert "give an offset instead" in shown.out + shown.err
        assert f"aoftool log --tail 20 {path}" in shown.out + shown.err
    assert not out.exists()


@pytest.mark.parametrize(("since", "commands"), [("21:00", 45), ("22:13:20", 45), ("22:13:21", 4)])
def test_every_verb_counts_what_stands_before_annotations_that_begin_later(
    since: str, commands: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.aof"
    early = [("SET", f"early:{number}", "x" * 200) for number in range(40)]
    late = [item for s in range(5) for item in (timestamp(START_S + s), ("SET", f"k:{s}", 1))]
    path.write_bytes(log(*early, *late))

    assert run(["log", "--since", since, "--csv", str(path)]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == commands + 1
    assert "may have run then" in shown.err
    assert run(["inspect", "--since", since, "--json", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["contents"]["commands"] == commands
    assert run(["growth", "--since", since, "--json", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["commands"] == commands


@pytest.mark.parametrize("text", ["before:SET:0", "before:SET:-2", "before:SET:00"])
def test_commands_of_a_name_are_counted_from_1(
    text: str, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for verb, option in (("keys", "--at"), ("log", "--since"), ("rewrite", "--to")):
        assert run([verb, option, text, path]) == 2

        assert "use before:SET:1 for the first, before:SET for the last" in capsys.readouterr().err


def test_where_no_file_is_meant_one_is_named(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["log", "--since", "other.aof:40", path]) == 2

    line = capsys.readouterr().err.strip().splitlines()[-1].removeprefix("   next: aoftool ")
    assert line.startswith("log --since ")
    assert run(shlex.split(line)) == 0


@pytest.mark.parametrize(
    "words",
    [
        ["log", "--hex", "10", "--json"],
        ["log", "--hex", "10", "--limit", "3"],
        ["log", "--follow", "--until", "10"],
        ["log", "--force"],
        ["growth", "--fold", "day", "--by", "db"],
        ["growth", "--fold", "day", "--limit", "3"],
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
