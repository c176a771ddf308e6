"""`aoftool diff` as a user meets it: transcripts, JSON, CSV, refusals."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from aoftool.cli.app import run
from tests.builders import log
from tests.cli.test_inspect import HOSTILE
from tests.corpus import FIXTURES
from tests.golden_text import WIDTHS, check_transcript

FLUSHED = "redis-7.0.15/timestamps-flushall"
RECORDED = FIXTURES / "recorded"
CASES = {
    "offset": [FLUSHED, "--at", "7528", "--limit", "6"],
    "times": [FLUSHED, "--at", "2026-11-20T15:13:09", "--at", "2026-11-20T15:13:11", "--limit", "4"],
    "two-logs": ["valkey-9.1.2/hash-field-ttl", "valkey-9.1.2/hash-field-ttl-rdb-base"],
    "same": ["../valkey-9/shop", "../valkey-9/shop"],
    "match": [FLUSHED, "--at", "7528", "--match", "t*"],
    "torn": ["../damaged/torn-mid-payload", "redis-6.2.5/mixed-small", "--limit", "3"],
    "redacted": [FLUSHED, "--at", "7528", "--limit", "4", "--redact", "all", "--salt", "golden"],
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", CASES)
def test_transcript(name: str, width: str, request: pytest.FixtureRequest) -> None:
    check_transcript(request, RECORDED, f"diff-{name}", width, ["diff", *CASES[name]])


def test_json_has_every_change(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["diff", "--json", "--at", "7528", str(RECORDED / FLUSHED)])

    body = json.loads(capsys.readouterr().out)
    assert code == 1
    assert body["counts"] == {"added": 7, "removed": 154, "changed": 0}
    assert len(body["changes"]) == 161
    assert body["left"]["keys"] == 154
    assert body["changes"][0]["before"] is None
    assert len(body["changes"][0]["after"]["digest"]) == 32


def test_csv_has_one_row_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    run(["diff", "--csv", "--at", "7528", str(RECORDED / FLUSHED)])

    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 161
    assert (rows[0]["change"], rows[0]["key"], rows[0]["type_after"]) == (
        "added",
        "after-disaster:0",
        "string",
    )


@pytest.mark.parametrize(
    "words",
    [
        [FLUSHED],
        [FLUSHED, FLUSHED, "--at", "5"],
        [FLUSHED, "--at", "5", "--at", "6", "--at", "7"],
        [FLUSHED, "--at", "nonsense"],
        [FLUSHED, FLUSHED, "--json", "--csv"],
        ["-", "--at", "5"],
    ],
)
def test_options_that_make_no_sense_are_refused(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(RECORDED)

    assert run(["diff", *words]) == 2


@pytest.mark.parametrize(
    "words",
    [["diff"], ["keys"], ["rewrite", "--dry-run"], ["fix", "--dry-run"], ["explain"]],
    ids=lambda words: words[0],
)
def test_an_offset_behind_the_end_is_refused_where_a_state_is_asked_for(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(("SET", "k", 1)))
    size = path.stat().st_size
    option = "--to" if words[0] in ("rewrite", "fix") else "--at"

    codes = [run([*words, option, str(offset), str(path)]) for offset in (size, size + 1)]

    assert codes == [3 if words == ["explain"] else 0, 2]
    told = capsys.readouterr().err
    assert f"a.aof ends at {size}, and offset {size + 1} lies behind that" in told
    assert "next: aoftool log" in told


@pytest.mark.parametrize(
    "words",
    [
        ["diff", "--at"],
        ["keys", "--at"],
        ["rewrite", "-n", "--to"],
        ["fix", "-n", "--to"],
        ["log", "--hex"],
    ],
    ids=lambda words: words[0],
)
def test_a_time_is_refused_for_a_log_that_holds_none(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(("SET", "k", 1)))

    code = run([*words, "2026-11-21", str(path)])

    assert code == 3
    assert "there are no #TS annotations" in capsys.readouterr().err


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_in_a_log_reaches_the_terminal_unescaped(
    hostile: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = tmp_path / "a", tmp_path / "b"
    one.write_bytes(log(("SET", hostile, 1), ("SET", hostile + b":1", 1)))
    two.write_bytes(log(("RPUSH", hostile, hostile), ("SET", b":" + hostile, 2)))

    for words in ([], ["--json"], ["--csv"]):
        run(["diff", str(one), str(two), *words])
        shown = capsys.readouterr()
        text = shown.out + shown.err
        assert text
        assert not [char for char in text if unicodedata.category(char) in ("Cc", "Cf") and char != "\n"]


def test_standard_input_is_compared_by_its_data_alone(tmp_path: Path) -> None:
    path = tmp_path / "one.aof"
    path.write_bytes(log([b"SET", b"a", b"1"]))

    with path.open("rb") as stream:
        command = [sys.executable, "-m", "aoftool", "diff", str(path), "-"]
        done = subprocess.run(command, stdin=stream, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "no difference" in done.stdout
    assert "different from" not in done.stdout


SCRIPT = ("EVAL", "return redis.call('SET','a','b')", "0")


def pasted(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the words of the line that an answer proposes."""
    lines = re.findall(r"^ *next: aoftool (.+)$", capsys.readouterr().err, re.MULTILINE)
    assert len(lines) == 1
    return shlex.split(lines[0])


@pytest.mark.parametrize("script", [(SCRIPT,), (("MULTI",), SCRIPT, ("EXEC",))])
@pytest.mark.parametrize("is_left", [True, False])
def test_a_script_in_one_of_two_logs_ends_in_a_line_that_shows_what_is_before_it(
    script: tuple[tuple[str, ...], ...], is_left: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = tmp_path / "it's.aof", tmp_path / "two.aof"
    one.write_bytes(log(("SET", "a", "1"), ("SET", "b", "2"), *script, ("SET", "c", "3")))
    two.write_bytes(log(("SET", "a", "1")))

    assert run(["diff", *(str(path) for path in ((one, two) if is_left else (two, one)))]) == 3
    step = pasted(capsys)
    assert (step[0], step[-1]) == ("keys", str(one))
    assert run([*step, "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["key"] for row in found if "key" in row] == ["a", "b"]


def test_a_script_between_two_points_ends_in_a_line_that_works(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(("SET", "a", "1"), ("SET", "b", "2"), SCRIPT, ("SET", "c", "3")))

    assert run(["diff", "--at", "27", str(path), "--written-by", "redis-6.2"]) == 3
    step = pasted(capsys)
    assert step == ["diff", "--at", "a.aof:27", "--at", "a.aof:54", "--written-by", "redis-6.2", str(path)]
    assert run([*step, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["counts"] == {"added": 1, "removed": 0, "changed": 0}

    assert run(["diff", "--at", str(path.stat().st_size - 27), str(path)]) == 3
    assert pasted(capsys) == ["keys", "--at", "a.aof:54", str(path)]
