"""Fresh damage by seed: healthy logs of many kinds, damaged in one place, with the truth kept beside.

Everything follows from the seed. A `Damaged` knows which commands were touched and where each original
byte stands now, and so what a repair must keep, what it cannot know, and what it must never make up.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from dataclasses import dataclass, field

from tests.repair.sample_logs import Healthy, encode, healthy_log, resp_text

__all__ = ["KINDS", "Damaged", "damaged_log", "encode"]

KINDS = ("flip", "bits", "zero", "lost", "doubled", "cut", "splice", "stale", "digits")


@dataclass
class Damaged:
    """A damaged log and the truth about it.

    `low` and `high` bound the damaged bytes of the original: changed, lost, or, where both are equal,
    the seam at which something was put in. `added` counts what stands in the damaged file in their
    place. A doubled block is something put in behind itself.
    """

    seed: int
    kind: str
    healthy: Healthy
    data: bytes
    low: int
    high: int
    added: int
    _touched: set[int] = field(default_factory=set)

    @property
    def span(self) -> tuple[int, int]:
        """Return the bytes of the damaged file that are not the log's own, or the seam."""
        return self.low, self.low + self.added

    def hit(self) -> set[int]:
        """Return the numbers of commands that hold damaged bytes, or the seam."""
        healthy = self.healthy
        return {
            number
            for number, (start, end) in enumerate(zip(healthy.starts, healthy.ends(), strict=True))
            if (start < self.low < end) or (start < self.high and end > self.low)
        }

    def touched(self) -> set[int]:
        """Return the numbers of commands that the damage may have cost, with their transactions.

        What was put in between two commands touches none. In front of a command that is damaged at its
        first byte nothing is touched either.
        """
        if not self._touched:
            healthy, numbers = self.healthy, self.hit()
            hit = {healthy.txn[number] for number in numbers} - {0}
            if self.low == self.high:
                # Something put into a transaction, between two of its commands.
                at = bisect_right(healthy.starts, self.low) - 1
                if at > 0 and healthy.txn[at] and healthy.txn[at] == healthy.txn[at - 1]:
                    hit.add(healthy.txn[at])
            self._touched = numbers | {n for n, txn in enumerate(healthy.txn) if txn in hit}
        return self._touched

    def is_true_start(self, offset: int) -> bool:
        """Tell whether an original command starts at this offset of the damaged file."""
        low, high = self.span
        in_place = high == self.high
        if low <= offset < high and not in_place:
            return False
        where = offset if offset < low or in_place else offset - high + self.high
        at = bisect_right(self.healthy.starts, where) - 1
        return at >= 0 and self.healthy.starts[at] == where

    def overlaps(self, start: int, end: int) -> bool:
        """Tell whether a span of the damaged file holds damaged bytes, or the seam inside."""
        low, high = self.span
        return start < low < end or (start < high and low < end)


def damaged_log(seed: int) -> Damaged:
    """Return the damaged log of a seed."""
    rng = random.Random(seed)
    healthy = healthy_log(rng)
    kind = KINDS[seed % len(KINDS)]
    data = healthy.data
    at = _place(rng, healthy)
    size = min(rng.choice([16, 64, 512, 1000, 4096]), len(data) - at)
    if rng.random() < 0.3:
        at -= at % 512 if at >= 536 else 0
    if kind in ("flip", "bits"):
        mask = rng.randrange(1, 256) if kind == "flip" else 1 << rng.randrange(8)
        return _put(seed, kind, healthy, at, at + 1, bytes([data[at] ^ mask]))
    if kind == "digits":
        return _digits(seed, rng, healthy)
    if kind == "zero":
        return _put(seed, kind, healthy, at, at + size, bytes(size))
    if kind == "lost":
        return _put(seed, kind, healthy, at, at + size, b"")
    if kind == "doubled":
        end = at + size
        return _put(seed, kind, healthy, end, end, data[at:end])
    if kind == "cut":
        return _put(seed, kind, healthy, at, len(data), b"")
    if kind == "stale":
        other = rng.randrange(0, len(data) - size + 1)
        return _put(seed, kind, healthy, at, at + size, data[other : other + size])
    return _put(seed, kind, healthy, at, at, _spliced_text(rng))


def _put(seed: int, kind: str, healthy: Healthy, low: int, high: int, text: bytes) -> Damaged:
    data = healthy.data[:low] + text + healthy.data[high:]
    return Damaged(seed, kind, healthy, data, low, high, len(text))


def _place(rng: random.Random, healthy: Healthy) -> int:
    """Return where damage begins: anywhere, or near the framing of a command, which is small."""
    data = healthy.data
    way = rng.random()
    if way < 0.5:
        return rng.randrange(24, len(data) - 1)
    start = rng.choice(healthy.starts[1:])
    if way < 0.8:
        return min(max(start + rng.randrange(-4, 40), 24), len(data) - 2)
    # Behind a line end: between two elements, or between two lines of a value.
    line = data.find(b"\r\n", rng.randrange(24, len(data)))
    return min(max(line + 2, 24), len(data) - 2)


def _digits(seed: int, rng: random.Random, healthy: Healthy) -> Damaged:
    """Change, put in or take out a digit of a header line."""
    data = healthy.data
    start = rng.choice(healthy.starts[1:])
    at = start + 1
    for _ in range(rng.randrange(3)):
        found = data.find(b"\r\n$", at)
        at = found + 3 if found >= 0 else at
    way = rng.randrange(3)
    digit = b"%d" % rng.randrange(10)
    if way == 0 and digit != data[at : at + 1]:
        return _put(seed, "digits", healthy, at, at + 1, digit)
    if way == 1:
        return _put(seed, "digits", healthy, at, at, digit * rng.choice([1, 1, 5]))
    return _put(seed, "digits", healthy, at, at + 1, b"")


def _spliced_text(rng: random.Random) -> bytes:
    """Return text that looks like RESP: commands, a value, or a piece of a stream."""
    way = rng.randrange(3)
    commands = b"".join(encode([b"SET", b"evil:%d" % n, b"spliced"]) for n in range(rng.randint(1, 6)))
    if way == 0:
        return commands
    if way == 1:
        return b"$%d\r\n%s\r\n" % (len(commands), commands)
    text = resp_text(rng) + commands
    return text[rng.randrange(len(text) // 2) : rng.randrange(len(text) // 2, len(text)) + 1]
