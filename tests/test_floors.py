"""Keeps the table of rooms true: a module imports from lower floors and its own room only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "aoftool"

FLOORS = {
    "cli": 9,
    "report": 8,
    "api": 7,
    "fleet": 7,
    "export": 8,
    "repair": 6,
    "rewrite": 6,
    "backup": 6,
    "simulate": 6,
    "collecting": 6,
    "capture": 6,
    "servers": 5,
    "probe": 5,
    "check": 5,
    "analysis": 5,
    "advise": 5,
    "replay": 4,
    "liveness": 4,
    "aof": 3,
    "keyspace": 3,
    "emit": 3,
    "explain": 3,
    "rdb": 2,
    "commands": 2,
    "tables": 2,
    "captures": 1,
    "files": 1,
    "resp": 1,
    "values": 1,
    "budget": 0,
    "errors": 0,
    "units": 0,
    "cells": 0,
    "columns": 0,
    "databases": 0,
    "dataclass": -1,
    "namedtuple": -1,
    "packaged": -1,
    "regex": -1,
    "quoting": 0,
    "escape": 0,
    "next_step": 0,
    "progress": 0,
    "kernels": 0,
    "redaction": 0,
    "releases": 0,
    "pattern": 0,
    "front": 0,
}
# Rooms within a room, by the same rule. What stands in a room itself may use its inner rooms, and they it.
INNER_FLOORS = {
    "analysis": {
        "tables": 7,
        "redact": 6,
        "audit": 4,
        "growth": 4,
        "inspect": 5,
        "habits": 3,
        "history": 3,
        "diff": 2,
        "census": 2,
        "commands": 2,
        "keys": 1,
        "clock": 1,
    },
    "rdb": {"verify": 5, "grammar": 4, "records": 4, "encode": 4, "walk": 3, "decode": 2, "blobs": 1},
    "check": {"detectors": 4, "rdb": 3, "payloads": 3, "loaders": 2, "stream": 1},
    "rewrite": {"ask": 4, "shares": 4, "write": 3, "replay": 2, "decide": 1},
    "repair": {"planners": 1},
    "advise": {"rules": 1},
    "report": {"page": 2, "fleet": 1, "inspect": 1, "running": 1, "data": 1, "unattended": 1},
    "keyspace": {"apply": 2, "algorithms": 1},
    "replay": {"compiled": 1},
    "files": {"threads": 2, "packed": 1, "remote": 1},
    "resp": {"pieces": 1},
    "aof": {"unlisted": 1},
    "api": {"postmortem": 1, "unattended": 1},
    "cli": {"verbs": 4, "answers": 3, "choices": 3, "requests": 2, "options": 1},
}
# Rooms on one floor that may lean on a neighbour, with the reason.
SIDEWAYS = {
    ("releases", "errors"): "a name that no release has is an error",
    ("next_step", "escape"): "a line to type holds names of files",
    ("escape", "cells"): "text is shortened to cells of a terminal",
    ("aof", "rdb"): "lower floor",
    ("fleet", "api"): "a row of a fleet is what the use cases say of one log",
    ("resp", "files"): "the scanner reads sources",
    ("captures", "files"): "what the system says of a file is told in one way",
    ("capture", "collecting"): "addresses of servers are read in one place",
    ("rewrite", "repair"): "a rewrite in place leaves the receipt that undo reads",
}
# Reporters show plain records: they may see the model modules of the rooms that compute, and values,
# which are plain containers themselves.
MODEL_ONLY = {"report"}
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


def inner_room_of(dotted: str) -> tuple[str, str] | None:
    _, *parts = dotted.split(".")
    if len(parts) > 1 and (PACKAGE / parts[0] / parts[1]).is_dir():
        return parts[0], parts[1]
    return None


def test_every_inner_room_has_its_floor() -> None:
    found = {path.parent.relative_to(PACKAGE).parts for path in modules() if path.name == "__init__.py"}
    deeper = sorted(parts for parts in found if len(parts) > 1)

    assert deeper == sorted((room, inner) for room, floors in INNER_FLOORS.items() for inner in floors)


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_module_in_an_inner_room_imports_only_from_below(path: Path) -> None:
    own = inner_room_of("aoftool." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts))
    if own is None:
        return

    for name in imports_of(path):
        other = inner_room_of(name)
        if other is None or other[0] != own[0] or other == own:
            continue
        floors = INNER_FLOORS[own[0]]
        assert floors[other[1]] < floors[own[1]], (
            f"{path}: {'/'.join(own)} imports {name}, which is not below"
        )


def test_no_folder_holds_more_than_a_reader_can_take_in() -> None:
    counts = {
        folder.relative_to(PACKAGE).as_posix(): len([*folder.glob("*.py"), *folder.glob("*.pyx")])
        for folder in {path.parent for path in modules()}
    }

    assert len(counts) > 40
    assert {folder: count for folder, count in counts.items() if count > 25} == {}


def test_a_verb_is_read_at_one_glance() -> None:
    verbs = sorted((PACKAGE / "cli" / "verbs").glob("*.py"))
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in verbs}

    assert len(lines) > 20
    assert {name: count for name, count in lines.items() if count >= 120} == {}


def test_what_a_verb_may_be_asked_is_declared_and_no_more() -> None:
    requests = sorted((PACKAGE / "cli" / "requests").glob("*.py"))
    verbs = {path.name for path in (PACKAGE / "cli" / "verbs").glob("*.py")}
    deciding = {
        path.name
        for path in requests
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.If | ast.For)
    }

    assert {path.name for path in requests} == verbs
    assert deciding == set()


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_package_files_hold_no_logic(path: Path) -> None:
    if path.name != "__init__.py":
        return
    allowed = (ast.Import, ast.ImportFrom, ast.Expr, ast.Assign, ast.AnnAssign)
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if path.parent == PACKAGE and isinstance(node, ast.If):
            assert "TYPE_CHECKING" in ast.unparse(node.test), f"{path}:{node.lineno} is logic"
            continue
        assert isinstance(node, allowed), f"{path}:{node.lineno} is logic in a package file"


# Whether kernels are wanted is known before there is a command line.
READS_THE_ENVIRONMENT = {"kernels.py"}


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_only_the_command_line_reads_the_environment(path: Path) -> None:
    inner = path.relative_to(PACKAGE).as_posix()
    if inner.startswith("cli/") or inner in READS_THE_ENVIRONMENT:
        return
    names = {"environ", "environb", "getenv", "getenvb"}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in names]
    assert not found, f"{inner} reads the environment at lines {found}"


def test_only_the_command_line_hides_excerpts_of_the_whole_process() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "hide_excerpts"
    }

    assert found
    assert all(name.startswith("cli/") for name in found), found
