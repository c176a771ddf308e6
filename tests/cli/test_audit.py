"""`aoftool audit` as a user meets it: transcripts, JSON, hostile content."""

from __future__ import annotations

import json
import shlex
import unicodedata
from pathlib import Path

import pytest

from aoftool.cli.app import run
from tests.builders import log, timestamp
from tests.cli.test_inspect import HOSTILE
from tests.corpus import FIXTURES
from tests.golden_text import WIDTHS, check_transcript

FLUSHED = "recorded/redis-7.0.15/timestamps-flushall"
CASES = {
    "flushed": [FLUSHED],
    "mistake": ["recorded/valkey-9.1.2/timestamps-with-base"],
    "databases": ["recorded/redis-7.0.15/databases", "--context", "1"],
    "scripts": ["recorded/redis-6.2.5/lua-verbatim"],
    "quiet": ["valkey-9/shop"],
    "torn": ["damaged/torn-mid-payload"],
    "redacted": [FLUSHED, "--redact", "all", "--salt", "golden"],
    "no-replay": [FLUSHED, "--replay", "never", "--context", "0"],
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", CASES)
def test_transcript(name: str, width: str, request: pytest.FixtureRequest) -> None:
    check_transcript(request, FIXTURES, f"audit-{name}", width, ["audit", *CASES[name]])


def test_csv_has_a_line_for_each_event(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["audit", "--csv", str(FIXTURES / FLUSHED)])

    header, line = capsys.readouterr().out.splitlines()
    assert code == 0
    assert header.startswith("severity,code,file,offset")
    assert line.startswith("high,flush,appendonly.aof.1.incr.aof,7528,")


def test_json_tells_the_incident(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["audit", "--json", str(FIXTURES / FLUSHED)])

    body = json.loads(capsys.readouterr().out)
    (event,) = body["events"]
    assert code == 0
    assert (body["schema"], body["replayed"], body["counts"]) == ("aoftool.audit/1", True, {"flush": 1})
    assert (event["severity"], event["command"]["time_s"], event["loss"]["keys"]) == ("high", 1795187592, 154)
    assert [row["argv"][0] for row in event["before"]] == ["SET", "HSET", "INCRBY"]


def test_the_time_of_an_event_is_inferred_from_what_stands_around_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.aof"
    entries = [("XADD", "s", f"{1_700_000_000_000 + at}-0", "f", "v") for at in (0, 20_000)]
    path.write_bytes(log(("SET", "k", 1), entries[0], ("FLUSHALL",), entries[1]))

    run(["audit", str(path)])
    text = capsys.readouterr().out
    run(["audit", str(path), "--json"])

    (event,) = json.loads(capsys.readouterr().out)["events"]
    assert "~2023-11-14 22:13:30Z ±10s, a.aof offset" in text
    assert event["latest_ms"] - event["earliest_ms"] == 20_000
    assert (event["earliest_from"], event["latest_from"]) == ("stream-id", "stream-id")


def test_a_group_has_the_time_of_the_annotation_before_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.aof"
    run_of = [("UNLINK", f"key:{n}") for n in range(200)]
    path.write_bytes(
        log(timestamp(1_700_000_000), ("SET", "k", 1), *run_of, timestamp(1_700_000_009), ("SET", "k", 2))
    )

    run(["audit", str(path)])

    assert "2023-11-14 22:13:20Z, a.aof offset" in capsys.readouterr().out


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_in_a_log_reaches_the_terminal_unescaped(
    hostile: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "hostile.aof"
    deletes = [("DEL", hostile + b"%d" % n) for n in range(120)]
    path.write_bytes(
        log(
            ("SET", hostile + b":1", hostile),
            ("FLUSHALL",),
            (hostile, hostile),
            *deletes,
            ("FLUSHDB", hostile),
        )
    )

    for words in ([], ["--json"]):
        run(["audit", str(path), *words])
        shown = capsys.readouterr()
        text = shown.out + shown.err
        assert text
        assert not [char for char in text if unicodedata.category(char) in ("Cc", "Cf") and char != "\n"]


KEYS = [("SET", f"k{number}", "v") for number in range(10_000)]
MEMBERS = [("SADD", "s", *(f"m{number}" for number in range(10_000)))]


@pytest.mark.parametrize(
    ("commands", "asks"),
    [
        ([*KEYS, ("FLUSHALL",)], True),
        ([*KEYS[1:], ("FLUSHALL",)], False),
        ([*KEYS, ("FLUSHALL", "ASYNC")], False),
        ([*KEYS, ("DEL", *(words[1] for words in KEYS))], True),
        ([*KEYS, ("UNLINK", *(words[1] for words in KEYS))], False),
        ([*MEMBERS, ("DEL", "s")], True),
        ([*MEMBERS, ("UNLINK", "s")], False),
        ([*MEMBERS, ("SUNIONSTORE", "t", "s")], True),
        ([*(("SET", f"k{n}", "v", "PXAT", "1700000000000") for n in range(10_000)),
          *(("DEL", f"k{n}") for n in range(10_000))], True),
    ],
)  # fmt: skip
def test_what_may_have_stalled_a_server_has_a_line_that_asks_it(
    commands: list[tuple[str, ...]], asks: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "it's a log.aof"
    path.write_bytes(log(*commands))

    run(["audit", str(path)])

    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if "aoftool advise" in line]
    assert len(lines) == asks
    for line in lines:
        first, second = (shlex.split(part) for part in line.split(" && "))
        assert first == ["aoftool", "capture", "-o", "capture.tgz"]
        assert second == ["aoftool", "advise", "capture.tgz", "--aof", str(path)]
