"""Help texts: every verb has examples and exit codes, and the pages made from them are current."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from aoftool.cli.app import run

ROOT = Path(__file__).resolve().parents[2]


def _cli_docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_cli_docs", ROOT / "tools" / "write_cli_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DOCS = _cli_docs()


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("verb", DOCS.verbs())
def test_every_verb_shows_examples_and_exit_codes(verb: str) -> None:
    text = DOCS.help_text(verb)

    assert "Examples:" in text
    assert f"aoftool {verb}" in text.split("Examples:")[1]
    assert "Exit codes:" in text
    assert "--json" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("verb", ["", *DOCS.verbs()])
@pytest.mark.parametrize("width", ["40", "80"])
def test_help_is_whole(
    verb: str, width: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", width)

    assert run([*filter(None, [verb]), "--help"]) == 0

    text = capsys.readouterr().out
    assert "\\b" not in text
    assert "..." not in re.sub(r"[A-Z]\]?\.\.\.", "", text)


@pytest.mark.parametrize("verb", DOCS.verbs())
def test_every_verb_is_in_the_readme(verb: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert re.search(rf"aoftool {verb}\b", readme), f"README.md does not mention aoftool {verb}"


def test_the_command_line_page_is_current() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")

    assert page == DOCS.page(), "run python tools/write_cli_docs.py"
