"""Fresh damage by seed: healthy logs of many kinds, damaged in one place, with the truth kept beside.

Everything follows from the seed. A `Damaged` knows which commands were touched, where each original
command stands now, and so what a repair must keep and what it must never make up.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from dataclasses import dataclass, field

KINDS = ("flip", "bits", "zero", "lost", "doubled", "cut", "splice")


def encode(argv: list[bytes]) -> bytes:
    return b"*%d\r\n" % len(argv) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in argv)


@dataclass
class Healthy:
    """A healthy log: its commands, their spans, and the transaction each stands in (0: none)."""

    commands: list[list[bytes]] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    txn: list[int] = field(default_factory=list)
    data: bytes = b""

    def add(self, argv: list[bytes], txn: int = 0) -> None:
        self.starts.append(len(self.data))
        self.commands.append(argv)
        self.txn.append(txn)
        self.data += encode(argv)

    def ends(self) -> list[int]:
        return [*self.starts[1:], len(self.data)]


@dataclass
class Damaged:
    """A damaged log and the truth about it.

    `low` and `high` bound the damage in the original; `inserted` is what a splice or a doubled block
    added at `high`, in bytes.
    """

    seed: int
    kind: str
    healthy: Healthy
    data: bytes
    low: int
    high: int
    shift: int

    def touched(self) -> set[int]:
        """Return the numbers of commands that the damage may have cost, with their transactions."""
        healthy = self.healthy
        numbers = {
            number
            for number, (start, end) in enumerate(zip(healthy.starts, healthy.ends(), strict=True))
            if start < max(self.high, self.low + 1) and end > self.low
        }
        hit = {healthy.txn[number] for number in numbers} - {0}
        return numbers | {number for number, txn in enumerate(healthy.txn) if txn in hit}

    def original_offset(self, offset: int) -> int | None:
        """Return where a byte of the damaged file stood, None for one that the damage brought in."""
        if offset < self.low or self.shift == 0:
            return offset
        if self.shift < 0:
            return offset - self.shift
        return (
            offset
            if offset < self.high
            else (None if offset < self.high + self.shift else offset - self.shift)
        )

    def is_true_start(self, offset: int) -> bool:
        """Tell whether an original command starts at this offset of the damaged file."""
        where = self.original_offset(offset)
        if where is None:
            return False
        at = bisect_right(self.healthy.starts, where) - 1
        return at >= 0 and self.healthy.starts[at] == where


_NAMES = ("key", "user", "cart", "session", "q")


def healthy_log(rng: random.Random) -> Healthy:
    """Return a log of one of several profiles, some with RESP in values, transactions or databases."""
    log = Healthy()
    databases = rng.choice([1, 1, 1, 4])
    carries_resp = rng.random() < 0.35
    wraps = rng.random() < 0.4
    largest = rng.choice([12, 60, 400, 5000])
    log.add([b"SELECT", b"0"])
    txn = 0
    while len(log.data) < rng.choice([8_000, 30_000, 60_000]):
        if databases > 1 and rng.random() < 0.05:
            log.add([b"SELECT", b"%d" % rng.randrange(databases)])
        if wraps and rng.random() < 0.2:
            txn += 1
            log.add([b"MULTI"], txn)
            for _ in range(rng.randint(2, 5)):
                log.add(_command(rng, largest, carries_resp), txn)
            log.add([b"EXEC"], txn)
        else:
            log.add(_command(rng, largest, carries_resp))
    return log


def _command(rng: random.Random, largest: int, carries_resp: bool) -> list[bytes]:
    key = b"%s:%d" % (rng.choice(_NAMES).encode(), rng.randrange(400))
    value = _value(rng, largest, carries_resp)
    form = rng.randrange(6)
    if form == 0:
        return [b"HSET", key + b":h", b"f%d" % rng.randrange(9), value, b"g", b"1"]
    if form == 1:
        return [b"RPUSH", key + b":l", value]
    if form == 2:
        return [b"DEL", key]
    if form == 3:
        return [b"ZADD", key + b":z", b"%d" % rng.randrange(1000), value]
    return [b"SET", key, value]


def _value(rng: random.Random, largest: int, carries_resp: bool) -> bytes:
    if carries_resp and rng.random() < 0.3:
        inner = b"".join(
            encode([b"SET", b"evil:%d" % rng.randrange(99), b"inner"]) for _ in range(rng.randint(1, 12))
        )
        return rng.choice([b"", b"\r\n", b"text "]) + inner + rng.choice([b"", b"\r\n", b"*2\r\n$3"])
    length = rng.randint(1, largest)
    if rng.random() < 0.5:
        return bytes(rng.choice(b"abcdefgh0123456789") for _ in range(length))
    return rng.randbytes(length)


def damaged_log(seed: int) -> Damaged:
    """Return the damaged log of a seed."""
    rng = random.Random(seed)
    healthy = healthy_log(rng)
    kind = KINDS[seed % len(KINDS)]
    data = healthy.data
    at = rng.randrange(24, len(data) - 1)
    size = rng.choice([16, 64, 512, 1000, 4096])
    size = min(size, len(data) - at)
    if kind == "flip":
        changed = data[at] ^ rng.randrange(1, 256)
        return Damaged(seed, kind, healthy, data[:at] + bytes([changed]) + data[at + 1 :], at, at + 1, 0)
    if kind == "bits":
        changed = data[at] ^ (1 << rng.randrange(8))
        return Damaged(seed, kind, healthy, data[:at] + bytes([changed]) + data[at + 1 :], at, at + 1, 0)
    if kind == "zero":
        return Damaged(seed, kind, healthy, data[:at] + bytes(size) + data[at + size :], at, at + size, 0)
    if kind == "lost":
        return Damaged(seed, kind, healthy, data[:at] + data[at + size :], at, at + size, -size)
    if kind == "doubled":
        end = at + size
        return Damaged(seed, kind, healthy, data[:end] + data[at:end] + data[end:], end, end, size)
    if kind == "cut":
        return Damaged(seed, kind, healthy, data[:at], at, len(data), 0)
    extra = b"".join(encode([b"SET", b"evil:%d" % n, b"spliced"]) for n in range(rng.randint(1, 6)))
    return Damaged(seed, kind, healthy, data[:at] + extra + data[at:], at, at, len(extra))
