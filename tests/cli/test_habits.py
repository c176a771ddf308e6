"""How keys are used, as a user meets it: transcripts, JSON and CSV, and nothing of what looks secret."""

from __future__ import annotations

import csv
import io
import json

import pytest

from aoftool.analysis.habits.questions import HABITS
from aoftool.cli.app import run
from tests.corpus import FIXTURES
from tests.golden_text import WIDTHS, check_transcript

INCIDENT = "answers/incident"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("by", HABITS)
def test_transcript(by: str, width: str, request: pytest.FixtureRequest) -> None:
    check_transcript(
        request, FIXTURES, f"keys-by-{by}", width, ["keys", "--by", by, "--limit", "5", INCIDENT]
    )


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("fold", ["day", "week"])
def test_transcript_of_a_fold(fold: str, width: str, request: pytest.FixtureRequest) -> None:
    words = ["growth", "--fold", fold, "answers/two-days"]
    check_transcript(request, FIXTURES, f"growth-fold-{fold}", width, words)


@pytest.mark.parametrize("by", HABITS)
def test_csv_has_the_rows_of_json(by: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["keys", "--by", by, str(FIXTURES / INCIDENT)]

    run([*words, "--json"])
    body = json.loads(capsys.readouterr().out)
    run([*words, "--csv"])
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))

    assert list(table[0]) == list(body["units"])
    assert [list(row.values()) for row in table] == [
        ["" if cell is None else str(cell) for cell in row.values()] for row in body["rows"]
    ]


def test_what_looks_secret_is_counted_and_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    run(["keys", "--by", "secrets", str(FIXTURES / INCIDENT)])

    shown = capsys.readouterr().out
    assert "e-mail" in shown
    assert "example.com" not in shown


def test_a_fold_without_times_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["growth", "--fold", "day", str(FIXTURES / "recorded/redis-6.2.5/mixed-small")])

    assert code == 3
    assert "#TS" in capsys.readouterr().err
