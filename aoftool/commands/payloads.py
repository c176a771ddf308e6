"""Commands that carry values as DUMP writes them."""

from __future__ import annotations

from aoftool.commands.groups import RESTORES

__all__ = ["carries_payload"]


def carries_payload(name: bytes, subcommand: bytes | None) -> bool:
    """Tell whether a command has a DUMP payload among its arguments; names are in upper case."""
    return name in RESTORES or (name == b"FUNCTION" and subcommand == b"RESTORE")
