"""Healthy logs of many profiles, made from a random generator: what servers write, and what users store.

Many hold RESP in values, in every manner that could lead a repair astray: commands, whole logs, logs in
logs, replies, streams cut anywhere, values that the line end behind them completes to a command, and
values whose last header reaches over their end.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

__all__ = ["Healthy", "encode", "healthy_log", "resp_text"]

Argv = list[bytes]


def encode(argv: Argv) -> bytes:
    """Return a command in the canonical form."""
    return b"*%d\r\n" % len(argv) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in argv)


@dataclass
class Healthy:
    """A healthy log: its commands, their starts, and the transaction each stands in (0: none).

    An annotation is an entry without words.
    """

    commands: list[Argv] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    txn: list[int] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0
    _data: bytes = b""

    def add(self, argv: Argv, txn: int = 0) -> None:
        """Append a command."""
        self._append(argv, encode(argv), txn)

    def annotate(self, text: bytes) -> None:
        """Append an annotation line."""
        self._append([], text, 0)

    def _append(self, argv: Argv, text: bytes, txn: int) -> None:
        self.starts.append(self.size)
        self.commands.append(argv)
        self.txn.append(txn)
        self.pieces.append(text)
        self.size += len(text)

    @property
    def data(self) -> bytes:
        """Return the bytes of the whole log."""
        if len(self._data) != self.size:
            self._data = b"".join(self.pieces)
        return self._data

    def ends(self) -> list[int]:
        """Return where each command ends."""
        return [*self.starts[1:], self.size]


@dataclass
class _Profile:
    databases: int
    wraps: float
    styles: list[int]
    carries: float
    largest: int
    fixed: bool
    stamps: bool
    late_select: bool


_NAMES = (b"key", b"user", b"cart", b"session", b"q")


def _profile(rng: random.Random) -> _Profile:
    carries = rng.random() < 0.35
    styles = rng.sample(range(len(_STYLES)), rng.choice([1, 1, 2, len(_STYLES)])) if carries else []
    return _Profile(
        databases=rng.choice([1, 1, 1, 4]),
        wraps=rng.choice([0.0, 0.0, 0.2]),
        styles=styles,
        carries=rng.choice([0.02, 0.3, 0.8]),
        largest=rng.choice([12, 60, 400, 5000]),
        fixed=rng.random() < 0.15,
        stamps=rng.random() < 0.15,
        late_select=rng.random() < 0.5,
    )


def healthy_log(rng: random.Random) -> Healthy:
    """Return a log of one of several profiles."""
    log = Healthy()
    profile = _profile(rng)
    log.add([b"SELECT", b"0"])
    txn = 0
    size = rng.choice([8_000, 30_000, 60_000])
    while log.size < size:
        if profile.stamps and rng.random() < 0.1:
            log.annotate(b"#TS:%d\r\n" % (1_700_000_000 + log.size))
        select = profile.databases > 1 and rng.random() < 0.05
        other = [b"SELECT", b"%d" % rng.randrange(profile.databases)]
        if rng.random() < profile.wraps:
            txn += 1
            if select and not profile.late_select:
                log.add(other)
            log.add([b"MULTI"], txn)
            if select and profile.late_select:
                log.add(other, txn)
            for _ in range(rng.randint(2, 5)):
                log.add(_command(rng, profile), txn)
            log.add([b"EXEC"], txn)
            continue
        if select:
            log.add(other)
        log.add(_command(rng, profile))
    return log


def _command(rng: random.Random, profile: _Profile) -> Argv:
    number = rng.randrange(400)
    key = b"key:%08d" % number if profile.fixed else b"%s:%d" % (rng.choice(_NAMES), number)
    value = _value(rng, profile)
    form = rng.randrange(12)
    if form == 0:
        return [b"HSET", key + b":h", b"f%d" % rng.randrange(9), value, b"g", b"1"]
    if form == 1:
        return [b"RPUSH", key + b":l", value]
    if form == 2:
        return [b"DEL", key]
    if form == 3:
        return [b"ZADD", key + b":z", b"%d" % rng.randrange(1000), value]
    if form == 4:
        return [b"incr", key + b":n"]
    if form == 5:
        return [b"SADD", key + b":s", *(b"m%d" % rng.randrange(99) for _ in range(rng.randint(1, 4))), value]
    if form == 6:
        return [b"SET", key, value, b"PXAT", b"%d" % rng.randrange(4_000_000_000_000, 4_100_000_000_000)]
    return [b"SET", key, value]


def _value(rng: random.Random, profile: _Profile) -> bytes:
    if profile.styles and rng.random() < profile.carries:
        return _STYLES[rng.choice(profile.styles)](rng)
    length = 100 if profile.fixed else rng.randint(0, profile.largest)
    if rng.random() < 0.5:
        return bytes(rng.choice(b"abcdefgh0123456789") for _ in range(length))
    return rng.randbytes(length)


# RESP in values


def _inner(rng: random.Random) -> Argv:
    """Return a command of a value: unlike the log's own, or just like them."""
    if rng.random() < 0.5:
        return [b"SET", b"evil:%d" % rng.randrange(99), b"inner"]
    key = b"%s:%d" % (rng.choice(_NAMES), rng.randrange(400))
    return rng.choice(
        [[b"SET", key, b"inner%d" % rng.randrange(99)], [b"DEL", key, b"inner"], [b"RPUSH", key, b"inner"]]
    )


def _commands(rng: random.Random) -> bytes:
    text = b"".join(encode(_inner(rng)) for _ in range(rng.randint(1, 12)))
    return rng.choice([b"", b"\r\n", b"text "]) + text + rng.choice([b"", b"\r\n", b"*2\r\n$3"])


def _whole_log(rng: random.Random) -> bytes:
    words: list[Argv] = [[b"SELECT", b"%d" % rng.randrange(3)]]
    for _ in range(rng.choice([3, 30, 150])):
        if rng.random() < 0.2:
            words += [[b"MULTI"], _inner(rng), _inner(rng), [b"EXEC"]]
        words.append(_inner(rng))
    return b"".join(map(encode, words))


def _nested(rng: random.Random) -> bytes:
    text = _commands(rng)
    for _ in range(rng.randint(1, 3)):
        outer = [encode(_inner(rng)), encode([b"SET", b"evil:nest", text]), encode(_inner(rng))]
        text = b"".join(outer[rng.randrange(2) : rng.randint(2, 3)])
    return text


def _completed_by_its_line_end(rng: random.Random) -> bytes:
    text = b"".join(encode(_inner(rng)) for _ in range(rng.randint(1, 6)))
    return rng.choice([b"", b"text ", b"text\r\n"]) + text[:-2]


def _cut_anywhere(rng: random.Random) -> bytes:
    text = _whole_log(rng)[:4000]
    return text[rng.randrange(len(text) // 2) : rng.randrange(len(text) // 2, len(text))]


def _reaching_over_its_end(rng: random.Random) -> bytes:
    head = rng.choice([b"", b"text ", encode(_inner(rng))])
    return (
        head + b"*3\r\n$3\r\nSET\r\n$6\r\nevil:1\r\n$%d" % rng.randrange(9, 120) + rng.choice([b"", b"\r\n"])
    )


def _replies(rng: random.Random) -> bytes:
    parts = [
        b"+OK\r\n",
        b":17\r\n",
        b"$-1\r\n",
        b"$5\r\nhello\r\n",
        b"*2\r\n$3\r\nfoo\r\n$3\r\nbar\r\n",
        b"*0\r\n",
    ]
    return b"".join(rng.choice(parts) for _ in range(rng.randint(1, 12)))


def _requests(rng: random.Random) -> bytes:
    """Return commands that end in zeros or half a header, as buffers of clients do."""
    text = b"".join(encode(_inner(rng)) for _ in range(rng.randint(1, 4)))
    return text + rng.choice([bytes(8), b"*", b"*3", b"*3\r", b"*3\r\n", b"*1\r\n$4\r\nEXEC\r\n"])


_STYLES = (
    _commands,
    _whole_log,
    _nested,
    _completed_by_its_line_end,
    _cut_anywhere,
    _reaching_over_its_end,
    _replies,
    _requests,
)


def resp_text(rng: random.Random) -> bytes:
    """Return a value that holds RESP, of any style."""
    return rng.choice(_STYLES)(rng)
