"""Command streams for the census: random ones, and a slow and obvious count of each."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

from aoftool.analysis.census.model import CommandRole
from aoftool.analysis.census.roles import key_rules, role_of
from aoftool.commands.table import CONTAINERS
from aoftool.resp._scan_py import Scan
from aoftool.resp.columns import RowColumns
from aoftool.resp.grammar import ScanOptions

KEYS = [b"user:%d" % n for n in range(12)] + [
    b"cart:7:items",
    b"sess:0f8fad5b-d9cb-469f-a165-70867728950e",
    b"tok:deadbeef01",
    b"counter",
    b"",
    b":",
    b"a:b:c:d",
    b"\xff\x00:1",
    b"k" * 600,
    b"01ARZ3NDEKTSV4RRFFQ69G5FAV",
]
NAMES = [
    b"SET", b"set", b"MSET", b"DEL", b"UNLINK", b"PEXPIREAT", b"EXPIREAT", b"PERSIST", b"RENAME", b"COPY",
    b"HSET", b"XADD", b"SUNIONSTORE", b"FLUSHDB", b"FLUSHALL", b"SELECT", b"MULTI", b"EXEC", b"EVAL",
    b"PUBLISH", b"NOSUCH", b"ZUNIONSTORE", b"GETDEL", b"XGROUP",
]  # fmt: skip


def encode(argv: Sequence[bytes]) -> bytes:
    """Return one command in canonical form."""
    return b"*%d\r\n" % len(argv) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in argv)


def random_command(rng: random.Random) -> list[bytes]:
    """Return a command, well formed or nearly so."""
    name = rng.choice(NAMES)
    key = rng.choice(KEYS)
    other = rng.choice(KEYS)
    value = bytes(rng.choices(b"abc\r\n", k=rng.choice([0, 1, 5, 40])))
    upper = name.upper()
    if upper == b"SET":
        deadline = b"%d" % rng.randrange(10**13)
        options = [
            [],
            [b"PXAT", deadline],
            [b"keepttl"],
            [b"EXAT", b"99"],
            [b"NX", b"pxat", b"5000"],
            [b"PXAT"],
        ]
        return [name, key, value, *rng.choice(options)]
    if upper == b"MSET":
        return [name, key, value, other, value]
    if upper in (b"PEXPIREAT", b"EXPIREAT"):
        return [name, key, rng.choice([b"1700000000000", b"12", b"x", b"0", b"9" * 20])]
    if upper in (b"RENAME", b"COPY", b"DEL", b"UNLINK"):
        return [name, key, other] if rng.random() < 0.7 else [name, key]
    if upper == b"XADD":
        limit = rng.choice([[], [b"MAXLEN", b"=", b"9"]])
        return [name, key, *limit, rng.choice([b"1700000000001-0", b"5-x", b"*"]), b"f", b"v"]
    if upper == b"SELECT":
        return [name, rng.choice([b"0", b"1", b"7", b"x"])]
    if upper == b"EVAL":
        return [name, b"return 1", b"2", key, other, value]
    if upper in (b"SUNIONSTORE", b"HSET"):
        return [name, key, other, value]
    if upper == b"ZUNIONSTORE":
        return [name, key, b"1", other]
    if upper == b"XGROUP":
        return [name, b"CREATE", key, b"g", b"$"]
    return [name] if rng.random() < 0.5 else [name, key]


def random_stream(seed: int, commands: int = 200, times: bool = True) -> bytes:
    """Return a stream with annotations, transactions and every kind of command above."""
    rng = random.Random(seed)
    out = bytearray()
    now = 1_700_000_000
    for _ in range(commands):
        if times and rng.random() < 0.15:
            now += rng.choice([1, 1, 1, 2, 40, 600, -3])
            out += b"#TS:%d\r\n" % now
        out += encode(random_command(rng))
    return bytes(out)


def rows_of(data: bytes, splits: Sequence[int] = ()) -> list[tuple[RowColumns, list[CommandRole]]]:
    """Return the columns of a stream, cut where the scanner was fed, and the roles for each."""
    scan = Scan(ScanOptions(rows=True, key_rules=key_rules(), containers=CONTAINERS))
    found = []
    edges = [0, *sorted(splits), len(data)]
    for start, end in itertools.pairwise(edges):
        scan.feed(data[start:end])
        roles = [role_of(number, name, True) for number, (name, _) in enumerate(scan.names())]
        found.append((scan.take_rows(), roles))
    scan.finish()
    return found
