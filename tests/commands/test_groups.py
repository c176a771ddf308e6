"""Sets of command names have one home each; a set that only one module keeps says what it is for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from aoftool.commands import framing, groups
from aoftool.commands.table import lookup
from aoftool.resp import _ledger_py

PACKAGE = Path(__file__).resolve().parents[2] / "aoftool"
# Lies below the table of commands, and is tested against it here.
BELOW = {"resp/_ledger_py.py"}


class NameSet(NamedTuple):
    """A set of command names that a module keeps."""

    path: str
    name: str
    members: frozenset[bytes]
    said: bool


def _members(value: ast.expr) -> frozenset[bytes] | None:
    """Return the names in `frozenset({b"A", b"B"})` and its other spellings, None for anything else."""
    if not (isinstance(value, ast.Call) and ast.unparse(value.func) == "frozenset" and value.args):
        return None
    inner = value.args[0]
    if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr == "split":
        text = inner.func.value
        return (
            frozenset(text.value.split())
            if isinstance(text, ast.Constant) and isinstance(text.value, bytes)
            else None
        )
    if isinstance(inner, (ast.Set, ast.Tuple, ast.List)):
        values = [part.value for part in inner.elts if isinstance(part, ast.Constant)]
        names = [name for name in values if isinstance(name, bytes)]
        return frozenset(names) if len(names) == len(inner.elts) else None
    return None


def name_sets() -> Iterator[NameSet]:
    """Yield the sets of two or more command names that modules keep outside of the room of commands."""
    for path in sorted(PACKAGE.rglob("*.py")):
        shown = path.relative_to(PACKAGE).as_posix()
        if shown.startswith("commands/") or shown in BELOW:
            continue
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        body = ast.parse(text).body
        for place, node in enumerate(body):
            if not isinstance(node, ast.Assign):
                continue
            members = _members(node.value)
            if members is None or len(members) < 2 or not all(lookup(name) for name in members):
                continue
            behind = body[place + 1] if place + 1 < len(body) else None
            told = isinstance(behind, ast.Expr) and isinstance(behind.value, ast.Constant)
            above = lines[node.lineno - 2].startswith("#")
            yield NameSet(shown, ast.unparse(node.targets[0]), members, told or above)


SETS = list(name_sets())
HOMES = {
    name: value
    for module in (framing, groups)
    for name, value in vars(module).items()
    if isinstance(value, frozenset)
}


def test_there_are_such_sets() -> None:
    assert len(SETS) > 10
    assert len(HOMES) > 8


@pytest.mark.parametrize("found", SETS, ids=lambda found: f"{found.path}:{found.name}")
def test_a_set_is_kept_once_and_says_why(found: NameSet) -> None:
    assert found.members not in HOMES.values(), "aoftool.commands.framing or groups has it"
    assert not found.members <= framing.FRAMING, "aoftool.commands.framing has these"
    assert [one for one in SETS if one.members == found.members] == [found], (
        "give it a home in commands/groups.py"
    )
    assert found.said, "say in a comment above it what it is for"


def test_the_homes_are_different_sets() -> None:
    assert len(set(HOMES.values())) == len(HOMES)


@pytest.mark.parametrize("name", sorted({name for names in HOMES.values() for name in names}))
def test_they_hold_names_of_commands(name: bytes) -> None:
    assert lookup(name) is not None


def test_what_the_scanner_tracks_is_the_framing() -> None:
    assert framing.FRAMING == _ledger_py._MARKERS
