"""Which keys of a log are replayed where all of them would not fit: one in so many, and all that are tied.

A command that reads one key and writes another ties them: what it writes is only right with both. So all
keys that such commands name are replayed, and of the rest those that a hash chooses.
"""

from __future__ import annotations

from zlib import crc32

from aoftool.aof.log import read_parts
from aoftool.aof.model import Log
from aoftool.commands.roles import keys_of
from aoftool.resp.sieve import SieveReader
from aoftool.resp.watch import Watch

__all__ = ["REPLAYED_BYTES", "TYING", "KeySample", "sample_of", "tied_keys"]

# What commands of these many bytes leave in memory, values and keys in Python's own sizes, stays below 2 GiB.
REPLAYED_BYTES = 512 << 20
_KEPT_BYTES = 64 << 10
_MOST_TIED = 1_000_000
TYING = frozenset(
    b"RENAME RENAMENX COPY SMOVE RPOPLPUSH LMOVE BLMOVE BRPOPLPUSH BITOP PFMERGE SORT SINTERSTORE SUNIONSTORE"
    b" SDIFFSTORE ZUNIONSTORE ZINTERSTORE ZDIFFSTORE ZRANGESTORE GEORADIUS GEORADIUSBYMEMBER"
    b" GEOSEARCHSTORE".split()
)
"""Tie the values of keys together, which a sample must keep or leave out as one."""


class KeySample:
    """Tell which keys belong to a sample.

    Args:
        one_in: of keys that are not tied, one in so many.
        tied: keys that are always taken.
    """

    def __init__(self, one_in: int, tied: frozenset[bytes] = frozenset()) -> None:
        self.one_in = one_in
        self._tied = tied

    def __call__(self, key: bytes) -> bool:
        return key in self._tied or crc32(key) % self.one_in == 0

    def weight(self, key: bytes) -> int:
        """Return how many keys one of the sample stands for; 0 for one that does not belong to it."""
        if key in self._tied:
            return 1
        return 0 if crc32(key) % self.one_in else self.one_in


def sample_of(log: Log, size_bytes: int, most_bytes: int = REPLAYED_BYTES) -> KeySample | None:
    """Return the sample of a log that fits, None where all of it does.

    Args:
        size_bytes: of the log, decompressed.
        most_bytes: of its commands and records that are replayed, about.
    """
    one_in = -(-size_bytes // most_bytes)
    if one_in <= 1:
        return None
    return KeySample(one_in, tied_keys(log))


def tied_keys(log: Log) -> frozenset[bytes]:
    """Return the keys that commands tie together; none where there are too many to keep."""
    tied: set[bytes] = set()
    for part in read_parts(log):
        if part.tail_start is None or not part.source.seekable:
            break
        watch = Watch(names=TYING)
        for command in SieveReader(part.source, watch, start=part.tail_start, keep=_KEPT_BYTES):
            tied.update(keys_of(command.argv))
            if len(tied) > _MOST_TIED:
                return frozenset()
    return frozenset(tied)
