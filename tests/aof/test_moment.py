"""The grammar of moments, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.aof.model import Place
from aoftool.aof.moment import Moment, MomentKind, resolve
from aoftool.errors import UsageError
from tests.builders import command, log, timestamp, write_multi_part

START_S = 1_700_000_000
FIRST = log(timestamp(START_S), command("SET", "a", "1"), timestamp(START_S + 60), command("SET", "b", "2"))


@pytest.mark.parametrize(
    ("text", "kind", "number"),
    [
        ("end", MomentKind.END, 0),
        ("0", MomentKind.OFFSET, 0),
        ("1,024", MomentKind.OFFSET, 1024),
        ("88_120_114", MomentKind.OFFSET, 88_120_114),
        ("1,700,000,000", MomentKind.OFFSET, 1_700_000_000),
        ("a.aof:17", MomentKind.OFFSET, 17),
        ("2026-11-21.aof:17", MomentKind.OFFSET, 17),
        ("before:3", MomentKind.COMMAND, 0),
        ("1700000000", MomentKind.NUMBER, 1_700_000_000),
        ("@1700000000", MomentKind.TIME, 1_700_000_000_000),
        ("@5", MomentKind.TIME, 5_000),
        ("1970-01-01T00:00:05", MomentKind.TIME, 5_000),
        ("1970-01-01T01:00:05+01:00", MomentKind.TIME, 5_000),
        ("10m", MomentKind.BACK, 600),
        ("-2h", MomentKind.BACK, 7200),
        ("yesterday", MomentKind.BACK, 86400),
        ("14:46", MomentKind.TIME_OF_DAY, 53_160),
        ("before:FLUSHALL", MomentKind.COMMAND, 0),
        ("before:flushall:2", MomentKind.COMMAND, 2),
    ],
)
def test_every_form_is_read(text: str, kind: MomentKind, number: int) -> None:
    found = Moment.parse(text)

    assert (found.kind, found.number) == (kind, number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "now-5",
        "a.aof:",
        ":5:x",
        "--5",
        "9" * 40,
        "@",
        "@" + "9" * 40,
        "25:00",
        "2026-13-45",
        "x",
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a "):
        Moment.parse(text)


def test_a_colon_in_a_name_is_typed_as_an_escape() -> None:
    assert Moment.parse("before:odd\\x3a7").name == b"ODD:7"
    assert Moment.parse("before:odd:7").name == b"ODD"


def test_a_large_number_is_an_offset_only_in_a_file_that_large(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(FIRST)
    small = resolve(Moment.parse(str(START_S)), find_log(path))
    with path.open("r+b") as file:
        file.truncate(START_S + 1)
    large = resolve(Moment.parse(str(START_S)), find_log(path))

    assert (small.place, small.time_s) == (None, START_S)
    assert (large.place, large.time_s) == (Place(0, START_S), None)


def test_an_offset_alone_needs_one_file_with_commands(tmp_path: Path) -> None:
    two = find_log(write_multi_part(tmp_path / "two", base=b"", incrs=[FIRST, FIRST]))

    with pytest.raises(UsageError, match="several files could be meant"):
        resolve(Moment.parse("0"), two)
    assert resolve(Moment.parse("appendonly.aof.2.incr.aof:0"), two).place == Place(2, 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2023-11-14T22:13:19", "the log covers 2023-11-14 22:13:20Z to 2023-11-14 22:14:20Z"),
        ("2200-01-01", "the log covers 2023-11-14 22:13:20Z to 2023-11-14 22:14:20Z"),
        ("2h", "the log covers 2023-11-14 22:13:20Z to 2023-11-14 22:14:20Z"),
        (str(len(FIRST) + 1), f"a.aof ends at {len(FIRST)}"),
        ("before:FLUSHALL", "the log holds 0 commands FLUSHALL"),
        ("before:SET:3", "the log holds 2 commands SET"),
        ("b.aof:5", "the log has no file"),
    ],
)
def test_a_moment_outside_of_the_log_says_what_it_covers(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(FIRST)

    with pytest.raises(UsageError, match=words):
        resolve(Moment.parse(text), find_log(path), as_state=True)


def test_before_a_command_of_a_transaction_is_before_the_transaction(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(FIRST + log(("MULTI",), ("SET", "c", "3"), ("FLUSHALL",), ("EXEC",), ("SET", "d", "4")))
    opened = len(FIRST)

    assert resolve(Moment.parse("before:FLUSHALL"), find_log(path)).place == Place(0, opened)
    assert resolve(Moment.parse("before:SET:3"), find_log(path)).place == Place(0, opened)
    assert resolve(Moment.parse("before:EXEC"), find_log(path)).place == Place(0, opened)
    assert resolve(Moment.parse("before:SET:4"), find_log(path)).place != Place(0, opened)
