"""Names of what this program writes beside a log: what a killed run leaves, and what a change keeps."""

from __future__ import annotations

import os

from aoftool.regex import regex

__all__ = [
    "CHANGE_FOLDER",
    "LOST_SUFFIX",
    "is_leftover",
    "is_ours",
    "temporary_folder_name",
    "temporary_name",
]

CHANGE_FOLDER = regex(r"aoftool-(?:fix|rewrite)-[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}")
"""How the folder of a change in place is named; see `aoftool.repair.folder`."""

LOST_SUFFIX = ".lost-and-found"
"""What the folder of what was taken out has behind the name of the log that was written elsewhere."""

_MARK = ".aoftool-"
_END = ".tmp"
_NAME_LIMIT = 255


def temporary_name(name: str) -> str:
    """Return a name for what is to be put in place under `name`; another one each time."""
    return "." + _cut(name, 1, f"{_MARK}{os.getpid()}-{os.urandom(4).hex()}{_END}")


def temporary_folder_name(name: str) -> str:
    """Return a name for the folder that is to be put in place under `name`; another one each time."""
    return _cut(name, 0, f"{_MARK}{os.urandom(4).hex()}{_END}")


def _cut(name: str, taken: int, tail: str) -> str:
    """Return a name with a tail, as much of it as a file system takes behind so many other bytes."""
    return os.fsdecode(os.fsencode(name)[: _NAME_LIMIT - taken - len(tail)]) + tail


def is_leftover(name: bytes) -> bool:
    """Tell whether a name is that of a temporary file which a killed run left."""
    return name.startswith(b".") and _MARK.encode() in name and name.endswith(_END.encode())


def is_ours(path: str) -> bool:
    """Tell whether a path or URL leads into what this program wrote beside a log, by its names alone."""
    return any(
        name.endswith(LOST_SUFFIX) or CHANGE_FOLDER.fullmatch(name) or (_MARK in name and name.endswith(_END))
        for name in path.split("/")
    )
