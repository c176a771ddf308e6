"""What the arguments of `aoftool history` mean: which is the key, and which the path."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aoftool.errors import UsageError
from aoftool.next_step import next_step

if TYPE_CHECKING:
    from aoftool.cli.requests.history import HistoryRequest

__all__ = ["key_and_path"]


def key_and_path(asked: HistoryRequest) -> tuple[str | None, str | None]:
    """Return which of the two arguments is the key and which the path: with --match the path comes first.

    Raises:
        UsageError: there is no key, or one too many.
    """
    if asked.match is not None:
        if asked.path is not None:
            raise UsageError("KEY and --match exclude each other", hint="leave one of them out")
        return None, asked.key
    if asked.key is None:
        raise UsageError("which key?", hint="name a key, or use --match GLOB")
    if asked.path is None and _is_log(asked.key):
        hint = next_step("history", asked.key, "--match '*'", "--limit 20")
        raise UsageError(f"{asked.key!a} is a log: name a key before it, or --match GLOB", hint=hint)
    return asked.key, asked.path


def _is_log(text: str) -> bool:
    """Tell whether a text names a file or folder that is there, and not only a key."""
    return os.path.lexists(text) and (
        os.sep in text or os.path.isdir(text) or text.endswith((".aof", ".rdb"))
    )
