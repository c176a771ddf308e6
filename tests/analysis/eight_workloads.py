"""Eight kinds of traffic whose dead bytes are known, small enough to recompute by hand.

Sessions with an expire time, counters, random blobs, hashes of a profile, a leaderboard, a queue, keys that
are written once, and a mixture of all. Every command is as servers write it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

__all__ = ["WORKLOADS", "workload"]

Command = tuple[str | int | bytes, ...]

WORKLOADS = ("sessions", "counters", "blobs", "profiles", "leaderboard", "queue", "unique", "mixed")
FAR_MS = 4_102_444_800_000


def workload(name: str, count: int, seed: int = 1) -> list[Command]:
    """Return so many commands of one kind."""
    chance = random.Random(f"{name} {seed}")
    if name == "mixed":
        kinds = [iter(_KINDS[kind](chance)) for kind in WORKLOADS[:-1]]
        return [next(chance.choice(kinds)) for _ in range(count)]
    made = iter(_KINDS[name](chance))
    return [next(made) for _ in range(count)]


def _sessions(chance: random.Random) -> Iterator[Command]:
    while True:
        key = f"sess:{chance.randrange(120)}"
        draw = chance.random()
        if draw < 0.75:
            body = json.dumps(
                {"user": chance.randrange(10**6), "cart": [chance.randrange(999)] * chance.randrange(9)}
            )
            yield ("SET", key, body, "PXAT", FAR_MS + chance.randrange(10**6))
        elif draw < 0.9:
            yield ("PEXPIREAT", key, FAR_MS + chance.randrange(10**6))
        else:
            yield ("DEL", key)


def _counters(chance: random.Random) -> Iterator[Command]:
    while True:
        key = f"hits:{chance.randrange(60)}"
        yield ("DEL", key) if chance.random() < 0.02 else ("INCR", key)


def _blobs(chance: random.Random) -> Iterator[Command]:
    while True:
        yield ("SET", f"blob:{chance.randrange(90)}", chance.randbytes(chance.randrange(100, 700)))


def _profiles(chance: random.Random) -> Iterator[Command]:
    while True:
        key = f"profile:{chance.randrange(40)}"
        draw = chance.random()
        if draw < 0.9:
            pairs: list[str | int] = []
            for field in chance.sample("abcdefgh", chance.randrange(1, 4)):
                pairs += [field, chance.randrange(10**6)]
            yield ("HSET", key, *pairs)
        else:
            yield ("HDEL", key, chance.choice("abcdefgh"))


def _leaderboard(chance: random.Random) -> Iterator[Command]:
    while True:
        member = f"player-{chance.randrange(300)}"
        draw = chance.random()
        if draw < 0.95:
            yield ("ZADD", "board", chance.randrange(10**6), member)
        else:
            yield ("ZREM", "board", member)


def _queue(chance: random.Random) -> Iterator[Command]:
    number = 0
    while True:
        number += 1
        yield (
            ("RPUSH", "queue", f"job-{number}-" + "x" * chance.randrange(40))
            if chance.random() < 0.52
            else (
                "LPOP",
                "queue",
            )
        )


def _unique(chance: random.Random) -> Iterator[Command]:
    number = 0
    while True:
        number += 1
        yield ("SET", f"event:{number}", chance.randbytes(chance.randrange(20, 200)))


_KINDS = {
    "sessions": _sessions,
    "counters": _counters,
    "blobs": _blobs,
    "profiles": _profiles,
    "leaderboard": _leaderboard,
    "queue": _queue,
    "unique": _unique,
}
