"""The README tells the truth: its commands run, print what it shows, and are the ones that .ci/run runs.

A fenced block of the language `console` is a session: lines that open with `$ ` are typed, the lines after
them are the exact output (standard error included). A line of only `...` stands for any lines left out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from aoftool.releases import RELEASES
from tests.corpus import CHECKOUT, FIXTURES

README = CHECKOUT / "README.md"
COLUMNS = 100


@dataclass
class Step:
    """Hold one typed command and the output lines that the README shows for it."""

    command: str
    shown: list[str] = field(default_factory=list)


def sessions(text: str) -> list[list[Step]]:
    """Return the console blocks of a Markdown text as lists of steps."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        steps: list[Step] = []
        for line in block.splitlines():
            if line.startswith("$ "):
                steps.append(Step(line[2:]))
            else:
                steps[-1].shown.append(line)
        found.append(steps)
    return found


def matches(shown: list[str], printed: list[str]) -> bool:
    """Tell whether printed lines are the shown ones, `...` standing for any lines."""
    lines = (r"(?:.*\n)*?" if line == "..." else re.escape(line.rstrip()) + "\n" for line in shown)
    return re.fullmatch("".join(lines), "".join(line.rstrip() + "\n" for line in printed)) is not None


def plain_environment(home: Path) -> dict[str, str]:
    """Return the surroundings in which the README's output was taken."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AOFTOOL_")}
    fixed = {"COLUMNS": str(COLUMNS), "TZ": "UTC", "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "HOME": str(home)}
    return {**kept, **fixed, "PATH": path}


def test_ci_runs_the_install_and_test_command_of_the_readme() -> None:
    script = (CHECKOUT / ".ci" / "run").read_text("utf-8")
    command = "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/pytest"

    assert command in script
    assert command in README.read_text("utf-8")


def test_readme_shows_real_sessions() -> None:
    typed = [step.command for steps in sessions(README.read_text("utf-8")) for step in steps]

    assert any(command.startswith("aoftool inspect") for command in typed)


@pytest.mark.parametrize(
    "steps", [pytest.param(steps, id=steps[0].command) for steps in sessions(README.read_text("utf-8"))]
)
def test_session_prints_what_the_readme_shows(steps: list[Step], tmp_path: Path) -> None:
    # A copy, because some verbs write where they are pointed.
    shutil.copytree(FIXTURES, tmp_path / "tests" / "fixtures")

    for step in steps:
        done = subprocess.run(
            ["bash", "-c", step.command],
            cwd=tmp_path,
            env=plain_environment(tmp_path),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
        )
        printed = done.stdout.decode().splitlines()

        assert matches(step.shown, printed), f"$ {step.command}\n" + "\n".join(printed)


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        (["a", "b"], ["a", "b  "], True),
        (["a", "...", "z"], ["a", "b", "c", "z"], True),
        (["a", "...", "z"], ["a", "z"], True),
        (["a"], ["a", "b"], False),
        (["a.c"], ["abc"], False),
    ],
)
def test_shown_lines_are_compared_exactly(shown: list[str], printed: list[str], same: bool) -> None:
    assert matches(shown, printed) is same


def test_what_it_was_proved_on_is_what_the_catalogue_was_measured_on() -> None:
    (line,) = re.findall(r"was proved on (.*?); other releases", README.read_text("utf-8"), re.DOTALL)
    redis, valkey = line.split("Valkey")

    for family, text in (("redis", redis), ("valkey", valkey)):
        told = re.findall(r"\d+\.\d+\.\d+", text)
        assert told == [row.measured_on for row in RELEASES if row.family == family and row.is_measured]
