"""Where what is as large as a log goes while a verb runs: the environment says, else a disk.

The directory for small temporary files often is memory; what is unpacked or repaired on the way can be as
large as the log.
"""

from __future__ import annotations

import os

__all__ = ["choose_room", "own_environment"]

_VARIABLE = "TMPDIR"
# Kept on disk. Source: the Filesystem Hierarchy Standard 3.0, section 5.15.
_LARGE_FILES = "/var/tmp"

_chosen: list[str] = []


def choose_room() -> None:
    """Let temporary files of this process and its children go to a disk, unless the user names a place."""
    if not os.environ.get(_VARIABLE) and os.access(_LARGE_FILES, os.W_OK | os.X_OK):
        _chosen[:] = [_LARGE_FILES]
        os.environ[_VARIABLE] = _LARGE_FILES


def own_environment() -> dict[str, str]:
    """Return the environment as it was before a room was chosen, for a program that takes our place."""
    found = dict(os.environ)
    if _chosen and found.get(_VARIABLE) == _LARGE_FILES:
        del found[_VARIABLE]
    return found
