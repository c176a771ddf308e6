"""Whom the system refuses, what, and who would not be refused: the error for a place one may not read.

The place is often not the file that was asked for but a folder above it. Looks at owners and permission bits
only; access control lists and confinement are not known here, so an error may name a mode that would do.
"""

from __future__ import annotations

import os
import stat

from aoftool.errors import NotPermittedError
from aoftool.escape import shown_path

__all__ = ["not_permitted"]

_ROOT = 0


def not_permitted(error: OSError, path: str, action: str) -> NotPermittedError:
    """Return the error for a path that may not be read, listed or looked at."""
    place = _refusing_place(path)
    reason = error.strerror or "Permission denied"
    message = f"cannot {action} {shown_path(path)}: {reason} for {_named(os.geteuid())}"
    run_as = "sudo"
    try:
        status = os.stat(place)
    except OSError:
        status = None
    if status is not None:
        what = "it" if place == path else f"the folder {shown_path(place)}"
        owner = _named(status.st_uid)
        message += f"; {what} belongs to {owner}, mode {stat.S_IMODE(status.st_mode):04o}"
        if status.st_mode & stat.S_IRUSR and status.st_uid != os.geteuid():
            run_as = _as_user(status.st_uid)
    return NotPermittedError(message, path=path, run_as=run_as)


def _refusing_place(path: str) -> str:
    """Return the path itself, or the folder above it that may not be searched."""
    place = os.path.abspath(path)
    first = True
    while place != os.path.dirname(place):
        try:
            os.stat(place)
        except PermissionError:
            place = os.path.dirname(place)
            first = False
            continue
        except OSError:
            break
        break
    return path if first else place


def _as_user(number: int) -> str:
    if number == _ROOT:
        return "sudo"
    name = _name(number)
    return f"sudo -u {name}" if name else f"sudo -u '#{number}'"


def _named(number: int) -> str:
    name = _name(number)
    return f"{name} (uid {number})" if name else f"uid {number}"


def _name(number: int) -> str:
    """Return the name of a user, empty where it has none that can be typed."""
    import pwd

    try:
        name = pwd.getpwuid(number).pw_name
    except (KeyError, OSError):
        return ""
    return name if name.replace("-", "").replace("_", "").replace(".", "").isalnum() else ""
