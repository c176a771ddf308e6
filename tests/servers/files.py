"""Tell the kinds of log files apart and measure them; knows nothing of processes."""

from __future__ import annotations

from pathlib import Path

RDB_MAGICS = (b"REDIS", b"VALKEY")


def find_manifest(source: Path) -> Path | None:
    """Return the manifest that a manifest path, its directory or the data directory stands for."""
    if source.is_file():
        return source if source.name.endswith(".manifest") else None
    places = [source, *sorted(path for path in source.iterdir() if path.is_dir())]
    for place in places:
        found = sorted(path for path in place.glob("*.manifest") if not path.name.startswith("temp-"))
        if found:
            return found[0]
    return None


def file_directory(source: Path) -> Path:
    """Return the one directory with the data files of a log that has lost its manifest."""
    inner = [path for path in source.iterdir() if path.is_dir()]
    return inner[0] if len(inner) == 1 else source


def file_sizes(directory: Path) -> dict[str, int]:
    """Return the size in bytes of every file below a directory, by path relative to it."""
    return {
        str(path.relative_to(directory)): path.stat().st_size
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def is_rdb(path: Path) -> bool:
    """Tell whether a file carries the name and the magic of an RDB (a mixed AOF has only the magic)."""
    with path.open("rb") as file:
        return path.suffix == ".rdb" and file.read(6).startswith(RDB_MAGICS)
