"""The engines of `aoftool rewrite`, and which options each of them understands."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from aoftool.errors import UsageError

__all__ = ["EngineOption", "refuse_with_server"]


class EngineOption(str, Enum):
    """Who computes the result."""

    own = "own"
    server = "server"


def refuse_with_server(out: str | None, given: Mapping[str, object]) -> None:
    """Refuse what a server's own rewrite cannot do.

    Args:
        given: options by name, with a false value when they were not given.

    Raises:
        UsageError: one of them was given, or there is no place for the result.
    """
    for name, value in given.items():
        if value:
            raise UsageError(f"{name} is nothing a server's rewrite can do", hint="leave out --engine server")
    if out is None:
        raise UsageError("--engine server writes a new log", hint="give -o OUT")
