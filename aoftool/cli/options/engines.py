"""The engines of `aoftool rewrite`, and which options each of them understands."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import Enum

from aoftool.errors import UsageError
from aoftool.next_step import again, next_step

__all__ = ["EngineOption", "refuse_with_server"]


class EngineOption(str, Enum):
    """Who computes the result."""

    own = "own"
    server = "server"


def refuse_with_server(
    out: str | None, given: Mapping[str, object], *, drop_unsupported: bool = False, path: str | None = None
) -> None:
    """Refuse what a server's own rewrite cannot do.

    Args:
        given: options by name, with a false value when they were not given.
        drop_unsupported: leave out what the server cannot hold; it would not load the log then.
        path: of the log.

    Raises:
        UsageError: one of them was given, or there is no place for the result.
    """
    for name, value in given.items():
        if value:
            raise UsageError(f"{name} is nothing a server's rewrite can do", hint="leave out --engine server")
    if drop_unsupported:
        first = next_step("rewrite", path or os.curdir, "--drop-unsupported --target RELEASE", "-o SMALLER")
        raise UsageError(
            "--drop-unsupported is nothing a server's rewrite can do: it loads all of a log or refuses it",
            hint=f"write what is left first, for the release of that server, and rewrite that: {first}",
        )
    if out is None:
        raise UsageError("--engine server writes a new log", hint=again(("-o", "OUT")))
