"""Keeps the table of rooms true: a module imports from lower floors and its own room only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "aoftool"

FLOORS = {
    "cli": 8,
    "report": 7,
    "export": 7,
    "repair": 6,
    "rewrite": 6,
    "servers": 5,
    "check": 5,
    "analysis": 5,
    "replay": 4,
    "liveness": 4,
    "aof": 3,
    "keyspace": 3,
    "emit": 3,
    "rdb": 2,
    "commands": 2,
    "files": 1,
    "resp": 1,
    "values": 1,
    "errors": 0,
    "units": 0,
    "cells": 0,
    "databases": 0,
    "quoting": 0,
    "escape": 0,
    "next_step": 0,
    "progress": 0,
    "native": 0,
    "redaction": 0,
    "releases": 0,
    "pattern": 0,
}
# Rooms on one floor that may lean on a neighbour, with the reason.
SIDEWAYS = {
    ("releases", "errors"): "a name that no release has is an error",
    ("next_step", "escape"): "a line to type holds names of files",
    ("escape", "cells"): "text is shortened to cells of a terminal",
    ("aof", "rdb"): "lower floor",
    ("resp", "files"): "the scanner reads sources",
    ("rewrite", "repair"): "a rewrite in place leaves the receipt that undo reads",
}
# Reporters show plain records: they may see the model modules of the rooms that compute, and values,
# which are plain containers themselves.
MODEL_ONLY = {"report", "export"}
PLAIN = {"values"}


def modules() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if p.name != "__main__.py")


def room_of(dotted: str) -> str:
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 else ""


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_module_imports_only_from_below(path: Path) -> None:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    room = parts[0]
    if room == "__init__":
        return

    for name in imports_of(path):
        if not name.startswith("aoftool."):
            continue
        other = room_of(name)
        if other == room or (room, other) in SIDEWAYS:
            continue
        assert other in FLOORS, f"{path}: {name} is in no room"
        assert FLOORS[other] < FLOORS[room], f"{path}: {room} imports {name}, which is not below"
        if room in MODEL_ONLY and FLOORS[other] > 0 and other not in PLAIN:
            assert name.endswith("model"), f"{path}: a reporter may import models only, not {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_package_files_hold_no_logic(path: Path) -> None:
    if path.name != "__init__.py":
        return
    allowed = (ast.Import, ast.ImportFrom, ast.Expr, ast.Assign, ast.AnnAssign)
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        assert isinstance(node, allowed), f"{path}:{node.lineno} is logic in a package file"


# Whether kernels are wanted is known before there is a command line.
READS_THE_ENVIRONMENT = {"native.py"}


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_only_the_command_line_reads_the_environment(path: Path) -> None:
    inner = path.relative_to(PACKAGE).as_posix()
    if inner.startswith("cli/") or inner in READS_THE_ENVIRONMENT:
        return
    names = {"environ", "environb", "getenv", "getenvb"}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in names]
    assert not found, f"{inner} reads the environment at lines {found}"
