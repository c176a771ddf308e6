"""Every verb over recorded, damaged and found logs: an answer, a finding or a clear error; never exit 70.

The fixtures always, the full corpus where it is. A log is asked some of the calls, the next log others, so
that each call meets logs of every kind.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.corpus import FIXTURES, absent, cases, corpus_root
from tests.verbs import CALLS, ask

# One call in so many is made of a log.
_STEP, _CORPUS_STEP = 8, len(CALLS)
# Inputs made to take long or much memory have tests of their own.
_COSTLY = ("slow-", "replay-memory")
_LARGEST_BYTES = 2_000_000


def _folders(root: Path) -> Iterator[Path]:
    """Yield what a user would name: the logs of recorded and damaged cases, and of the other folders."""
    for part in ("recorded", "damaged"):
        yield from (case.source for case in cases(part, root=root))
    for part in ("field", "breakage"):
        for folder in sorted((root / part).glob("*")):
            if folder.is_dir() and not folder.name.startswith(_COSTLY):
                inner = folder / "in" if (folder / "in").is_dir() else folder
                yield from sorted(
                    path
                    for path in inner.iterdir()
                    if path.name not in ("case.json", "facts.json", "README.md")
                )


def logs_of(root: Path) -> Iterator[Path]:
    """Yield the logs below a folder of cases that are small enough to be asked often."""
    return (path for path in _folders(root) if _size(path) <= _LARGEST_BYTES)


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())


def _params(root: Path | None, step: int, *marks: Any) -> list[Any]:
    if root is None:
        return absent(2)
    return [
        pytest.param(path, CALLS[number % step :: step], id=path.relative_to(root).as_posix(), marks=marks)
        for number, path in enumerate(logs_of(root))
    ]


@pytest.mark.parametrize(
    ("log", "calls"), _params(FIXTURES, _STEP) + _params(corpus_root(), _CORPUS_STEP, pytest.mark.corpus)
)
def test_every_verb_has_an_answer(log: Path, calls: tuple[tuple[str, ...], ...], tmp_path: Path) -> None:
    answers = [ask(call, log, tmp_path / "out") for call in calls]

    assert [(answer.call, answer.problem()) for answer in answers if answer.problem()] == []


def _breakage() -> list[Any]:
    root = corpus_root()
    folders = [] if root is None else sorted((root / "breakage").glob("*/case.json"))
    found = [
        pytest.param(path.parent, id=path.parent.name, marks=pytest.mark.corpus)
        for path in folders
        if not path.parent.name.startswith(_COSTLY) and "exit 70" in path.read_text("utf-8")
    ]
    return found or absent()


@pytest.mark.parametrize("folder", _breakage())
def test_what_ended_with_exit_70_once_has_an_answer(folder: Path, tmp_path: Path) -> None:
    command: list[str] = json.loads((folder / "case.json").read_text("utf-8"))["command"][1:]
    places = {"in/": f"{folder}/in/", "tests/fixtures/": f"{FIXTURES}/", "OUT/": f"{tmp_path}/"}
    for short, long in places.items():
        command = [long + word.removeprefix(short) if word.startswith(short) else word for word in command]

    answer = ask(tuple(command), folder, tmp_path / "none")

    assert answer.problem() is None
