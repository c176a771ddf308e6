"""Every `next:` line of every verb is pasted and run, and what it says next, to the end.

The end is an answer without damage, or a plain sentence that nothing more can be had, which stands behind
`hint:`. A line may not come twice on the way: that would be a loop.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import aoftool
from aoftool.cli.app import VERBS, run
from aoftool.next_step import PROGRAMS, again, instead, is_line, next_step, parted, quoted, told, typed_again
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
    found = re.findall(r"^ *(?:aoftool: )?next(?:: | {8})(.+?) *$", text, re.MULTILINE)
    return found + re.findall(r"^To type next, for .*:\n```\n(.+)$", text, re.MULTILINE)


def says_how(answer: Answer) -> bool:
    """Tell whether an answer has a line to type, or a sentence in its place."""
    text = f"{answer.out}\n{answer.err}"
    return bool(lines_of(answer)) or bool(
        re.search(r"^( *hint(: | {8})|Hint, for .*: )\S", text, re.MULTILINE)
    )


def words_of(line: str) -> tuple[str, ...] | None:
    """Return the words of a line that calls the program, None for one of another program."""
    words = shell_words(line)
    assert words[0] in PROGRAMS, line
    return tuple(words[1:]) if words[0] == "aoftool" else None


def shell_words(line: str) -> list[str]:
    """Return the words that a shell makes of a line."""
    if "$'" not in line:
        return shlex.split(line)
    done = subprocess.run(["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True)
    return [os.fsdecode(word) for word in done.stdout.split(b"\0")[:-1]]


def follow(start: Answer, out: Path) -> list[str]:
    """Run what an answer proposes, and what that proposes; return what is wrong on the way."""
    todo: list[tuple[str, tuple[str, ...]]] = [(line, (" ".join(start.call),)) for line in lines_of(start)]
    wrong = (
        []
        if says_how(start) or start.code in (0, 2, 6)
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
        if answer.code not in (0, 6) and not says_how(answer):
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


@dataclass
class Told:
    """What the code says of how to go on; each with the place where it does.

    Attributes:
        hints: hints that are written out, with 0 for what is put into them.
        lines: verb and options of each line that is made.
        labels: texts that are the label of a line.
    """

    hints: list[tuple[str, str]] = field(default_factory=list)
    lines: list[tuple[str, str, list[str]]] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)


@cache
def code() -> Told:
    """Return what all modules say; they are read once."""
    told = Told()
    root = Path(aoftool.__file__).parent
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            place = f"{path.relative_to(root).as_posix()}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "next_step":
                verb, _, *options = node.args
                assert isinstance(verb, ast.Constant), place
                told.lines.append((place, str(verb.value), [ast.unparse(option) for option in options]))
            elif isinstance(node, ast.Constant) and _LABEL.match(str(node.value)):
                told.labels.append(place)
            elif (isinstance(node, ast.keyword) and node.arg == "hint") or (
                isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).endswith("hint")
            ):
                told.hints += [(place, text) for text in texts_of(node.value)]
    return told


def texts_of(value: ast.expr) -> Iterator[str]:
    """Yield the text of a hint, of both where there are two."""
    for part in (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,):
        pieces = part.values if isinstance(part, ast.JoinedStr) else [part]
        if isinstance(part, (ast.Constant, ast.JoinedStr)):
            yield "".join(str(piece.value) if isinstance(piece, ast.Constant) else "0" for piece in pieces)
        else:
            yield ""


# A word that stands for one that the user has to find; a new file may be called OUT.
_STANDS_IN = re.compile(r"(?<!-o )\b[A-Z]{4,}\b")
# Lines in a sentence or a table that says what to put there.
_IN_SENTENCES = ("api/postmortem/gathering.py", "cli/choices/rewrite.py")
_LABEL = re.compile(r"\s*(aoftool: )?(next|hint): ?$")
_SENTENCE = re.compile(r"[,;:]( |$)|\.\.\.|\.$")


def test_a_hint_that_begins_as_a_line_is_one_to_its_end() -> None:
    lines = [(place, line) for place, text in code().hints for line in text.split("\n") if is_line(line)]

    assert len(lines) > 6
    for place, line in lines:
        assert shlex.split(line)[0] in PROGRAMS, place
        assert not _SENTENCE.search(line), (place, line)
        assert not _STANDS_IN.search(line), (place, line)


def test_every_line_that_is_made_calls_a_verb_and_leaves_nothing_to_find() -> None:
    found = code().lines

    assert len(found) > 100
    for place, verb, options in found:
        assert verb in {*VERBS, "capture -o capture.tgz && aoftool advise capture.tgz"}, place
        if not place.startswith(_IN_SENTENCES):
            assert not any(map(_STANDS_IN.search, options)), (place, options)


def test_one_home_says_what_stands_behind_next_and_what_behind_hint() -> None:
    assert code().labels == []
    assert told("aoftool check x\nput it back\npip install y") == [
        "next: aoftool check x",
        "hint: put it back",
        "next: pip install y",
    ]
    assert parted("put it back\naoftool check x") == {"next": "aoftool check x", "hint": "put it back"}
    assert (told(None), parted("")) == ([], {"next": None, "hint": None})


def test_another_name_is_put_where_the_first_was_typed(tmp_path: Path) -> None:
    one, two = tmp_path / "a b" / "one", tmp_path / "a b" / "two"
    one.mkdir(parents=True)
    folder = str(one.parent)
    hint = instead(folder, [str(one), str(two)])

    for typed in (folder, f"{folder}/", str(tmp_path)):
        assert typed_again(hint, ["check", "--level", "deep", typed]) == [
            f"aoftool check --level deep '{one}'",
            f"aoftool check --level deep '{two}'",
        ]
    assert typed_again(hint, ["check"]) == [f"aoftool check '{one}'", f"aoftool check '{two}'"]
    assert typed_again(instead("500", ["x:500"]), ["explain", "--at=500", "log"]) == [
        "aoftool explain --at=x:500 log"
    ]


def test_a_line_of_what_was_piped_in_is_a_sentence() -> None:
    (line,) = typed_again(again(("--db", "0")), ["keys", "-", "--db", "7"])

    assert line == "save standard input to a file, then: aoftool keys --db 0 FILE"
    assert typed_again(again(), ["log", "-o", "-", "x"]) == ["aoftool log -o - x"]


def test_no_hint_is_an_option_alone() -> None:
    found = code().hints

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
