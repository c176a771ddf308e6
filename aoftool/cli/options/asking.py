"""What verbs that ask a running server share: its password, and lengths of time as they are typed."""

from __future__ import annotations

import os

from aoftool.errors import UsageError
from aoftool.regex import regex

__all__ = ["parse_seconds", "password"]

# Of this program, and what the clients of the servers read; never on a command line, where others see it.
_PASSWORDS = ("AOFTOOL_PASSWORD", "VALKEYCLI_AUTH", "REDISCLI_AUTH")
_DURATION = regex(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}


def password() -> str:
    """Return the password of the surroundings, empty without one."""
    return next((os.environ[name] for name in _PASSWORDS if os.environ.get(name)), "")


def parse_seconds(text: str, option: str) -> float:
    """Return a length of time such as `30s`, `2m`, `500ms` or `1.5` in seconds.

    Raises:
        UsageError: it is none.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{option} takes a time such as 30s, 2m or 0.5s")
    return float(found[1]) * _UNITS[found[2]]
