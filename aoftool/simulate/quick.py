"""Choose what of a large log is replayed where a page shall not wait for all of it.

The first reading has counted every key. So a sample of keys can be named before the log is read again, and
only commands that hold one of them become objects: the reading costs what a scan does, the replay what some
hundred thousand commands do. Keys that may hold much are always replayed, for a sample that misses one of
them, or holds one for many, is wrong by that much.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np
import numpy.typing as npt

from aoftool.analysis.census.reading import Reading
from aoftool.aof.model import Log
from aoftool.columns import array_of
from aoftool.commands.framing import FRAMING
from aoftool.commands.table import lookup
from aoftool.dataclass import dataclass
from aoftool.errors import UnsupportedError
from aoftool.resp.watch import Watch
from aoftool.simulate.sampling import TYING, KeySample, tied_keys
from aoftool.units import counted

__all__ = ["Quick", "quick_sample"]

Column = npt.NDArray[np.int64]

# Commands that are replayed for the sample, and for keys that are taken whatever the hash says. Of smaller
# logs fewer are, one for so many bytes: a sample takes a small part of what the first reading took.
_MOST_WRITES, _MOST_HEAVY_WRITES = 100_000, 100_000
_LEAST_WRITES, _BYTES_OF_WRITE = 10_000, 16384
# With fewer keys than this a sample is a matter of luck; with more than that it gets no better, but slower.
_LEAST_KEYS, _ENOUGH_KEYS = 200, 8000
# A key with more bytes of commands than this, and than so many keys at the mean, may hold much.
_HEAVY_BYTES, _HEAVY_KEYS = 1 << 20, 50
# Records of an RDB part are looked at one by one: so many take about a second.
_MOST_RECORDS = 300_000
_GROUPS = frozenset(
    ("string", "bitmap", "hyperloglog", "list", "set", "sorted-set", "geo", "hash", "stream", "generic")
)


class _Lowest(KeySample):
    """The keys with the lowest hashes, so many of those that commands name that one stands for `one_in`."""

    def __init__(self, one_in: int, tied: frozenset[bytes], highest: int) -> None:
        super().__init__(one_in, tied)
        self._always, self._highest = tied, highest

    def __call__(self, key: bytes) -> bool:
        return key in self._always or crc32(key) <= self._highest

    def weight(self, key: bytes) -> int:
        if key in self._always:
            return 1
        return self.one_in if crc32(key) <= self._highest else 0


@dataclass(frozen=True, slots=True)
class Quick:
    """A sample of keys, and what makes a command one that is given to the replay."""

    sample: KeySample
    watch: Watch


def quick_sample(log: Log, read: Reading) -> Quick:
    """Return the sample.

    Args:
        read: the first reading, of the whole log.

    Raises:
        UnsupportedError: it cannot be bounded, in words that say why.
    """
    counts = read.contents.keys
    if not counts.exact or not len(counts):
        raise UnsupportedError("its keys were not counted one by one, so that none can be chosen")
    records = sum(row.keys for item in read.survey.files if item.walk is not None for row in item.walk.counts)
    if records > _MOST_RECORDS:
        raise UnsupportedError(f"its RDB part has {counted(records, 'key')}, which would be read one by one")
    sizes, writes = array_of(counts.size_bytes), array_of(counts.writes)
    mean_bytes = int(sizes.sum()) // len(counts)
    is_heavy = sizes > max(_HEAVY_BYTES, _HEAVY_KEYS * mean_bytes)
    if int(writes[is_heavy].sum()) > _MOST_HEAVY_WRITES:
        raise UnsupportedError("few keys have much of it, so that a sample of keys cannot stand for it")
    names = {name.partition(b" ")[0] for name in read.contents.commands}
    heavy = frozenset(counts.name(number) for number in is_heavy.nonzero()[0].tolist())
    always = heavy | (tied_keys(log) if names & TYING else frozenset())
    every = [key for _, key, _, _ in counts.rows()]
    hashes = np.fromiter(map(crc32, every), np.int64, len(every))
    free = np.ones(len(every), np.bool_)
    if always:
        free = ~np.fromiter(map(always.__contains__, every), np.bool_, len(every))
    wanted = max(_LEAST_WRITES, read.survey.size_bytes // _BYTES_OF_WRITE)
    one_in, highest = _cut(hashes[free], writes[free], wanted)
    sample = _Lowest(one_in, always, highest)
    chosen = np.flatnonzero(~free | (hashes <= highest)).tolist()
    keys = frozenset(map(every.__getitem__, chosen))
    # Where commands stand in transactions and databases the reader follows by itself.
    known = FRAMING | frozenset(filter(_acts_on_its_keys, names - TYING))
    return Quick(sample, Watch(keys=keys, known=known))


def _cut(hashes: Column, writes: Column, wanted: int) -> tuple[int, int]:
    """Return how many keys one of the sample stands for, and the highest hash of the sample.

    Args:
        wanted: writes of the keys of the sample, about; more where so many have too few keys.
    """
    if not len(hashes):
        return 1, -1
    total = int(writes.sum())
    one_in = max(-(-total // min(wanted, _MOST_WRITES)), len(hashes) // _ENOUGH_KEYS, 1)
    if len(hashes) < one_in * _LEAST_KEYS:
        one_in = max(len(hashes) // _LEAST_KEYS, 1)
    if total > one_in * _MOST_WRITES:
        raise UnsupportedError("its keys are written so often that a sample of enough of them is most of it")
    count = -(-len(hashes) // one_in)
    return one_in, int(np.partition(hashes, count - 1)[count - 1])


def _acts_on_its_keys(name: bytes) -> bool:
    """Tell whether a command changes nothing but the keys among its arguments."""
    spec = lookup(name)
    return spec is not None and spec.group in _GROUPS and bool(spec.key_rules)
