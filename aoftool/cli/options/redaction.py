"""The options that hide keys and values, shared by every verb that shows any."""

from __future__ import annotations

import sys
from typing import Annotated

from aoftool.cli.declared import Option
from aoftool.errors import UsageError
from aoftool.escape import hide_excerpts
from aoftool.redaction import RedactMode, Redactor

__all__ = ["RedactOption", "SaltOption", "make_redactor"]

RedactOption = Annotated[
    RedactMode | None,
    Option("--redact", help="Show stand-ins of the same length, for sharing.", show_default=False),
]
SaltOption = Annotated[
    str | None,
    Option(
        "--salt", help="With --redact: equal salts give equal stand-ins. Keep it secret.", show_default=False
    ),
]


def make_redactor(mode: RedactMode | None, salt: str | None) -> Redactor | None:
    """Return what hides keys and values, None when nothing is to be hidden.

    From here on messages hide what they quote, until the end of the run.

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
    redactor = Redactor(mode, salt)
    hide_excerpts(lambda raw, is_key: redactor.excerpt(raw, is_key, _is_known))
    return redactor


def _is_known(name: bytes) -> bool:
    from aoftool.commands.table import lookup

    return lookup(name) is not None
