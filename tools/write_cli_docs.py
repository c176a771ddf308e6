"""Write docs/cli.md from the help texts; run it after changing a verb."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "docs" / "cli.md"

HEAD = """\
# Command line

This page is made from the help texts by `python tools/write_cli_docs.py`; a test keeps it true.
Results go to standard output, everything else to standard error. Every verb takes `--json`.
"""


def help_text(*words: str) -> str:
    """Return what `aoftool WORDS --help` prints at 80 columns."""
    from aoftool.cli.app import run

    os.environ["COLUMNS"] = "80"
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = run([*words, "--help"])
    if code:
        raise SystemExit(f"aoftool {' '.join(words)} --help gave {code}")
    return out.getvalue().rstrip()


def verbs() -> list[str]:
    """Return the names of all verbs in the order in which help lists them."""
    from aoftool.cli.app import VERBS

    return list(VERBS)


def page() -> str:
    """Return the whole page."""
    parts = [HEAD, f"```\n{help_text()}\n```\n"]
    parts += [f"## aoftool {verb}\n\n```\n{help_text(verb)}\n```\n" for verb in verbs()]
    return "\n".join(parts)


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
