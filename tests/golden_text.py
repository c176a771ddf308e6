"""Golden transcripts: text kept beside the tests, refreshed with `--update-golden` and read in diff."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

GOLDEN = Path(__file__).resolve().parent / "golden"


def check_golden(request: pytest.FixtureRequest, name: str, text: str) -> None:
    """Hold text against a golden file; with `--update-golden` write it instead."""
    path = GOLDEN / name
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"{path} is missing: run pytest with --update-golden and read it"

    assert text == path.read_text(encoding="utf-8")


WIDTHS = ("80", "120", "piped")
# What differs from run to run: the name of a receipt's folder, and how long it took.
_STAMP = re.compile(r"aoftool-(fix|rewrite)-\d{8}T\d{6}Z-[0-9a-f]{6}")
# Command lines, which are there to be copied.
_TO_COPY = re.compile(r"(  |next: |    (restore|or keep) +)aoftool ")
_ELAPSED = re.compile(r"^(time +)[\d,.]+ (?:ms|s)$", re.MULTILINE)


def settled(text: str, directory: Path) -> str:
    """Return what a run printed without what differs from run to run; line ends carry no blanks."""
    text = _STAMP.sub(r"aoftool-\1-STAMP", text.replace(str(directory), "DIR"))
    lines = (line.rstrip() for line in text.splitlines())
    return _ELAPSED.sub(r"\1SHORT", "\n".join(lines))


def check_transcript(
    request: pytest.FixtureRequest, directory: Path, name: str, width: str, words: Sequence[str]
) -> None:
    """Hold what a run prints, with its exit code, against a golden transcript; no line is wider than asked.

    The directory, the time that a run took and the names of receipts are made the same everywhere first.

    Args:
        directory: where it runs, so that paths are the same everywhere.
        name: of the golden file, without width.
        width: one of `WIDTHS`.
        words: the command line.
    """
    from aoftool.cli.app import run

    monkeypatch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    capsys: pytest.CaptureFixture[str] = request.getfixturevalue("capsys")
    monkeypatch.chdir(directory)
    if width == "piped":
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", width)

    code = run(words)

    shown = capsys.readouterr()
    if width != "piped":
        results = settled(shown.out, directory)
        # A path that is longer than the line stays whole, and so does a command that is there to be copied.
        folded = [line for line in results.splitlines() if not _TO_COPY.match(line)]
        assert [line for line in folded if len(line) > int(width) and " " in line.strip()] == []
    text = settled(shown.out + shown.err, directory)
    check_golden(request, f"cli/{name}-{width}.txt", f"{text}\nexit {code}\n" if text else f"exit {code}\n")
