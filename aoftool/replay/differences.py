"""Whether it matters which of several releases wrote a log: what they do otherwise with its commands.

A row names switches of `aoftool.keyspace.flavour` and what must be in a log for them to tell. What a live
server never logs (negative expire times, conditions of EXPIRE, broken HyperLogLogs) is not looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aoftool.commands.table import lookup
from aoftool.keyspace.flavour import Flavour
from aoftool.releases import Release
from aoftool.replay.evidence import Evidence
from aoftool.replay.writer import flavour_of_release
from aoftool.replay.writer_model import Writer

__all__ = ["rivals"]

Names = frozenset[bytes]
# What releases do differently about entries that are gone.
_CLAIMS = frozenset((b"XCLAIM", b"XAUTOCLAIM"))
# Counters of a stream differ from what its entries say where entries were taken out, or where they are set.
_COUNTED = frozenset((b"XDEL", b"XTRIM", b"XSETID", b"XADD", b"XDELEX", b"XACKDEL"))
# Touch expire times of fields.
_FIELD_TTL = frozenset(
    (b"HPEXPIREAT", b"HEXPIREAT", b"HPEXPIRE", b"HEXPIRE", b"HSETEX", b"HGETEX", b"HPERSIST")
)


def _named(*names: bytes) -> Callable[[Names, Evidence], bool]:
    wanted = frozenset(names)
    return lambda seen, evidence: not wanted.isdisjoint(seen)


def _minus_zero(seen: Names, evidence: Evidence) -> bool:
    return evidence.minus_zero


_ROWS: tuple[tuple[tuple[str, ...], Callable[[Names, Evidence], bool]], ...] = (
    (("stream_counters",), _named(*_COUNTED)),
    (("xclaim_drops_deleted", "xclaim_always_creates"), _named(*_CLAIMS)),
    (("nth_from_end",), _named(b"ZRANGESTORE")),
    (("plain_floats", "sort_range_errors"), _named(b"SORT")),
    (("small_zsets_lose_minus_zero", "zset_hints", "zset_length_hints"), _minus_zero),
    (("field_expiry",), _named(*_FIELD_TTL)),
)


def rivals(writer: Writer, names: Sequence[bytes], evidence: Evidence) -> tuple[Release, ...]:
    """Return one release for each way in which possible writers may load a log; one where all agree.

    Args:
        names: upper-case names of all commands of the log.
    """
    seen = frozenset(name for name in names if lookup(name) is not None)
    switches = [switch for row, tells in _ROWS if tells(seen, evidence) for switch in row]
    found: dict[tuple[object, ...], Release] = {}
    for release in (writer.release, *reversed(writer.possible)):
        found.setdefault(_behaviour(flavour_of_release(release), switches), release)
    return tuple(found.values())


def _behaviour(flavour: Flavour, switches: Sequence[str]) -> tuple[object, ...]:
    return tuple(getattr(flavour, switch) for switch in switches)
