"""Who removed a key, as far as a log tells: a client, the server by expiry or eviction, or unclear.

A log names no client. A server that expires or evicts a key writes exactly `DEL` or `UNLINK` in upper case
with one name; what a client sent keeps its spelling. But a client may type just that too, so a grade for
the server always has a second reason: the expire time was over, or the deletion is one of a long run of
such. Measured on Valkey 9.1.2, Redis 7.0.15 and 6.2.5: expiry and eviction write UNLINK on Valkey and DEL on
Redis by default; GETDEL writes DEL on both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aoftool.analysis.history_model import Actor, Deletion, KeyState
from aoftool.analysis.time_model import TimeBounds
from aoftool.units import format_duration

__all__ = ["RUN_OF_EVICTIONS", "grade_deletion", "is_server_like"]

RUN_OF_EVICTIONS = 16
"""So many single-key deletions in a row are taken for the server's own."""

# Source: default of lazyfree-lazy-expire and lazyfree-lazy-eviction on Valkey 8 and later, and on Redis.
_OWN_SPELLING = {"valkey": "UNLINK", "redis": "DEL"}


def is_server_like(argv: Sequence[bytes]) -> bool:
    """Tell whether a server itself may have written this deletion."""
    return len(argv) == 2 and argv[0] in (b"DEL", b"UNLINK")


def grade_deletion(
    argv: Sequence[bytes],
    before: KeyState,
    bounds: TimeBounds,
    writer: str | None,
    run_length: Callable[[], int],
) -> Deletion:
    """Grade a command that removed a key.

    Args:
        before: the key before it.
        bounds: when it ran.
        writer: `redis` or `valkey`, None when the log does not say who wrote it.
        run_length: counts the server-like deletions in a row around it; asked only when needed.
    """
    name = argv[0].decode("ascii", "replace")
    if name.upper() not in ("DEL", "UNLINK"):
        return _other(name.upper())
    if len(argv) > 2:
        return Deletion(Actor.CLIENT, f"names {len(argv) - 1} keys; a server removes one at a time")
    if not is_server_like(argv):
        return Deletion(Actor.CLIENT, f"spelled {name}; a server writes {name.upper()}")
    over = _over_by_ms(before.expire_at_ms, bounds)
    told = " by inferred times" if bounds.is_inferred else ""
    if over is not None and over >= 0:
        return Deletion(Actor.EXPIRY, f"{format_duration(over / 1000)} past its expire time{told}")
    run = run_length()
    if run >= RUN_OF_EVICTIONS and over is None and before.expire_at_ms is not None:
        return Deletion(Actor.UNCLEAR, f"one of {run} such deletions in a row: expiry or eviction")
    if run >= RUN_OF_EVICTIONS:
        why = "without expire time" if before.expire_at_ms is None else f"before its expire time{told}"
        return Deletion(Actor.EVICTION, f"one of {run} such deletions in a row, {why}")
    return _lone(name, before, over, writer, told)


def _other(name: str) -> Deletion:
    if name in ("FLUSHALL", "FLUSHDB"):
        return Deletion(Actor.CLIENT, f"{name} removes whole databases")
    if name in ("RENAME", "RENAMENX", "MOVE"):
        return Deletion(Actor.CLIENT, f"{name} took it away")
    return Deletion(Actor.CLIENT, f"{name} left nothing of it")


def _over_by_ms(expire_at_ms: int | None, bounds: TimeBounds) -> int | None:
    """Return how long the expire time was over at least, negative when it was not reached; None: unknown."""
    if expire_at_ms is None:
        return -1
    if bounds.earliest_ms is not None and bounds.earliest_ms >= expire_at_ms:
        return bounds.earliest_ms - expire_at_ms
    if bounds.latest_ms is None:
        return None
    if bounds.latest_ms < expire_at_ms:
        return bounds.latest_ms - expire_at_ms
    # The second in which it ran holds the expire time: a server expires at once, so that fits.
    return 0 if _is_one_second(bounds) else None


def _is_one_second(bounds: TimeBounds) -> bool:
    earliest, latest = bounds.earliest_ms, bounds.latest_ms
    return earliest is not None and latest is not None and latest - earliest < 1000


def _lone(name: str, before: KeyState, over: int | None, writer: str | None, told: str) -> Deletion:
    """Grade a deletion that stands alone and is no expiry that could be shown."""
    if over is None:
        return Deletion(Actor.UNCLEAR, "client or expiry: its time is not known well enough")
    own = _OWN_SPELLING.get(writer or "")
    if own is not None and name != own:
        return Deletion(
            Actor.CLIENT, f"{writer} itself writes {own} by default; {name} or GETDEL by a client"
        )
    why = "no expire time" if before.expire_at_ms is None else f"expire time not reached{told}"
    return Deletion(Actor.UNCLEAR, f"client, or a single eviction: {why}, not in a run of deletions")
