"""`aoftool growth` as a user meets it: transcripts, JSON, CSV, and times that are only inferred."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from pathlib import Path

import pytest

from aoftool.analysis.clock.model import Axis
from aoftool.analysis.growth.model import Bucket
from aoftool.cli.app import run
from aoftool.report.growth import moment
from tests.corpus import FIXTURES
from tests.golden_text import check_golden

SHOP = FIXTURES / "valkey-9" / "shop"
CASES = {
    "shop": ["valkey-9/shop"],
    "shop-by-command": ["valkey-9/shop", "--by", "command", "--bucket", "10s"],
    "shop-by-position": ["valkey-9/shop", "--axis", "bytes", "--by", "db"],
    "flushall": ["recorded/redis-7.0.15/timestamps-flushall"],
    "without-times": ["recorded/redis-6.2.5/rewritten-with-preamble"],
    "torn": ["damaged/torn-mid-payload"],
}
WRITTEN_S = 1_800_000_000


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the fixtures and give every file the same time: times are inferred from it."""
    root = tmp_path_factory.mktemp("logs") / "fixtures"
    shutil.copytree(FIXTURES, root)
    for path in root.rglob("*"):
        os.utime(path, (WRITTEN_S, WRITTEN_S))
    return root


@pytest.mark.parametrize("width", ["80", "120", "piped"])
@pytest.mark.parametrize("name", CASES)
def test_transcript(
    name: str,
    width: str,
    logs: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if not (logs / CASES[name][0]).exists():
        pytest.skip("not among the fixtures of the checkout")
    monkeypatch.chdir(logs)
    if width == "piped":
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", width)

    code = run(["growth", *CASES[name]])

    shown = capsys.readouterr()
    lines = [line.rstrip() for line in shown.out.splitlines()]
    if width != "piped":
        assert max(map(len, lines)) <= int(width)
    text = "\n".join([*lines, *shown.err.splitlines(), f"exit {code}", ""])
    check_golden(request, f"cli/growth-{name}-{width}.txt", text)


def test_json_holds_every_bucket_and_csv_the_same_figures(capsys: pytest.CaptureFixture[str]) -> None:
    run(["growth", str(SHOP), "--json"])
    body = json.loads(capsys.readouterr().out)
    run(["growth", str(SHOP), "--csv"])
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))

    assert body["schema"] == "aoftool.growth/1"
    assert body["axis"] == "time"
    assert sum(bucket["size_bytes"] for bucket in body["buckets"]) == body["size_bytes"]
    whole = [row for row in table if row["prefix"] == ""]
    assert [int(row["size_bytes"]) for row in whole] == [bucket["size_bytes"] for bucket in body["buckets"]]
    for row in body["rows"]:
        mine = [line for line in table if line["prefix"] == row["name"]]
        assert sum(int(line["size_bytes"]) for line in mine) == sum(row["bucket_bytes"])


def test_an_inferred_time_carries_its_bound(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["growth", str(logs / "recorded" / "redis-6.2.5" / "rewritten-with-preamble")])

    shown = capsys.readouterr().out

    assert "~20" in shown
    assert "±" in shown


@pytest.mark.parametrize("hours", [11, 13])
def test_a_time_known_to_a_day_or_so_is_none(hours: int) -> None:
    bucket = Bucket(1000, 2000, 1, 100, time_ms=WRITTEN_S * 1000, bound_ms=hours * 3_600_000)

    shown = moment(bucket, Axis.ANCHORED)

    assert shown == ("~2027-01-15 08:00:00Z (± 11 h 0 min)" if hours == 11 else "offset 1,000")


@pytest.mark.parametrize(
    "words",
    [
        ["--bucket", "1x"],
        ["--bucket", "1M"],
        ["--axis", "bytes", "--bucket", "10s"],
        ["--json", "--csv"],
        ["--separator", "::"],
    ],
)
def test_options_that_make_no_sense_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["growth", str(SHOP), *words]) == 2


def test_stand_ins_hide_prefixes(capsys: pytest.CaptureFixture[str]) -> None:
    run(["growth", str(SHOP), "--redact", "all", "--salt", "s", "--json"])

    shown = capsys.readouterr().out

    for word in ("session", "cart", "events", "stats", "orders", "queue"):
        assert word not in shown
