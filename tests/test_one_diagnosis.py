"""All verbs over the whole corpus: one verdict, one place, one code for the same damage."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.corpus import FIXTURES, corpus_root
from tests.test_every_verb import logs_of
from tests.verbs import Answer, ask

READERS = (
    ("log", "IN"),
    ("log", "--tail", "2", "IN"),
    ("history", "--match", "*", "IN"),
    ("growth", "IN"),
    ("audit", "--replay", "never", "IN"),
    ("keys", "--by", "writes", "IN"),
    ("keys", "--by", "same", "IN"),
    ("keys", "IN"),
    ("rewrite", "--dry-run", "IN"),
    ("diff", "IN", "IN"),
)
_TOLD = re.compile(r"(\S+) is damaged at offset ([\d,]+)(?:, command ([\d,]+))?: .* \[([a-z0-9-]+)\]")
_ERROR = re.compile(
    r"^aoftool: (?:command ([\d,]+): )?.* \[([a-z0-9-]+)\]\n +file: (.+), offset ([\d,]+)$", re.MULTILINE
)
_STEP = 10
# Damage behind which commands cannot be read on.
FRAMING = {"broken-count", "broken-length", "corrupt-region", "torn-tail", "zero-tail"}
_SKIPPED = re.compile(r"slow-|replay-memory")


def number(text: str | None) -> int | None:
    return None if text is None else int(text.replace(",", ""))


def places(answer: Answer) -> Iterator[tuple[str, int | None, int | None, str]]:
    """Yield file, offset, number of the command and code of the damage that an answer tells of."""
    for file, offset, command, code in _TOLD.findall(answer.err):
        yield file, number(offset or None), number(command or None), code
    for command, code, path, offset in _ERROR.findall(answer.err):
        yield Path(path).name, number(offset), number(command or None), code


def logs() -> Iterator[Any]:
    for path in list(logs_of(FIXTURES))[::2]:
        yield pytest.param(path, id=f"fixture-{path.parent.name}-{path.name}")
    root = corpus_root()
    for at, path in enumerate([] if root is None else logs_of(root)):
        name = path.relative_to(root).as_posix() if root is not None else ""
        if not _SKIPPED.search(name):
            marks = [pytest.mark.corpus, *([pytest.mark.soak] if at % _STEP else [])]
            yield pytest.param(path, id=name, marks=marks)


@pytest.mark.parametrize("log", list(logs()))
def test_verbs_agree_on_a_log(log: Path, tmp_path: Path) -> None:
    checked = ask(("check", "--json", "IN"), log, tmp_path / "out")
    body = json.loads(checked.out)
    if "logs" not in body:
        assert checked.code == 3, "what is no log is refused"
        return
    findings = [finding for one in body["logs"] for finding in one["findings"]]
    known = {
        (Path(f["path"]).name, f["start"], f["command_index"], f["code"])
        for f in findings
        if f["severity"] in ("damage", "not-judged")
    }
    looked = ask(("inspect", "--json", "IN"), log, tmp_path / "out")
    advised = ask(("advise", "--json", "--aof", "IN"), log, tmp_path / "out")
    answers = [ask(call, log, tmp_path / "out") for call in READERS]

    assert (looked.code, advised.code) == (checked.code, checked.code)
    assert json.loads(advised.out)["log"]["health"]["verdict"] == json.loads(looked.out)["health"]["verdict"]
    assert [(a.call, a.problem()) for a in answers if a.problem()] == []
    strange = [(answer.call, place) for answer in answers for place in places(answer) if place not in known]
    assert strange == [], known
    if checked.code == 0:
        # What differs in no key, and is whole, is read whole.
        assert [(a.call, a.code, a.err[-300:]) for a in answers if a.code == 1] == []
    if FRAMING & {code for _, _, _, code in known}:
        assert answers[0].code == 1
