"""docs/api.md tells the truth: its examples run and give what it shows."""

from __future__ import annotations

import doctest
import re
import shutil
from pathlib import Path

import pytest

import aoftool
from tests.corpus import CHECKOUT, FIXTURES

PAGE = CHECKOUT / "docs" / "api.md"


def test_examples_of_the_page_give_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A copy, because a repair writes where it is pointed.
    shutil.copytree(FIXTURES, tmp_path / "tests" / "fixtures")
    monkeypatch.chdir(tmp_path)
    examples = "\n".join(
        re.findall(r"^```pycon\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    )
    test = doctest.DocTestParser().get_doctest(examples, {}, PAGE.name, str(PAGE), 0)
    told: list[str] = []

    result = doctest.DocTestRunner(verbose=False).run(test, out=told.append)

    assert result.failed == 0, "".join(told)
    assert result.attempted > 20


def test_the_page_shows_every_function() -> None:
    text = PAGE.read_text("utf-8")
    functions = [name for name in aoftool.__all__ if name.islower() and name != "__version__"]

    assert [name for name in functions if f"aoftool.{name}(" not in text] == []
