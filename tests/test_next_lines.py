"""Every `next:` line of every verb is pasted and run, and what it says next, to the end.

The end is an answer without damage, or a plain sentence that nothing more can be had. A line may not come
twice on the way: that would be a loop.
"""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import aoftool
from aoftool.cli.app import run
from aoftool.next_step import again, next_step, quoted, typed_again
from tests.corpus import FIXTURES, corpus_root
from tests.test_every_verb import logs_of
from tests.verbs import CALLS, Answer, ask

# Verbs that say what to type next, each asked of some logs.
STARTS = (
    ("check", "IN"),
    ("inspect", "IN"),
    ("fix", "--dry-run", "IN"),
    ("rewrite", "--dry-run", "IN"),
    ("rewrite", "-o", "OUT", "IN"),
    ("keys", "IN"),
    ("keys", "--by", "writes", "IN"),
    ("keys", "--by", "dead", "IN"),
    ("growth", "IN"),
    ("log", "IN"),
    ("history", "--match", "*", "IN"),
    ("audit", "IN"),
    ("diff", "IN", "IN"),
    ("fix", "--salvage", "--yes", "-o", "OUT", "IN"),
    ("explain", "--at", "15", "IN"),
    ("export", "-o", "OUT", "IN"),
    ("sql", "IN", "SELECT count(*) FROM commands"),
    ("report", "--md", "IN"),
    ("simulate", "IN"),
    ("simulate", "--disk", "1k", "IN"),
    ("snapshot", "-o", "OUT", "IN"),
    ("guard", "IN"),
    ("undo", "IN"),
    ("undo", "--forget", "IN"),
    ("fleet", "IN"),
    ("advise", "IN"),
    ("advise", "--aof", "IN"),
    ("probe", "IN"),
    ("capture", "--server", "IN", "-o", "OUT"),
)
_STEPS = 7
# In the default run one log in so many is followed, from so few calls besides `check`.
_STEP, _CALLS = 5, 1
_SKIPPED = re.compile(r"slow-|replay-memory")


def test_all_verbs_are_asked() -> None:
    assert {call[0] for call in CALLS} == {call[0] for call in STARTS}


def lines_of(answer: Answer) -> list[str]:
    """Return the `next:` lines of an answer; a screen has it among facts, a page in a block of its own."""
    text = f"{answer.out}\n{answer.err}"
    found = re.findall(r"^ *next(?:: | {8})(.+?) *$", text, re.MULTILINE)
    return found + re.findall(r"^To type next, for .*:\n```\n(.+)$", text, re.MULTILINE)


def words_of(line: str) -> tuple[str, ...] | None:
    """Return the words of a line that calls the program, None for a sentence."""
    words = shlex.split(line) if line.startswith("aoftool ") else []
    return tuple(words[1:]) or None


def follow(start: Answer, out: Path) -> list[str]:
    """Run what an answer proposes, and what that proposes; return what is wrong on the way."""
    todo: list[tuple[str, tuple[str, ...]]] = [(line, (" ".join(start.call),)) for line in lines_of(start)]
    wrong = (
        []
        if todo or start.code in (0, 2, 6)
        else [f"{start.call}: exit {start.code} without next: {start.err[-300:]}"]
    )
    while todo:
        line, way = todo.pop()
        words = words_of(line)
        if words is None:
            continue
        if line in way or len(way) > _STEPS:
            wrong.append(f"no end: {[*way, line]}")
            continue
        answer = ask(words, Path("none"), out)
        if answer.problem() is not None or answer.code == 2:
            wrong.append(f"{line}: exit {answer.code}: {answer.problem() or answer.err}")
        following = lines_of(answer)
        if answer.code not in (0, 6) and not following:
            wrong.append(f"{[*way, line]}: exit {answer.code} and no word of what to do: {answer.err[-200:]}")
        todo += [(more, (*way, line)) for more in following]
    return wrong


def cases() -> Iterator[Any]:
    small = list(logs_of(FIXTURES))
    for number, path in enumerate(small):
        yield pytest.param(path, starts(number, 2), id=f"fixture-{path.parent.name}-{path.name}")
    root = corpus_root()
    if root is None:
        return
    for number, path in enumerate(logs_of(root)):
        name = path.relative_to(root).as_posix()
        if _SKIPPED.search(name):
            continue
        chosen = number % _STEP == 0
        marks = [pytest.mark.corpus, *([] if chosen else [pytest.mark.soak])]
        yield pytest.param(path, starts(number, _CALLS if chosen else len(STARTS)), id=name, marks=marks)


def starts(number: int, count: int) -> tuple[tuple[str, ...], ...]:
    """Return `check` and some more calls, others for each log."""
    more = [STARTS[1 + (number * 3 + at) % (len(STARTS) - 1)] for at in range(count)]
    return (STARTS[0], *dict.fromkeys(more))


@pytest.mark.parametrize(("log", "calls"), list(cases()))
def test_next_lines_lead_to_an_end(
    log: Path, calls: tuple[tuple[str, ...], ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = []
    for number, call in enumerate(calls):
        folder = tmp_path / f"a folder {number}"
        copy = folder / log.name
        folder.mkdir()
        if log.is_dir():
            shutil.copytree(log, copy, symlinks=True)
        else:
            shutil.copy2(log, copy)
        monkeypatch.chdir(folder)

        wrong += follow(ask(call, copy, folder / "out", own=True), folder / "out")

    assert wrong == []


@pytest.mark.parametrize(
    "name", ["plain", "two words", "it's", "-n", "a\nb", "tab\t", "\udcff", "ä", "back\\slash", "$x"]
)
def test_a_shell_reads_the_path_of_a_line_as_it_is(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text("")
    program = f"{sys.executable} -c 'import os,sys; print(os.path.exists(sys.argv[1]))' "

    answer = subprocess.run(
        ["bash", "-c", program + quoted(name)], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert answer.stdout == "True\n"


def test_a_line_never_names_standard_input() -> None:
    assert next_step("check", "-", "--level deep") == (
        "save standard input to a file, then: aoftool check --level deep FILE"
    )


# An option, and perhaps its value, that stands alone: nothing says what to do with it.
_FRAGMENT = re.compile(r"--?[a-z][a-z-]*( (?!\w+s\b)\S+)?((,? or |, )--?[a-z][a-z-]*( \S+)?)*")


def hints() -> Iterator[tuple[str, str]]:
    """Yield where a hint is written out, and its text, with 0 for what is put into it."""
    root = Path(aoftool.__file__).parent
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            is_argument = isinstance(node, ast.keyword) and node.arg == "hint"
            is_name = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).endswith("hint")
            if not isinstance(node, (ast.keyword, ast.Assign)) or not (is_argument or is_name):
                continue
            value = node.value
            for part in (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,):
                pieces = part.values if isinstance(part, ast.JoinedStr) else [part]
                texts = [
                    str(piece.value) if isinstance(piece, ast.Constant) else "0"
                    for piece in pieces
                    if isinstance(part, (ast.Constant, ast.JoinedStr))
                ]
                yield f"{path.relative_to(root)}:{part.lineno}", "".join(texts)


def test_no_hint_is_an_option_alone() -> None:
    found = list(hints())

    assert len(found) > 200
    assert [(place, text) for place, text in found if _FRAGMENT.fullmatch(text)] == []


@pytest.mark.parametrize(
    "fragment", ["--db 3", "--written-by 0, or --written-by 0", "-o OUT", "--server PATH"]
)
def test_an_option_alone_is_seen(fragment: str) -> None:
    assert _FRAGMENT.fullmatch(fragment)


def test_an_option_that_helps_is_put_into_the_line_that_was_typed() -> None:
    hint = again(("--db", "0"), ("--written-by", "redis-8.0"))
    typed = ["rewrite", "--db=7", "-o", "a b", "--written-by", "redis-7.0", "it's"]

    assert hint == "--db 0, or --written-by redis-8.0"
    assert typed_again(hint, typed) == [
        """aoftool rewrite --db 0 -o 'a b' --written-by redis-7.0 'it'"'"'s'""",
        """aoftool rewrite --written-by redis-8.0 --db=7 -o 'a b' 'it'"'"'s'""",
    ]


def test_what_names_no_way_on_names_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["guard", "--max-loss", "9q", "x"]) == 2
    assert capsys.readouterr().err.endswith("   next: aoftool guard --help\n")


def test_each_choice_is_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    log = FIXTURES / "recorded" / "redis-6.2.5" / "command-case"

    assert run(["rewrite", "--dry-run", "--db", "7", str(log)]) == 2
    assert capsys.readouterr().err.endswith(f"   next: aoftool rewrite --db 0 --dry-run {log}\n")


def test_to_run_it_again_is_the_line_that_was_typed() -> None:
    assert str(again()) == "run it again"
    assert typed_again(again(), ["fix", "--yes", "a b"]) == ["aoftool fix --yes 'a b'"]
