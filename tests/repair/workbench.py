"""Copies of logs to repair, and what they look like byte for byte."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from aoftool.aof.layout import find_log
from aoftool.repair.choice import AfterGap, Choice
from aoftool.repair.model import Plan
from aoftool.repair.planner import make_plan

SALVAGE = Choice(salvage=True, after_gap=AfterGap.ASSUME)

Snapshot = dict[str, tuple[bytes, int, int]]


def copy_log(source: Path, target: Path) -> Path:
    """Copy a case's files so that they can be changed; times are kept."""
    shutil.copytree(source, target, copy_function=shutil.copy2)
    for path in [target, *target.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    (target / "facts.json").unlink(missing_ok=True)
    return target


def snapshot(folder: Path) -> Snapshot:
    """Return bytes, time and mode of every file outside the folders that a repair makes."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "aoftool-fix-" not in str(path):
            status = path.stat()
            found[str(path.relative_to(folder))] = (path.read_bytes(), status.st_mtime_ns, status.st_mode)
    return found


def log_in(folder: Path) -> Path:
    """Return what a server would load from a copied case."""
    inner = folder / "appendonlydir"
    return inner if inner.is_dir() else folder / "appendonly.aof"


def plan_for(path: Path, choice: Choice = SALVAGE) -> Plan:
    return make_plan(find_log(os.fspath(path)), choice)
