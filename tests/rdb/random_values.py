"""Random values of every type, with contents and sizes around every threshold of the encodings."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from aoftool.rdb.encode.targets import Target
from aoftool.values import (
    Consumer,
    ConsumerGroup,
    HashValue,
    ListValue,
    PendingEntry,
    SetValue,
    StreamId,
    StreamValue,
    Value,
    ZSetValue,
)

_COUNTS = (1, 2, 3, 10, 60, 127, 128, 129, 130, 300, 511, 512, 513, 700)
_WIDTHS = (63, 64, 65, 127, 128, 252, 253, 254, 255, 4095, 4096, 8180, 8190, 8200, 16383, 16384)
_ODD = (b"", b"0", b"-0", b"-", b"12", b"13", b"%d" % (2**63 - 1), b"%d" % 2**63, b"%d" % -(2**63))
_ODD_SCORES = (float("inf"), float("-inf"), -0.0, 5e-324, 1e308)
_TIME_MS = 1_700_000_000_000


class RandomValues:
    """Make values that a target can hold.

    Args:
        seed: the same seed gives the same values.
        target: decides about expire times of fields and about counters of streams.
    """

    def __init__(self, seed: int, target: Target) -> None:
        self._random = Random(seed)
        self._target = target

    def value(self) -> Value:
        """Return a value of any type."""
        makers: list[Callable[[], Value]] = [
            self._text, self._list, self._set, self._zset, self._hash, self._stream, self._stream,
        ]  # fmt: skip
        return self._random.choice(makers)()

    def _text(self) -> bytes:
        random = self._random
        kind = random.randrange(7)
        if kind == 0:
            high = 2 ** random.randrange(1, 70)
            return b"%d" % random.randrange(-high, high)
        if kind == 1:
            return random.randbytes(random.randrange(70))
        if kind == 2:
            return b"ab" * random.randrange(400)
        if kind == 3:
            return b"x%d" % random.randrange(1000)
        if kind == 4:
            return bytes(random.choices(b"abcd", k=random.randrange(3000)))
        return random.choice(_ODD) if kind == 5 else random.randbytes(random.choice(_WIDTHS))

    def _count(self) -> int:
        return self._random.choice(_COUNTS)

    def _list(self) -> ListValue:
        return ListValue(self._text() for _ in range(self._count()))

    def _set(self) -> SetValue:
        if self._random.random() < 0.5:
            return SetValue.of(self._text() for _ in range(self._count()))
        high = 2 ** self._random.choice([6, 14, 30, 60])
        return SetValue.of(b"%d" % self._random.randrange(-high, high) for _ in range(self._count()))

    def _score(self) -> float:
        random = self._random
        kind = random.randrange(5)
        if kind == 0:
            return random.uniform(-5, 5)
        if kind == 1:
            return float(random.randrange(-100, 100))
        if kind == 2:
            return random.choice(_ODD_SCORES)
        return float(random.randrange(2**60)) if kind == 3 else round(random.uniform(0, 9999), 3)

    def _zset(self) -> ZSetValue:
        return ZSetValue((self._name(i), self._score()) for i in range(self._count()))

    def _name(self, number: int) -> bytes:
        return self._random.choice([self._text(), b"m%d" % number, b"m%d" % number])

    def _hash(self) -> HashValue:
        value = HashValue((self._name(i), self._text()) for i in range(self._count()))
        if self._target.field_expiry and self._random.random() < 0.5:
            for field in list(value)[: self._random.randrange(1, 9)]:
                value.expires[field] = 4_102_444_800_000 + self._random.randrange(10**9)
        return value

    def _stream(self) -> StreamValue:
        random = self._random
        value = StreamValue()
        ms, seq = random.choice([1, _TIME_MS, 2**63]), 0
        for _ in range(self._count()):
            ms += random.choice([0, 0, 1, 1000, 10**7])
            seq += random.choice([1, 1, 1, random.randrange(1, 10**6)])
            names = [random.choice([b"f", b"g", self._text()]) for _ in range(random.choice([1, 2, 2, 5]))]
            value.entries[StreamId(ms, seq)] = tuple((name, self._text()) for name in names)
        value.last_id = max(value.entries)
        value.entries_added = len(value.entries)
        if self._target.stream_version > 1:
            value.entries_added += random.randrange(5)
        for number in range(random.randrange(3)):
            value.groups[b"g%d" % number] = self._group(list(value.entries))
        return value

    def _group(self, ids: list[StreamId]) -> ConsumerGroup:
        random = self._random
        group = ConsumerGroup(random.choice(ids))
        if self._target.stream_version > 1 and random.random() < 0.5:
            group.entries_read = random.randrange(len(ids))
        for number in range(random.randrange(4)):
            active = _TIME_MS if self._target.stream_version > 2 else None
            group.consumers[b"c%d" % number] = Consumer(_TIME_MS + number, active)
        for entry in random.sample(ids, min(len(ids), 5)) if group.consumers else []:
            owner = random.choice(list(group.consumers))
            group.pel[entry] = PendingEntry(owner, _TIME_MS, random.randrange(1, 9))
        return group
