"""`aoftool history` as a user meets it: transcripts, JSON, refusals."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from pathlib import Path

import pytest

from aoftool.cli.app import run
from tests.builders import log, select, timestamp, transaction
from tests.cli.test_inspect import HOSTILE
from tests.corpus import FIXTURES
from tests.golden_text import WIDTHS, check_transcript

FLUSHED = "recorded/redis-7.0.15/timestamps-flushall"
MISTAKE = "recorded/valkey-9.1.2/timestamps-with-base"
CASES = {
    "shop": ["cart:0110", "valkey-9/shop"],
    "stream": ["events", "valkey-9/shop", "--limit", "12"],
    "flushed": ["summary", FLUSHED],
    "values": ["summary", FLUSHED, "--values"],
    "mistake": ["b:s", MISTAKE, "--values"],
    "match": ["--match", "session:004*", "valkey-9/shop", "--limit", "6"],
    "redacted": ["cart:0110", "valkey-9/shop", "--redact", "all", "--salt", "golden", "--values"],
    "nothing": ["no-such-key", "valkey-9/shop"],
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", CASES)
def test_transcript(name: str, width: str, request: pytest.FixtureRequest) -> None:
    check_transcript(request, FIXTURES, f"history-{name}", width, ["history", *CASES[name]])


def test_json_lines_tell_what_the_text_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(
        log(
            select(2), timestamp(10), transaction(("SET", "k", 1, "PXAT", 20_000), ("SET", "l", 2)),
            timestamp(30), ("UNLINK", "k"),
        )
    )  # fmt: skip

    code = run(["history", "k", str(path), "--json", "--values"])

    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert code == 0
    assert (first["key"], first["key_db"], first["txn"], first["time_s"]) == ("k", 2, 1, 10)
    assert first["before"] is None
    assert first["after"] == {"type": "string", "length": 1, "expire_at_ms": 20_000, "value": "1"}
    assert second["after"] is None
    assert second["deletion"]["actor"] == "server-expiry"
    assert (second["earliest_ms"], second["latest_ms"]) == (30_000, 30_999)


@pytest.mark.parametrize(
    ("second", "later", "shown"),
    [
        (0, 0, "~22:13:20 ±1s "),
        (0.9, 6.1, "~22:13:23 ±4s "),
        (0, 600, "~22:18:20 ±5m "),
        (0, 30_000, "~02:23:20 ±5h "),
    ],
)
def test_an_inferred_time_is_marked_with_a_bound_that_holds_all_of_it(
    second: float, later: float, shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.aof"
    ids = [f"{1_700_000_000_000 + round(at * 1000)}-0" for at in (second, later)]
    entries = [("XADD", "s", entry_id, "f", "v") for entry_id in ids]
    path.write_bytes(log(entries[0], ("SET", "k", 1), entries[1]))

    code = run(["history", "k", str(path)])

    told = capsys.readouterr()
    heading, _, line = told.out.splitlines()
    assert code == 0
    assert shown in line
    assert heading.endswith(" UTC, no #TS: times inferred (~)")
    assert "times are inferred from entry IDs of streams" in told.err


def test_a_time_known_no_better_than_to_a_day_is_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.aof"
    entries = [("XADD", "s", f"{1_700_000_000_000 + at}-0", "f", "v") for at in (0, 90_000_000)]
    path.write_bytes(log(entries[0], ("SET", "k", 1), entries[1]))

    run(["history", "k", str(path)])

    assert "~" not in capsys.readouterr().out


def test_json_names_what_bounds_are_known_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(("XADD", "s", "1700000000000-0", "f", "v"), ("SET", "k", 1)))

    run(["history", "k", str(path), "--json"])

    step = json.loads(capsys.readouterr().out)
    assert step["earliest_ms"] == 1_700_000_000_000
    assert (step["earliest_from"], step["latest_from"]) == ("stream-id", "file-time")


def test_csv_tells_what_the_text_tells_and_runs_no_formula(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(
        log(select(2), timestamp(10), ("SET", "=k", "+1", "PXAT", 20_000), timestamp(30), ("UNLINK", "=k"))
    )

    code = run(["history", "=k", str(path), "--csv"])

    first, second = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert code == 0
    assert (first["key"], first["key_db"], first["name"]) == ("'=k", "2", "SET")
    assert (first["arguments"], first["time_s"]) == ("'=k +1 PXAT 20000", "10")
    assert (first["known"], first["type"], first["length"], first["expire_at_ms"]) == (
        "1", "string", "2", "20000",
    )  # fmt: skip
    assert (second["known"], second["type"], second["removed_by"]) == ("1", "", "server-expiry")
    assert (second["earliest_ms"], second["latest_ms"]) == ("30000", "30999")


def test_json_of_a_record_of_the_rdb_part_names_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["history", "session:0073", "--json", "--limit", "1", str(FIXTURES / "valkey-9/shop")])

    step = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (step["kind"], step["name"], step["argv"], step["index"]) == ("base", None, None, None)
    assert step["after"]["type"] == "string"
    assert step["earliest_from"] == "base"


def test_csv_of_a_record_of_the_rdb_part_names_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    run(["history", "--csv", "cart:0018", str(FIXTURES / "valkey-9" / "shop")])

    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    stored = [row for row in rows if row["kind"] == "base"]
    assert stored
    assert {(row["name"], row["arguments"], row["index"]) for row in stored} == {("", "", "")}
    assert all(row["type"] and int(row["offset"]) > 0 for row in stored)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["k", "path", "--match", "x*"],
        ["k", "--salt", "x"],
        ["k", "--csv", "--json"],
        ["k", "--csv", "--values"],
    ],
)
def test_options_that_make_no_sense_are_refused(words: list[str]) -> None:
    assert run(["history", *words]) == 2


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_in_a_log_reaches_the_terminal_unescaped(
    hostile: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "hostile.aof"
    path.write_bytes(log(("SET", b"k" + hostile, hostile * 30), ("HSET", b"k2" + hostile, hostile, hostile)))

    for words in ([], ["--json"], ["--csv"], ["--values"]):
        run(["history", "--match", "k*", str(path), *words])
        shown = capsys.readouterr()
        text = shown.out + shown.err
        assert text
        assert not [char for char in text if unicodedata.category(char) in ("Cc", "Cf") and char != "\n"]
