"""What was once wrong and must not come back: each promise names the tests that hold it, and these are there.

`promises.json` has a line for each: its number, the promise, and tests as pytest names them.
"""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path

import pytest

from aoftool.repair.choice import Choice
from tests.builders import command, select
from tests.corpus import corpus_root
from tests.repair.workbench import plan_for

HERE = Path(__file__).parent
ROWS: list[list[str]] = json.loads((HERE / "promises.json").read_text("utf-8"))["promises"]


@cache
def _tests_in(path: Path) -> frozenset[str]:
    """Return the tests of a file that are run: functions of its first level that are not skipped always."""
    tree = ast.parse(path.read_text("utf-8"))
    return frozenset(
        node.name for node in tree.body if isinstance(node, ast.FunctionDef) and not _is_skipped(node)
    )


def _is_skipped(node: ast.FunctionDef) -> bool:
    return any(re.search(r"mark\.skip\b", ast.unparse(mark)) for mark in node.decorator_list)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row[0]))
def test_a_promise_is_held_by_tests_that_are_there(row: list[str]) -> None:
    assert len(row) > 2
    for name in row[2:]:
        file, _, test = name.partition("::")
        assert test in _tests_in(HERE.parent / file), name


def test_each_line_of_the_list_of_defects_has_its_promise() -> None:
    root = corpus_root()
    listed = None if root is None else root.parent / "reference" / "defects.md"
    if listed is None or not listed.exists():
        pytest.skip("the list of defects is not here")
    numbers = {int(found) for found in re.findall(r"^([0-9]+)\. ", listed.read_text("utf-8"), re.MULTILINE)}

    assert numbers
    assert numbers == {int(row[0]) for row in ROWS}


def test_what_assuming_the_database_would_keep_is_said(tmp_path: Path) -> None:
    items = [select(0), *(command("SET", f"a:{n}", "x" * 20) for n in range(20))]
    items += [select(1), *(command("SET", f"b:{n}", "x" * 20) for n in range(20))]
    content = b"".join(items)
    path = tmp_path / "appendonly.aof"
    path.write_bytes(content[:300] + content[500:])

    plan = plan_for(path, Choice(salvage=True))

    aside = plan.statistics.commands_set_aside
    assert aside > 5
    assert any(note.startswith(f"--after-gap assume keeps {aside} commands more") for note in plan.notes)
