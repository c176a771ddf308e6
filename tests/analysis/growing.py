"""Logs whose growth is known because it was laid out by hand."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.analysis.census_streams import encode

START_S = 1_700_000_040  # a full minute


def stream(seconds: int, commands: Callable[[int], Iterator[list[bytes]]], *, times: bool = True) -> bytes:
    """Return a stream with the commands of each second, in order."""
    out = bytearray()
    for second in range(seconds):
        made = b"".join(map(encode, commands(second)))
        if made and times:
            out += b"#TS:%d\r\n" % (START_S + second)
        out += made
    return bytes(out)


def steady(second: int) -> Iterator[list[bytes]]:
    """Yield twenty small writes to sessions."""
    rng = random.Random(second)
    for _ in range(20):
        yield [b"SET", b"sess:%d" % rng.randrange(1000), b"x" * 100]


def write(directory: Path, data: bytes) -> str:
    """Write a log of one file and return its path."""
    path = directory / "appendonly.aof"
    path.write_bytes(data)
    return str(path)
