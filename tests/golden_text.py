"""Golden transcripts: text kept beside the tests, refreshed with `--update-golden` and read in diff."""

from __future__ import annotations

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


def check_transcript(
    request: pytest.FixtureRequest, directory: Path, name: str, width: str, words: Sequence[str]
) -> None:
    """Hold what a run prints, with its exit code, against a golden transcript; no line is wider than asked.

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
    lines = [line.rstrip() for line in (shown.out + shown.err).splitlines()]
    if width != "piped":
        assert max(len(line) for line in shown.out.splitlines() or [""]) <= int(width)
    check_golden(request, f"cli/{name}-{width}.txt", "\n".join([*lines, f"exit {code}", ""]))
