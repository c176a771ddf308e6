"""Fresh damage to RDB bases by seed, with the truth kept beside.

The bases are those of the recorded logs, of every server, and old-style logs that begin with an RDB. A
`DamagedBase` knows where each record of the healthy base stood, and so which keys a salvage must keep and
which bytes nobody can read any more.
"""

from __future__ import annotations

import functools
import io
import random
from dataclasses import dataclass
from pathlib import Path

from aoftool.files.source import open_stream
from aoftool.rdb.records.reader import RecordReader
from tests.corpus import FIXTURES, Case, cases

KINDS = ("flips", "zero", "lost", "noise", "cut", "doubled")
HEADER_BYTES = 9
TRAILER_BYTES = 9
_SMALLEST = 1000

Place = tuple[int, bytes]


@dataclass(frozen=True)
class Base:
    """A healthy file that begins with an RDB.

    Attributes:
        case: the recorded log it belongs to.
        name: file name.
        end: end of its RDB part.
        records: start and end of the record of each (database, key).
    """

    case: Case
    name: str
    data: bytes
    end: int
    records: dict[Place, tuple[int, int]]


@dataclass(frozen=True)
class DamagedBase:
    """A damaged base; `spots` are the stretches of the original that were hit or lost."""

    seed: int
    kind: str
    base: Base
    data: bytes
    spots: tuple[tuple[int, int], ...]

    def unhurt(self) -> set[Place]:
        """Return the keys whose records lie outside the damage."""
        return {
            place
            for place, (start, end) in self.base.records.items()
            if not any(low < end and max(high, low + 1) > start for low, high in self.spots)
        }


@functools.cache
def bases() -> tuple[Base, ...]:
    """Return every base worth damaging, of the full corpus when it is there, in stable order."""
    recorded = cases("recorded") or cases("recorded", root=FIXTURES)
    found = []
    for case in recorded:
        for path in case.files():
            if path.stat().st_size >= _SMALLEST and path.read_bytes()[:5] in (b"REDIS", b"VALKE"):
                found.append(_base(case, path))
    return tuple(found)


def _base(case: Case, path: Path) -> Base:
    data = path.read_bytes()
    reader = RecordReader(open_stream(io.BytesIO(data), path.name), 0)
    records = {(record.db, record.key): (record.start, record.end) for record in reader}
    assert reader.summary.end_offset is not None
    return Base(case, path.name, data, reader.summary.end_offset, records)


def damaged_base(seed: int) -> DamagedBase:
    """Return the damaged base of a seed."""
    rng = random.Random(seed)
    base = rng.choice(bases())
    kind = KINDS[seed % len(KINDS)]
    data, end = base.data, base.end
    at = rng.randrange(HEADER_BYTES, end - TRAILER_BYTES)
    stop = min(at + rng.choice([16, 64, 512, 1000, 4096]), end)
    if kind == "flips":
        spots = sorted(rng.randrange(HEADER_BYTES, end) for _ in range(rng.randint(2, 5)))
        flipped = bytearray(data)
        for spot in spots:
            flipped[spot] ^= rng.randrange(1, 256)
        return DamagedBase(seed, kind, base, bytes(flipped), tuple((spot, spot + 1) for spot in spots))
    if kind == "zero":
        return DamagedBase(seed, kind, base, data[:at] + bytes(stop - at) + data[stop:], ((at, stop),))
    if kind == "noise":
        noise = rng.randbytes(stop - at)
        return DamagedBase(seed, kind, base, data[:at] + noise + data[stop:], ((at, stop),))
    if kind == "lost":
        return DamagedBase(seed, kind, base, data[:at] + data[stop:], ((at, stop),))
    if kind == "cut":
        return DamagedBase(seed, kind, base, data[:at], ((at, len(data)),))
    return DamagedBase(seed, kind, base, data[:stop] + data[at:stop] + data[stop:], ((stop, stop),))
