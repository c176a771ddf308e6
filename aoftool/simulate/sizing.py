"""Count what a server's rewrite would write of a data set, by the writers that rewrites here use."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from aoftool.analysis.inspect.restart import commands_load_s, rdb_load_s
from aoftool.dataclass import dataclass
from aoftool.emit.resp_writer import RespWriter
from aoftool.keyspace.database import Database
from aoftool.keyspace.engine import Keyspace
from aoftool.rdb.encode.targets import Target
from aoftool.rdb.encode.writer import ByteCounter, RdbWriter
from aoftool.simulate.model import SizePoint
from aoftool.simulate.sampling import KeySample
from aoftool.values import ModuleValue, Value, length_of
from aoftool.values.stand_in import stood_bytes

__all__ = ["size_of"]

_AT_ONCE = 4096
# Of an RDB with a `used-mem` field, which no log tells.
_USED_MEMORY = 1 << 24

_Row = tuple[bytes, bytes, int | None]


@dataclass(slots=True)
class _Totals:
    """Counts of keys, of elements of values that are no strings, and of bytes, each key by its weight.

    Attributes:
        stood_bytes: of commands whose values nobody here can make.
        is_within: these values take no more than that.
    """

    keys: int = 0
    elements: int = 0
    size_bytes: int = 0
    stood_bytes: int = 0
    is_within: bool = True


def size_of(
    keyspace: Keyspace, target: Target, place: int, *, is_rdb: bool, sample: KeySample | None = None
) -> SizePoint:
    """Return what a rewrite of a data set would leave.

    Args:
        target: the release that writes it.
        place: bytes appended before.
        sample: which keys are there; None for all.
    """
    counter = ByteCounter()
    writer: RdbWriter | RespWriter
    if is_rdb:
        writer = RdbWriter(counter, target, 1_700_000_000, base=True, used_memory_bytes=_USED_MEMORY)
    else:
        writer = RespWriter(counter, target)
    writer.drops = True
    totals = _Totals()
    for library in keyspace.libraries.values():
        writer.function(library.code)
    for number, database in enumerate(keyspace.databases):
        if not len(database):
            continue
        writer.select(number, len(database), len(database.expires))
        for weight, keys in _by_weight(database, sample):
            before = writer.size_bytes
            _write(writer, database, keys, totals, weight)
            totals.size_bytes += (writer.size_bytes - before) * (weight - 1)
    size = writer.close() + totals.size_bytes + totals.stood_bytes
    if is_rdb:
        load_s = rdb_load_s(totals.keys, totals.elements, size)
    else:
        load_s = commands_load_s(b"", totals.keys, size)
    return SizePoint(place, size, totals.keys, load_s, totals.stood_bytes, totals.is_within)


def _by_weight(database: Database, sample: KeySample | None) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Yield the keys of each weight."""
    if sample is None:
        yield 1, iter(database.values)
        return
    for weight in {1, sample.one_in}:
        yield weight, (key for key in database.values if sample.weight(key) == weight)


def _write(
    writer: RdbWriter | RespWriter, database: Database, keys: Iterator[bytes], totals: _Totals, weight: int
) -> None:
    values, expires = database.values, database.expires
    while group := list(islice(keys, _AT_ONCE)):
        totals.keys += weight * len(group)
        strings: list[_Row] = []
        for key in group:
            value = values[key]
            if isinstance(value, ModuleValue) and not (value.is_known and isinstance(writer, RdbWriter)):
                totals.stood_bytes += weight * stood_bytes(value)
                totals.is_within = totals.is_within and value.is_within and not value.is_known
            elif isinstance(value, bytes | bytearray):
                strings.append((key, bytes(value), expires.get(key)))
            else:
                totals.elements += weight * _elements(value)
                writer.key(key, value, expire_at_ms=expires.get(key))
        if isinstance(writer, RdbWriter):
            writer.strings(strings)
        else:
            for key, text, expire_at_ms in strings:
                writer.key(key, text, expire_at_ms=expire_at_ms)


def _elements(value: Value) -> int:
    return length_of(value) or 0
