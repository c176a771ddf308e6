"""What commands cost that walk whole values, such as SORT, SUNIONSTORE, BITOP: sizes times measured costs.

A count of commands does not show it: five megabytes of them can take a server a minute. The log is sieved
for their keys, whose sizes are followed as far as arguments tell them. A member that is added twice counts
twice, and what scripts do is not known, so this is an upper estimate. Knows no values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import log2

from aoftool.aof.log import read_parts
from aoftool.aof.model import Log
from aoftool.commands.groups import FLUSHES, REMOVES_KEYS
from aoftool.commands.roles import keys_of
from aoftool.dataclass import dataclass, field
from aoftool.rdb.damage import EncodingDamage
from aoftool.resp.model import Command
from aoftool.resp.sieve import SieveReader
from aoftool.resp.watch import Watch

__all__ = ["WALKING", "Walks", "walks_of"]

# Nanoseconds for each element of the keys that are read, and for each byte of strings: measured on Valkey
# 9.1.2, a hundred times each command over 20,000 elements or 8 MB. SORT grows with the logarithm too.
_COSTS: dict[bytes, tuple[float, float]] = {
    b"SUNIONSTORE": (420, 0),
    b"SDIFFSTORE": (420, 0),
    b"SINTERSTORE": (100, 0),
    b"ZUNIONSTORE": (900, 0),
    b"ZINTERSTORE": (250, 0),
    b"ZDIFFSTORE": (600, 0),
    b"ZRANGESTORE": (800, 0),
    b"GEOSEARCHSTORE": (800, 0),
    b"GEORADIUS": (800, 0),
    b"GEORADIUSBYMEMBER": (800, 0),
    b"SORT": (80, 0),
    b"LREM": (80, 0),
    b"LINSERT": (60, 0),
    b"COPY": (370, 0.4),
    b"BITOP": (0, 0.7),
    b"PFMERGE": (0, 42),
}
WALKING = frozenset(_COSTS)
"""Upper-case names of commands that cost in the size of their keys."""

# Make a value smaller.
_REMOVING = frozenset(b"SREM ZREM HDEL LPOP RPOP SPOP XDEL LTRIM".split())
# Take two arguments for each element.
_PAIRS = frozenset(b"HSET HMSET ZADD HSETNX GEOADD".split())
_FIXED_BYTES = 12_304  # a HyperLogLog
_LONGEST_NUMBER = 12
_KEPT_BYTES = 64 << 10
_MOST_KEYS = 100_000


@dataclass(slots=True)
class Walks:
    """What the commands that walk values cost.

    Attributes:
        by_name: seconds by upper-case name.
        steps: elements that they go over, and a sixty-fourth of the bytes of strings.
        known: every such command was looked at.
    """

    by_name: dict[bytes, float] = field(default_factory=dict)
    steps: int = 0
    known: bool = True

    @property
    def seconds(self) -> float:
        """Return all of it."""
        return sum(self.by_name.values())


@dataclass(slots=True)
class _Size:
    elements: int = 0
    size_bytes: int = 0


def walks_of(log: Log, *, workers: int = 1) -> Walks:
    """Return what the walking commands of a log cost a server that loads it; reads the log twice.

    Input that can be read only once gives an unknown result.
    """
    found = Walks()
    wanted: set[bytes] = set()
    for command in _sieved(log, Watch(names=WALKING), workers, found):
        wanted.update(keys_of(command.argv))
        if len(wanted) > _MOST_KEYS:
            found.known = False
            break
    if not wanted:
        return found
    sizes = _base_sizes(log, wanted)
    for command in _sieved(log, Watch(keys=frozenset(wanted), names=FLUSHES), workers, found):
        _follow(command, sizes, found)
    return found


def _sieved(log: Log, watch: Watch, workers: int, found: Walks) -> Iterator[Command]:
    for part in read_parts(log):
        if part.tail_start is None:
            continue
        if not part.source.seekable:
            found.known = False
            return
        yield from SieveReader(part.source, watch, start=part.tail_start, keep=_KEPT_BYTES, workers=workers)


def _base_sizes(log: Log, wanted: set[bytes]) -> dict[tuple[int, bytes], _Size]:
    sizes: dict[tuple[int, bytes], _Size] = {}
    for part in read_parts(log):
        if part.rdb is None or not part.source.seekable:
            continue
        # Here: most logs hold no RDB part, and reading one takes many modules.
        from aoftool.rdb.records.reader import records

        for record in records(part.source, 0, skip_empty=True):
            try:
                key = record.key
            except EncodingDamage:
                continue
            if key in wanted:
                sizes[record.db, key] = _Size(record.elements or 0, record.size_bytes)
    return sizes


def _follow(command: Command, sizes: dict[tuple[int, bytes], _Size], found: Walks) -> None:
    name, argv, db = command.name, command.argv, command.db
    if name in FLUSHES:
        for place in [place for place in sizes if name == b"FLUSHALL" or place[0] == db]:
            del sizes[place]
        return
    keys = keys_of(argv)
    if not keys:
        return
    if name in WALKING:
        _walk(name, argv, db, keys, sizes, found)
    elif name in REMOVES_KEYS:
        for key in keys:
            sizes.pop((db, key), None)
    elif name in (b"RENAME", b"RENAMENX") and len(keys) == 2:
        sizes[db, keys[1]] = sizes.pop((db, keys[0]), _Size())
    else:
        _write(name, command, sizes.setdefault((db, keys[0]), _Size()))


def _walk(
    name: bytes,
    argv: Sequence[bytes],
    db: int,
    keys: list[bytes],
    sizes: dict[tuple[int, bytes], _Size],
    found: Walks,
) -> None:
    """Count one command that walks values; what it makes is as large as what it read."""
    # SORT, COPY and the list commands name what they read first; the others what they make.
    reads_first = name in (b"SORT", b"COPY", b"LREM", b"LINSERT", b"GEORADIUS", b"GEORADIUSBYMEMBER")
    sources = keys[:1] if reads_first else keys[1:] or keys
    read = _total(sizes.get((db, key)) for key in sources)
    per_element, per_byte = _COSTS[name]
    if name == b"SORT":
        per_element *= log2(read.elements + 2)
    is_string = read.elements == 0
    size = read.size_bytes if is_string else 0
    seconds = (read.elements * per_element + size * per_byte) / 1e9
    found.by_name[name] = found.by_name.get(name, 0.0) + seconds
    # A byte of a string is a small part of a step.
    found.steps += read.elements + size // 64
    if name == b"LINSERT":
        sizes.setdefault((db, keys[0]), _Size()).elements += 1
    elif name != b"LREM":
        made = keys[-1] if reads_first else keys[0]
        if len(keys) > 1:
            sizes[db, made] = read


def _total(sizes: Iterable[_Size | None]) -> _Size:
    there = [size for size in sizes if size is not None]
    return _Size(sum(size.elements for size in there), sum(size.size_bytes for size in there))


def _write(name: bytes, command: Command, size: _Size) -> None:
    """Follow what a command adds to its first key, or takes from it."""
    argv = command.argv
    lengths = command.lengths or [len(word) for word in argv]
    if name in (b"SETRANGE", b"SETBIT") and len(argv) > 3 and argv[2].isdigit():
        offset = int(argv[2][:_LONGEST_NUMBER])
        reach = offset // 8 + 1 if name == b"SETBIT" else offset + lengths[3]
        size.size_bytes = max(size.size_bytes, reach)
    elif name in (b"SET", b"GETSET", b"SETEX", b"PSETEX") and len(argv) > 2:
        size.elements, size.size_bytes = 0, lengths[2 if name in (b"SET", b"GETSET") else 3]
    elif name == b"APPEND" and len(argv) > 2:
        size.size_bytes += lengths[2]
    elif name == b"PFADD":
        size.size_bytes = _FIXED_BYTES
    elif name in _REMOVING:
        size.elements = max(size.elements - max(len(argv) - 2, 1), 0)
    elif name == b"XADD":
        size.elements += 1
    elif len(argv) > 2:
        size.elements += (len(argv) - 2) // 2 if name in _PAIRS else len(argv) - 2
