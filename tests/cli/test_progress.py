"""Progress that long work shows: honest when the input is read more than once."""

from __future__ import annotations

import json

import pytest

from aoftool.cli.options import ProgressMode
from aoftool.cli.progress import ProgressReporter


def _lines(capsys: pytest.CaptureFixture[str], steps: list[int]) -> list[dict[str, int | None]]:
    with ProgressReporter("reading", 100, ProgressMode.json) as progress:
        for step in steps:
            progress(step)
            progress._next = 0.0
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_what_there_is_to_do_is_unknown_once_it_is_read_again(capsys: pytest.CaptureFixture[str]) -> None:
    lines = _lines(capsys, [60, 40, 1])

    assert [line["done_bytes"] for line in lines] == [60, 100, 101]
    assert [line["total_bytes"] for line in lines] == [100, 100, None]


@pytest.mark.parametrize(
    ("done", "words"),
    [
        (50, ["reading 50 B of 100 B (50 %)", "s left"]),
        (100, ["reading 100 B of 100 B (100 %)", "0 s left"]),
        (150, ["reading 150 B in more than one pass over 100 B"]),
    ],
)
def test_no_share_is_above_all(done: int, words: list[str]) -> None:
    progress = ProgressReporter("reading", 100, ProgressMode.never)
    progress(done)

    line = progress._line(10.0)

    assert all(word in line for word in words)
    assert ("%" in line) == (done <= 100)
