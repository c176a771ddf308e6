"""What the options of `aoftool capture` mean: how long, where to, and for what to wait."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aoftool.cli.options.asking import parse_seconds, password
from aoftool.errors import UsageError
from aoftool.regex import regex

if TYPE_CHECKING:
    from aoftool.cli.requests.capture import CaptureRequest
    from aoftool.collecting.address import Address

__all__ = ["awaited_ms", "bundle_path", "server_address", "whole_seconds"]

_WHEN = regex(r"latency ?> ?(\d{1,7})(ms|s)")
_MOST_S = 3600


def server_address(asked: CaptureRequest) -> Address:
    """Return where the server is, and as whom to ask it.

    Raises:
        UsageError: it is no address, or a user has no password.
    """
    from aoftool.collecting.address import parse_address

    address = parse_address(asked.server, asked.user or "", password())
    if address.user and not address.password:
        raise UsageError("a user needs a password", hint="put it into AOFTOOL_PASSWORD")
    return address


def bundle_path(asked: CaptureRequest) -> str:
    """Return where the bundle goes: where that was not said, a name of this moment, here."""
    return asked.output or time.strftime("aoftool-capture-%Y%m%dT%H%M%SZ.tgz", time.gmtime())


def whole_seconds(text: str, option: str) -> int:
    """Return a length of time.

    Raises:
        UsageError: it is none, or too long.
    """
    seconds = int(parse_seconds(text, option))
    if not 1 <= seconds <= (24 * _MOST_S if option == "--for" else _MOST_S):
        raise UsageError(f"{option} takes a time such as 30s, 5m or 1h")
    return seconds


def awaited_ms(text: str) -> int:
    """Return how long an event must take to be the one that is waited for.

    Raises:
        UsageError: it names no event.
    """
    found = _WHEN.fullmatch(text.strip())
    if found is None:
        raise UsageError("--when takes 'latency>200ms'", hint="a time in ms or s")
    return int(found[1]) * (1000 if found[2] == "s" else 1)
