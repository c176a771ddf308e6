"""Ten questions of operators: help and README say what to type, and that answers at once, at 80 columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.cli.app import run
from aoftool.cli.asked import ASKED
from tests.builders import log, select, timestamp, write_multi_part

README = Path(__file__).resolve().parents[2] / "README.md"
NOON = 1_763_726_400  # 2025-11-21 12:00:00 UTC

# What the answer says, by question; where two have one line, in their order.
ANSWERS = {
    "Which key grew most": ["grown", "603,600"],
    "Who deleted a key": ["12:40:00  0       DEL KEY", "gone"],
    "What were the data": ["KEY", "early"],
    "Only database 3": ["keys        1"],
    "Keys back": ["1 command: FLUSHDB, as asked", "nothing was changed"],
    "How long will loading": ["restart     loads in less than a tenth of a second"],
    "When is the next": ["rewrite     at 64.0 MiB"],
    "Which settings": ["min-size"],
    "Which client pattern": ["set-then-expire: 400 times"],
    "What happened": ["FLUSHDB removes every key"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of an hour: a key that goes, a flush, one key that grows at the end, SET and EXPIRE apart."""
    made = tmp_path_factory.mktemp("asked")
    parts = [timestamp(NOON), log(select(0), ("SET", "KEY", "v"), ("SET", "early", "v"))]
    parts += [log(select(3), ("SET", "third", "v"), select(0))]
    parts += [timestamp(NOON + 2400), log(("DEL", "KEY"))]
    parts += [timestamp(NOON + 2500), log(("FLUSHDB",))]
    for number in range(400):
        name = f"session:{number}"
        parts.append(log(("SET", name, "x" * 20), ("PEXPIREAT", name, (NOON + 9000) * 1000)))
    parts += [timestamp(NOON + 3300), *[log(("APPEND", "grown", "x" * 6000)) for _ in range(100)]]
    parts += [timestamp(NOON + 3600), log(("SET", "last", "v"))]
    return write_multi_part(made, base=log(), incrs=[b"".join(parts)])


@pytest.mark.parametrize(("question", "words"), ASKED, ids=[question for question, _ in ASKED])
def test_a_question_is_answered_in_one_try(
    question: str,
    words: str,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    wanted = next(answer for start, answer in ANSWERS.items() if question.startswith(start))
    typed = words.replace("NEW", str(tmp_path / "new")).split()
    typed += ["--dry-run"] if typed[0] == "fix" else []

    code = run([*typed, str(folder)])

    told = capsys.readouterr()
    assert code in (0, 1), told.err
    lines = [line for line in told.out.splitlines() if str(tmp_path.parent) not in line]
    assert [line for line in lines if len(line) > 80] == []
    # One question is answered by a page, where it was called.
    said = told.out + "".join(page.read_text() for page in tmp_path.glob("*.html"))
    for piece in wanted:
        assert piece in said


def test_help_and_readme_say_what_to_type(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    readme = README.read_text(encoding="utf-8")

    assert all(len(line) <= 80 for line in shown.splitlines())
    for question, words in ASKED:
        assert [line for line in shown.splitlines() if question in line and line.endswith(f"aoftool {words}")]
        assert f"| {question} | `aoftool {words}` |" in readme
