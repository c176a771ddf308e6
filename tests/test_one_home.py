"""Questions that once had several answers have one home each, and nobody answers them beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aoftool.aof.model import FileRole, LogFile

PACKAGE = Path(__file__).resolve().parent.parent / "aoftool"

# By question: what an answer looks like, and who may give it.
HOMES = {
    "the shown name of a file": (r"printable\((\w+\.)*file\.name or", {"aof/model.py"}),
    "a place that cannot be read": (r"^\w+ = tuple\[str, int, str\]$", {"aof/ending_model.py"}),
    "how many are left out": (r"and \{[^}]*\} more\" if ", {"units.py"}),
    "how fields of KeyDB begin": (r"b\"keydb-subexpire", {"rdb/dialects.py"}),
    "a Unix time or ISO 8601": (r"fromisoformat", {"aof/moment.py", "files/remote/store.py"}),
    "what time a log covers": (r"#TS:\(\[0-9\]\{1,11\}\)", {"aof/span.py"}),
    "the verdict of a code": (r"_VERDICTS|_BY_CODE", set()),
    "a whole command as bytes": (r"b\"\\$%d\\r\\n%s", set()),
    "how a kernel's buffer grows": (r"^cdef (inline )?int reserve\(", {"files/_buffer.pxd"}),
}
SOURCES = {".py", ".pyx", ".pxd"}


@pytest.mark.parametrize("question", HOMES)
def test_a_question_is_answered_in_one_place(question: str) -> None:
    pattern, homes = HOMES[question]
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.p*")
        if path.suffix in SOURCES and re.search(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)
    }

    assert found <= homes


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (LogFile("/x/a.aof", FileRole.SINGLE, b"a.aof"), "a.aof"),
        (LogFile("/x/\udcff.aof", FileRole.SINGLE), "\\xff.aof"),
        (LogFile("-", FileRole.SINGLE), "-"),
    ],
)
def test_a_name_is_shown_safely(file: LogFile, name: str) -> None:
    assert file.shown_name == name
