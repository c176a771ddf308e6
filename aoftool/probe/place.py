"""Where a directory is, and whether it may be probed."""

from __future__ import annotations

import os

from aoftool.errors import RefusedError, SourceError
from aoftool.next_step import next_step
from aoftool.probe.model import MOST_BYTES, Place
from aoftool.regex import regex
from aoftool.units import format_bytes

__all__ = ["find_place", "refuse_place"]

_LEAST_FREE = 1 << 30
_LEAST_SHARE = 0.05
_AOF_DIRECTORY = "appendonlydir"
_MOUNTS = "/proc/self/mountinfo"
_OCTAL = regex(r"\\([0-7]{3})")


def find_place(path: str) -> Place:
    """Return where a directory is.

    Raises:
        SourceError: it is none, or cannot be looked at.
    """
    try:
        there = os.stat(path)
        space = os.statvfs(path)
    except OSError as error:
        raise SourceError(f"cannot be looked at: {error.strerror}", path=path) from error
    if not os.path.isdir(path):
        raise SourceError("not a directory", path=path, hint="name the data directory of the server")
    kind, device = _mount(f"{os.major(there.st_dev)}:{os.minor(there.st_dev)}")
    return Place(path, kind, device, space.f_bavail * space.f_frsize, space.f_blocks * space.f_frsize)


def _mount(number: str) -> tuple[str, str]:
    """Return the kind of a file system and its device; empty when the system does not tell.

    Source: Linux Documentation/filesystems/proc.rst, /proc/PID/mountinfo.
    """
    try:
        with open(_MOUNTS, encoding="utf-8", errors="replace") as file:
            lines = file.read(1 << 20).splitlines()
    except OSError:
        return "", ""
    for line in reversed(lines):
        words = line.split()
        if len(words) > 2 and words[2] == number and "-" in words:
            kind, device, *_ = [*words[words.index("-") + 1 :], "", ""]
            return kind, _OCTAL.sub(lambda found: chr(int(found[1], 8)), device)
    return "", ""


def refuse_place(place: Place) -> None:
    """Refuse to write where a probe could do harm.

    Raises:
        RefusedError: the directory of an AOF, or too little room.
    """
    real = os.path.realpath(place.path)
    if os.path.basename(real) == _AOF_DIRECTORY or _holds_manifest(real):
        raise RefusedError(
            "a probe does not write into the directory of an AOF",
            path=place.path,
            hint=next_step("probe", os.path.dirname(real)),
        )
    least = max(_LEAST_FREE, int(place.total_bytes * _LEAST_SHARE))
    if place.free_bytes < least:
        raise RefusedError(
            f"{format_bytes(place.free_bytes)} are free: a probe writes {format_bytes(MOST_BYTES)}, and"
            f" only where {format_bytes(least)} are",
            path=place.path,
            hint="name another directory of the same kind of disk",
        )


def _holds_manifest(directory: str) -> bool:
    try:
        with os.scandir(directory) as entries:
            return any(entry.name.endswith(".manifest") for entry in entries)
    except OSError:
        return False
