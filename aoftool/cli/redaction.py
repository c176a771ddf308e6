"""The options that hide keys and values, shared by every verb that shows any."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from aoftool.errors import UsageError
from aoftool.redaction import RedactMode, Redactor

__all__ = ["RedactOption", "SaltOption", "make_redactor"]

RedactOption = Annotated[
    RedactMode | None,
    typer.Option("--redact", help="Show stand-ins of the same length, for sharing.", show_default=False),
]
SaltOption = Annotated[
    str | None,
    typer.Option(
        "--salt", help="With --redact: equal salts give equal stand-ins. Keep it secret.", show_default=False
    ),
]


def make_redactor(mode: RedactMode | None, salt: str | None) -> Redactor | None:
    """Return what hides keys and values, None when nothing is to be hidden.

    Raises:
        UsageError: a salt and nothing to hide.
    """
    if mode is None:
        if salt is not None:
            raise UsageError("--salt is of use with --redact only", hint="add --redact all")
        return None
    if salt is None:
        print(
            "aoftool: the stand-ins hold for this run only; --salt TEXT keeps them the same", file=sys.stderr
        )
    return Redactor(mode, salt)
