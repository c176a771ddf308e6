"""What the blocking commands share: a loader runs them as if nobody ever waited."""

from __future__ import annotations

from aoftool.keyspace.numbers import parse_float
from aoftool.keyspace.refusal import CommandRefused

__all__ = ["check_timeout"]

_MAX_TIMEOUT_S = 2**63 / 1000


def check_timeout(text: bytes) -> None:
    """Refuse a timeout the servers refuse; it has no other meaning to a loader.

    Source: Redis 7.0 src/timeout.c getTimeoutFromObjectOrReply
    """
    timeout = parse_float(text, refusal="ERR timeout is not a float or out of range")
    if timeout > _MAX_TIMEOUT_S:
        raise CommandRefused("ERR timeout is out of range")
    if timeout < 0:
        raise CommandRefused("ERR timeout is negative")
