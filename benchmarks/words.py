"""Draw the words that benchmark logs are made of, the same for one seed on any machine."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

SEED = 20260101
KEYS = 20_000
# No letter f: redis-check-aof 7.0.15 takes a log for a manifest, and refuses it, when any line of it, so also
# a value, begins with "file" (measured; Redis 8.0 and Valkey 8.1 and later do not).
LETTERS = b"abcdeghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."

Blocks = Iterator[bytes]


def command(*argv: bytes) -> bytes:
    """Return one command in canonical RESP."""
    return b"*%d\r\n" % len(argv) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in argv)


class Words:
    """Draw keys, numbers and printable values from one seeded stream.

    `RandomState` is the one numpy generator whose stream is promised never to change.
    """

    def __init__(self, seed: int = SEED) -> None:
        self.rng = np.random.RandomState(seed)
        self.letters = np.frombuffer(LETTERS, np.uint8)[self.rng.randint(0, len(LETTERS), 1 << 22)]
        self._text = self.letters.tobytes()

    def below(self, end: int) -> int:
        """Return a number of `range(end)`."""
        return int(self.rng.randint(end))

    def key(self, kind: bytes, count: int = KEYS) -> bytes:
        """Return a key of one type; low numbers come more often, as in real traffic."""
        return b"%b:%06d" % (kind, int(count * self.rng.random_sample() ** 2))

    def value(self, shortest: int, longest: int) -> bytes:
        """Return printable text with a length in the range, short ones more often."""
        length = shortest + int((longest - shortest) * self.rng.random_sample() ** 2)
        at = self.below(len(self._text) - length)
        return self._text[at : at + length]
