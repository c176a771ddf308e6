"""Golden transcripts: text kept beside the tests, refreshed with `--update-golden` and read in diff."""

from __future__ import annotations

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
