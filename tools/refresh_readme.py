"""Run the README's console sessions and write their output anew; read the diff before you keep it.

Where a session ends in a line of `...`, as many lines stay above it as stood there before. One with such a
line in its middle is left alone: what it leaves out there (a time, a random name) differs from run to run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SESSION = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)


def environment() -> dict[str, str]:
    """Return the surroundings in which tests/test_readme.py runs the sessions."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AOFTOOL_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    fixed = {"COLUMNS": "100", "TZ": "UTC", "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "PATH": path}
    return {**kept, **fixed}


def output(command: str, directory: Path) -> list[str]:
    """Return the lines that a command prints, trailing blanks removed."""
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=directory,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    if "Traceback" in done.stdout:
        raise SystemExit(f"{command} broke; the README is as it was\n{done.stdout}")
    return [line.rstrip() for line in done.stdout.rstrip("\n").split("\n")]


def refresh(block: str) -> str:
    """Return a session with true output; all of its commands run in one copy of the fixtures."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        shutil.copytree(ROOT / "tests" / "fixtures", directory / "tests" / "fixtures")
        parts = []
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *shown = step.rstrip("\n").split("\n")
            lines = output(command, directory)
            if "..." in shown[:-1] or shown == ["..."]:
                lines = shown
            elif shown and shown[-1] == "..." and len(lines) >= len(shown):
                lines = [*lines[: len(shown) - 1], "..."]
            parts.append("\n".join([f"$ {command}", *lines]) + "\n")
    return "```console\n" + "".join(parts) + "```"


if __name__ == "__main__":
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    readme.write_text(SESSION.sub(lambda match: refresh(match[1]), text), encoding="utf-8")
