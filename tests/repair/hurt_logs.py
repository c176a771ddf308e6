"""Small damaged logs of every layout, and what a server would load of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from aoftool.aof.manifest import parse_manifest
from tests.builders import command, log, select, transaction

Make = Callable[[Path], Path]


def commands(first: int, count: int) -> bytes:
    return log(select(0), *(command("SET", f"key:{n}", f"value {n}") for n in range(first, first + count)))


def torn_single(folder: Path) -> Path:
    """A tail to be cut in place."""
    path = folder / "appendonly.aof"
    path.write_bytes(commands(0, 200) + b"*3\r\n$3\r\nSET\r\n$1\r\nk")
    return path


def hurt_single(folder: Path) -> Path:
    """Damage in the middle: a new file is swapped in."""
    path = folder / "appendonly.aof"
    data = commands(0, 200)
    path.write_bytes(data[:3000] + b"garbage" + data[3007:])
    return path


def hurt_set(folder: Path) -> Path:
    """Two damaged files of three: the manifest switches."""
    inner = folder / "appendonlydir"
    broken = commands(0, 100)
    files = {
        "appendonly.aof.1.base.aof": commands(500, 50),
        "appendonly.aof.1.incr.aof": broken[:2000] + b"garbage" + broken[2007:],
        "appendonly.aof.2.incr.aof": commands(200, 60) + transaction(command("INCR", "n"))[:-14],
    }
    inner.mkdir()
    for name, data in files.items():
        (inner / name).write_bytes(data)
    (inner / "appendonly.aof.manifest").write_text(
        "file appendonly.aof.1.base.aof seq 1 type b\n"
        "file appendonly.aof.1.incr.aof seq 1 type i\n"
        "file appendonly.aof.2.incr.aof seq 2 type i\n"
    )
    return inner


LOGS: dict[str, Make] = {"cut": torn_single, "swap": hurt_single, "set": hurt_set, "windows": hurt_single}


def contents(path: Path) -> list[bytes]:
    """Return what a server would load, file by file."""
    if path.is_file():
        return [path.read_bytes()]
    manifest = parse_manifest((path / "appendonly.aof.manifest").read_bytes())
    assert manifest.problem is None
    return [(path / os.fsdecode(entry.name)).read_bytes() for entry in manifest.load_order]
