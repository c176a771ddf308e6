"""docs/questions.md tells the truth: every command in it runs and prints what it shows.

`--update-golden` writes the output anew; lines behind the first `...` of a session stay left out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.corpus import CHECKOUT, FIXTURES
from tests.test_readme import Step, matches, plain_environment, sessions

PAGE = CHECKOUT / "docs" / "questions.md"
# Files without times of their own are dated by this.
WRITTEN_S = 1_800_000_000
LATER: set[int] = set()
STEPS = [step for steps in sessions(PAGE.read_text("utf-8")) for step in steps]


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("questions") / "fixtures"
    shutil.copytree(FIXTURES, root)
    for path in root.rglob("*"):
        os.utime(path, (WRITTEN_S, WRITTEN_S))
    return root


def output_of(command: str, directory: Path) -> list[str]:
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=directory,
        env=plain_environment(directory.parent),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    return [line.rstrip() for line in done.stdout.decode().splitlines()]


@pytest.mark.parametrize("step", [pytest.param(step, id=step.command) for step in STEPS])
def test_session_prints_what_the_page_shows(step: Step, logs: Path, request: pytest.FixtureRequest) -> None:
    printed = output_of(step.command, logs)
    if request.config.getoption("--update-golden"):
        _rewrite(step, printed)
        return

    assert matches(step.shown, printed), f"$ {step.command}\n" + "\n".join(printed)


def _rewrite(step: Step, printed: list[str]) -> None:
    shown = printed
    if "..." in step.shown:
        shown = [*printed[: step.shown.index("...")], "..."]
    old = "\n".join([f"$ {step.command}", *step.shown]) + "\n```"
    new = "\n".join([f"$ {step.command}", *shown]) + "\n```"
    PAGE.write_text(PAGE.read_text("utf-8").replace(old, new, 1), "utf-8")


def test_every_question_is_on_the_page_or_left_for_later() -> None:
    numbers = [int(text) for text in re.findall(r"^## Q(\d+)\.", PAGE.read_text("utf-8"), re.MULTILINE)]

    assert numbers == [number for number in range(1, 55) if number not in LATER]


def test_every_question_has_a_command_with_its_output() -> None:
    answers = re.split(r"^## Q(\d+)\.", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]

    without = [
        number for number, text in zip(answers[::2], answers[1::2], strict=True) if "\n$ aoftool" not in text
    ]

    assert without == []
    assert "Traceback" not in PAGE.read_text("utf-8")
