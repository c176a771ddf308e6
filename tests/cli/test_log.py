"""`aoftool log` as a user meets it: transcripts, forms of output, refusals."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from pathlib import Path

import pytest

from aoftool.cli.app import run
from aoftool.report.commands import command_text, hex_dump
from tests.builders import log, select, transaction
from tests.cli.test_inspect import HOSTILE
from tests.corpus import FIXTURES
from tests.golden_text import WIDTHS, check_transcript

FLUSHED = "recorded/redis-7.0.15/timestamps-flushall"
CASES = {
    "tail": ["valkey-9/shop", "--tail", "12"],
    "context": [FLUSHED, "--cmd", "FLUSHALL", "--context", "4"],
    "key": ["valkey-9/shop", "--key", "cart:0110"],
    "transaction": ["valkey-9/shop", "--txn", "2"],
    "large": ["valkey-9/shop", "--min-size", "300"],
    "since": [FLUSHED, "--since", "2026-11-20T15:13:12"],
    "torn": ["damaged/torn-mid-payload", "--tail", "3"],
    "nothing": ["valkey-9/shop", "--key", "no-such-key"],
    "hex": ["valkey-9/shop", "--hex", "500"],
    "redacted": ["valkey-9/shop", "--tail", "6", "--redact", "all", "--salt", "golden"],
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", CASES)
def test_transcript(name: str, width: str, request: pytest.FixtureRequest) -> None:
    check_transcript(request, FIXTURES, f"log-{name}", width, ["log", *CASES[name]])


def test_json_lines_hold_exact_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(select(3), ("set", b"\xff\x00", "x" * 5000)))

    code = run(["log", "--json", str(path)])

    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == 0
    assert rows[1] == {
        "schema": "aoftool.command/1",
        "file": "a.aof",
        "offset": 23,
        "size_bytes": 5030,
        "index": 1,
        "db": 3,
        "txn": 0,
        "time_s": None,
        "name": "SET",
        "argv": ["set", {"b64": "/wA="}, "x" * 5000],
    }


def test_a_log_without_annotations_is_filtered_by_inferred_times(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.aof"
    commands = [
        item
        for second in (0, 10, 20)
        for item in (
            ("XADD", "s", f"{1_700_000_000_000 + second * 1000}-0", "f", "v"),
            ("SET", f"behind:{second}", 1),
        )
    ]
    path.write_bytes(log(*commands[:-1]))
    words = ["log", str(path), "--since", "1700000002", "--until", "1700000008"]

    run([*words, "--cmd", "set"])
    told = capsys.readouterr()
    run([*words, "--cmd", "set", "--json"])
    as_json = capsys.readouterr().out
    run([*words, "--tail", "1", "--json"])

    assert json.loads(capsys.readouterr().out)["argv"] == ["SET", "behind:0", "1"]
    heading, _, line = told.out.splitlines()
    body = json.loads(as_json)
    assert heading.endswith("a.aof, 2023-11-14 UTC, no #TS: times inferred (~)")
    assert "~22:13:25 ±5s " in line
    assert line.endswith("SET behind:0 1")
    assert "may have run then" in told.err
    assert (body["time_s"], body["earliest_from"]) == (None, "stream-id")
    assert (body["earliest_ms"], body["latest_ms"]) == (1_700_000_000_000, 1_700_000_010_000)


def test_csv_has_one_row_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    run(["log", "--csv", "--cmd", "FLUSHALL", str(FIXTURES / FLUSHED)])

    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["name"], row["db"], row["offset"]) == ("FLUSHALL", "0", "7528")


def test_output_is_a_log_and_is_not_replaced_unasked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "a.aof", tmp_path / "b.aof"
    path.write_bytes(log(select(3), transaction(("SET", "a", 1), ("SET", "b", 2)), ("DEL", "a")))

    first = run(["log", "--key", "a", str(path), "-o", str(out)])
    again = run(["log", "--key", "a", str(path), "-o", str(out)])
    itself = run(["log", str(path), "-o", str(path), "--force"])

    assert (first, again, itself) == (0, 4, 4)
    assert out.read_bytes() == log(select(3), ("SET", "a", 1), ("DEL", "a"))
    assert "2 commands" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--json", "--csv"],
        ["--tail", "3", "--context", "2"],
        ["--tail", "3", "--from", "0"],
        ["--follow", "--csv"],
        ["--from", "x"],
        ["--from", "nosuch:5"],
        ["--match", "a", "--regex", "b"],
        ["--salt", "x"],
        ["--redact", "all", "--hex", "5"],
    ],
)
def test_options_that_make_no_sense_are_refused(words: list[str]) -> None:
    assert run(["log", *words, str(FIXTURES / "valkey-9" / "shop")]) == 2


def test_an_offset_names_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    shop = str(FIXTURES / "valkey-9" / "shop")

    run(["log", "--from", "appendonly.aof.2.incr.aof:82,499", shop])
    named = capsys.readouterr().out
    run(["log", "--from", "82499", shop])

    assert capsys.readouterr().out == named
    assert "PFADD visitors:today" in named


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_in_a_log_reaches_the_terminal_unescaped(
    hostile: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "hostile.aof"
    path.write_bytes(log((hostile, hostile, hostile), ("SET", hostile, hostile * 40)))

    for words in ([], ["--json"], ["--csv"], ["--hex", "0"], ["--context", "1"], ["--tail", "1"]):
        run(["log", *words, str(path)])
        shown = capsys.readouterr()
        text = shown.out + shown.err
        assert not [char for char in text if unicodedata.category(char) in ("Cc", "Cf") and char != "\n"]


def test_text_of_a_command_keeps_to_its_width() -> None:
    argv = [b"MSET", *(b"key:%d" % n for n in range(50)), b"\x00" * 500, b"", b"a b"]

    for width in range(30, 300, 7):
        assert len(command_text(argv, None, width)) <= width
    assert command_text([b"SET", b"a b", b""], None, 80) == 'SET "a b" ""'
    assert command_text([b"SET", b"k", b"x" * 30], [3, 1, 5000], 80) == "SET k " + "x" * 30 + "...(5,000)"


def test_hex_rows_line_up_on_sixteen() -> None:
    rows = list(hex_dump(bytes(range(60, 90)), 5, 20, 80))

    assert rows[0].startswith("            0  " + "   " * 5 + "3c 3d")
    assert [row[0] for row in rows] == [" ", ">", " "]
