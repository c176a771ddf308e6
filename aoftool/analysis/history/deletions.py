"""Who removed a key, as far as a log tells: a client, the server because its time was over, or unclear.

A log names no client. A server that expires or evicts a key writes exactly `DEL` or `UNLINK` in upper case
with one name; what a client sent keeps its spelling. But a client may type just that too, so a grade for
the server needs a second reason, and there is one only for expiry: a key whose time is over is gone before a
client can delete it. For eviction there is none. It looks like a client that deletes key by key, in a run or
alone, so it is named as what it may have been, and never as what it was. Measured on Valkey 9.1.2, Redis
7.0.15 and 6.2.5: expiry and eviction write UNLINK on Valkey and DEL on Redis by default; GETDEL writes DEL on
both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aoftool.analysis.clock.model import TimeBounds
from aoftool.analysis.history.model import Actor, Deletion, KeyState
from aoftool.units import format_duration

__all__ = ["grade_deletion", "is_server_like", "own_spelling"]

# So many single-key deletions in a row are worth a word.
_RUN = 16
# A key that was to live that much longer is hardly ever deleted by a client in its very last second.
_LONG_LIFE_MS = 10_000

# Source: default of lazyfree-lazy-expire and lazyfree-lazy-eviction on Valkey 8 and later, and on Redis.
_OWN_SPELLING = {"valkey": "UNLINK", "redis": "DEL"}


def is_server_like(argv: Sequence[bytes]) -> bool:
    """Tell whether a server itself may have written this deletion."""
    return len(argv) == 2 and argv[0] in (b"DEL", b"UNLINK")


def own_spelling(family: str | None) -> str | None:
    """Return what servers of a family (`redis`, `valkey`) write for a deletion of theirs, by default."""
    return _OWN_SPELLING.get(family or "")


def grade_deletion(
    argv: Sequence[bytes],
    before: KeyState,
    bounds: TimeBounds,
    writer: str | None,
    run_length: Callable[[], int],
    *,
    in_transaction: bool = False,
    given_ms: int | None = None,
) -> Deletion:
    """Grade a command that removed a key.

    Args:
        before: the key before it.
        bounds: when it ran.
        writer: `redis` or `valkey`, None when the log does not say who wrote it.
        run_length: counts the server-like deletions in a row around it; asked only when needed.
        in_transaction: it stands between MULTI and EXEC.
        given_ms: when the expire time was given at the latest, Unix milliseconds; None when unknown.
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
    own = own_spelling(writer)
    if own is not None and name != own:
        why = f"{writer} itself writes {own} by default; {name} or GETDEL by a client"
        return Deletion(Actor.CLIENT, why)
    if over is None:
        return _undated(before.expire_at_ms, bounds, given_ms)
    if in_transaction:
        return Deletion(Actor.CLIENT, f"in a transaction, {_not_due(before, told)}; servers evict outside")
    return _early(_not_due(before, told), run_length())


def _undated(expire_at_ms: int | None, bounds: TimeBounds, given_ms: int | None) -> Deletion:
    """Grade a deletion that may have been before or behind the expire time."""
    assert expire_at_ms is not None
    if not _is_one_second(bounds):
        return Deletion(Actor.UNCLEAR, "client or expiry: its time is not known well enough")
    if given_ms is not None and expire_at_ms - given_ms >= _LONG_LIFE_MS:
        life = format_duration((expire_at_ms - given_ms) / 1000)
        return Deletion(Actor.EXPIRY, f"in the second of its expire time, given {life} before")
    return Deletion(Actor.UNCLEAR, "client or expiry: in the second of its expire time")


def _not_due(before: KeyState, told: str) -> str:
    return "no expire time" if before.expire_at_ms is None else f"expire time not reached{told}"


def _early(why: str, run: int) -> Deletion:
    """Grade a deletion, spelled as the server's own, of a key that had not expired."""
    if run < _RUN:
        return Deletion(Actor.UNCLEAR, f"client, or a single eviction: {why}, not in a run of deletions")
    text = f"one of {run} such deletions in a row, {why}: evictions, or a client that deletes key by key"
    return Deletion(Actor.UNCLEAR, text)


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
    return None


def _is_one_second(bounds: TimeBounds) -> bool:
    earliest, latest = bounds.earliest_ms, bounds.latest_ms
    return earliest is not None and latest is not None and latest - earliest < 1000
