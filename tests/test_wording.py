"""Numbers go with what they count: `1 command`, and never `1 commands`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from aoftool.units import counted
from tests.corpus import CHECKOUT

PACKAGE = CHECKOUT / "aoftool"
PLURAL = re.compile(
    r" (?:more |whole |other |later )?(?:annotations|bases|births|bytes|commands|databases|deletions|elements"
    r"|entries|events|fields|files|findings|items|keys|libraries|members|names|places|prefixes|records|rows"
    r"|scripts|servers|steps|times|transactions|values|writes)\b"
)
# Shown only where it is more than one, or no number of things: a factor, a rate, a word, a limit.
NEVER_ONE = {
    "analysis/audit/audit.py": {"times"},
    "analysis/history/deletions.py": {"len(argv) - 1"},
    "analysis/habits/repeats.py": {"format_count(self._most)"},
    "analysis/habits/slots.py": {"most / mean"},
    "analysis/inspect/remarks.py": {"len(steps)", "format_count(view.commands)"},
    "aof/layout.py": {"len(names)"},
    "check/loaders/official.py": {"length", "length + 2", "there"},  # the words of the official checkers
    "check/loaders/simulate.py": {"file.declared"},
    "api/explaining.py": {"len(paths)"},
    "cli/options/moments.py": {"option"},
    "cli/choices/rewrite.py": {"moment.text"},
    "cli/verbs/explain.py": {"option"},
    "escape.py": {"len(raw)"},
    "files/spool.py": {"most_bytes"},
    "files/watch.py": {"now.st_size"},
    "files/packed/zstd.py": {"size", "facts.window_size"},
    "keyspace/context.py": {"size_bytes"},
    "explain/resp.py": {"length"},
    "repair/planner.py": {"names"},
    "repair/planners/undelete.py": {"len(places)"},
    "servers/confined.py": {"max(loaded, 0)"},
    "report/unattended/check_aof.py": {
        "size",
        "less",
        "file.size_after",
    },  # the words of the official checkers
    "report/running/advise.py": {"format_count(round(log.commands / log.seconds))"},
    "report/growth.py": {"line", "burst.factor"},
}
# Limits of ours, by their names.
CONSTANT = re.compile(r"[A-Z_.a-z]*\b_?[A-Z][A-Z_]+")


@pytest.mark.parametrize(
    ("number", "words", "text"),
    [
        (1, ("command",), "1 command"),
        (0, ("command",), "0 commands"),
        (5121, ("command",), "5,121 commands"),
        (2, ("entry", "entries"), "2 entries"),
        (1, ("key has", "keys have"), "1 key has"),
    ],
)
def test_a_number_goes_with_its_noun(number: int, words: tuple[str, ...], text: str) -> None:
    assert counted(number, *words) == text


def plurals_of(path: Path) -> Iterator[str]:
    """Yield the numbers in front of a plural that is always the same."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.JoinedStr):
            continue
        for value, text in zip(node.values, node.values[1:], strict=False):
            if not isinstance(value, ast.FormattedValue) or not isinstance(text, ast.Constant):
                continue
            what, inner = ast.unparse(value.value), path.relative_to(PACKAGE).as_posix()
            if not PLURAL.match(str(text.value)) or CONSTANT.fullmatch(what):
                continue
            if what not in NEVER_ONE.get(inner, ()):
                yield f"{inner}:{node.lineno} {{{what}}}{str(text.value)[:20]}"


def test_no_text_takes_the_plural_for_granted() -> None:
    found = [place for path in sorted(PACKAGE.rglob("*.py")) for place in plurals_of(path)]

    assert found == []
