"""Names of files that are being written, and that a killed run leaves behind."""

from __future__ import annotations

import os

__all__ = ["is_leftover", "temporary_name"]

_MARK = ".aoftool-"
_END = ".tmp"
_NAME_LIMIT = 255


def temporary_name(name: str) -> str:
    """Return a name for what is to be put in place under `name`; another one each time."""
    tail = f"{_MARK}{os.getpid()}-{os.urandom(4).hex()}{_END}"
    kept = os.fsdecode(os.fsencode(name)[: _NAME_LIMIT - 1 - len(tail)])
    return f".{kept}{tail}"


def is_leftover(name: bytes) -> bool:
    """Tell whether a name is that of a temporary file which a killed run left."""
    return name.startswith(b".") and _MARK.encode() in name and name.endswith(_END.encode())
