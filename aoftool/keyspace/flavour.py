"""The servers whose loading we reproduce, and the points in which they differ.

A flavour stands for a release of `aoftool.releases`, or for a patch release of it: where these are known to
differ, a switch of the release says that it depends. A release without a row of its own loads as the one
below it. Knows only switches; what a switch means is written where it is read.
"""

from __future__ import annotations

from typing import Any, Literal

from aoftool.dataclass import dataclass, replace
from aoftool.releases import RELEASES, Release, patch_of, release_named

__all__ = ["FLAVOURS", "AskedFlavour", "Flavour", "Version", "flavour_at", "flavour_named"]

Version = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Flavour:
    """A release series of Redis or Valkey.

    Attributes:
        name: of the release, for example `redis-7.0`.
        family: `redis` or `valkey`.
        version: major and minor number of the release measured.
        rdb_version: highest RDB version its RESTORE accepts.
        expire_conditions: EXPIRE and its kin take NX, XX, GT, LT; 6.2 ignores what follows the time.
        get_with_nx: SET takes GET beside NX.
        set_ifeq: SET takes IFEQ.
        hex_scores: scores may be hexadecimal floats.
        plain_floats: range ends and SORT take no blanks or hexadecimal for a number.
        sort_range_errors: which numbers SORT refuses: `subnormal` and beyond, `overflow` and
            underflow to nothing, or `none`.
        nth_from_end: in the large encoding a negative LIMIT offset counts from the end.
        small_zsets_lose_minus_zero: a score of -0 becomes 0 in the small encoding.
        zset_hints: the number of pairs in one ZADD counts towards the large encoding.
        zset_length_hints: so does its longest member, whether it is added or not.
        stream_counters: streams keep entries-added, max-deleted-id and entries-read.
        xclaim_drops_deleted: XCLAIM of an entry that is gone removes it from the PEL.
        xclaim_always_creates: XCLAIM creates its consumer even when it claims nothing.
        field_expiry: how hashes expire fields: `None`, `redis` or `valkey`.
        negative_expiry_is_zero: a negative deadline is stored as 0.
        negative_expiry_harms: after a negative deadline the server loses track of the key's time.
        short_list_indexes: LSET keeps only the low 32 bits of an index.
        strict_subcommands: an unknown subcommand is as fatal as an unknown command.
        strict_arity: a wrong number of arguments ends the loading with a message.
        short_id_differences: XTRIM and XADD with MINID see only the low 32 bits of the difference of two
            IDs in one node of a stream. From 6.2.7 on they see all.
        hll_spare_runs: a sparse HyperLogLog may go on behind its last register with a run of values.
        caps_entries_read: the read counter given to a group is at most the entries ever added.
        geo_store_clears: a geo search with STORE deletes its destination when the source is missing; None
            where patch releases differ: from 6.2.6 on they do.
    """

    name: str
    family: Literal["redis", "valkey"]
    version: Version
    rdb_version: int
    expire_conditions: bool = True
    get_with_nx: bool = True
    set_ifeq: bool = False
    hex_scores: bool = True
    plain_floats: bool = False
    sort_range_errors: Literal["subnormal", "overflow", "none"] = "subnormal"
    nth_from_end: bool = False
    small_zsets_lose_minus_zero: bool = True
    zset_hints: bool = True
    zset_length_hints: bool = False
    stream_counters: bool = True
    xclaim_drops_deleted: bool = True
    xclaim_always_creates: bool = False
    field_expiry: Literal["redis", "valkey"] | None = None
    negative_expiry_is_zero: bool = False
    negative_expiry_harms: bool = False
    short_list_indexes: bool = True
    strict_subcommands: bool = True
    strict_arity: bool = False
    short_id_differences: bool = False
    hll_spare_runs: bool = False
    caps_entries_read: bool = False
    geo_store_clears: bool | None = True

    def has(self, redis: Version | None, valkey: Version | None) -> bool:
        """Tell whether something that came with these versions (None: never) is there."""
        since = redis if self.family == "redis" else valkey
        return since is not None and self.version >= since


class AskedFlavour:
    """A flavour that remembers what it was asked: a replay as one that answers alike comes out the same."""

    def __init__(self, flavour: Flavour) -> None:
        self._flavour = flavour
        self._versions: dict[tuple[Version | None, Version | None], bool] = {}

    def __getattr__(self, name: str) -> Any:
        # Kept as an attribute: the next time nobody comes here.
        value = self.__dict__[name] = getattr(self._flavour, name)
        return value

    def has(self, redis: Version | None, valkey: Version | None) -> bool:
        """Tell whether something that came with these versions (None: never) is there."""
        answer = self._flavour.has(redis, valkey)
        self._versions[redis, valkey] = answer
        return answer

    def answers_alike(self, other: Flavour) -> bool:
        """Tell whether another flavour would have given every answer that was given."""
        switches = {name: value for name, value in self.__dict__.items() if not name.startswith("_")}
        return all(getattr(other, name) == value for name, value in switches.items()) and all(
            other.has(*since) == answer for since, answer in self._versions.items()
        )


_REDIS_62 = Flavour(
    "redis-6.2",
    "redis",
    (6, 2),
    9,
    expire_conditions=False,
    short_list_indexes=False,
    get_with_nx=False,
    small_zsets_lose_minus_zero=False,
    zset_hints=False,
    stream_counters=False,
    xclaim_drops_deleted=False,
    strict_subcommands=False,
    short_id_differences=True,
    hll_spare_runs=True,
    geo_store_clears=None,
)
_REDIS_60 = replace(_REDIS_62, name="redis-6.0", version=(6, 0), geo_store_clears=False)
_REDIS_80 = Flavour(
    "redis-8.0",
    "redis",
    (8, 0),
    12,
    plain_floats=True,
    sort_range_errors="none",
    nth_from_end=True,
    xclaim_always_creates=True,
    field_expiry="redis",
)
_REDIS_82 = replace(
    _REDIS_80,
    name="redis-8.2",
    version=(8, 2),
    nth_from_end=False,
    negative_expiry_harms=True,
    caps_entries_read=True,
)
_REDIS_86 = replace(_REDIS_82, name="redis-8.6", version=(8, 6), rdb_version=13)
_VALKEY_91 = Flavour(
    "valkey-9.1",
    "valkey",
    (9, 1),
    80,
    set_ifeq=True,
    zset_length_hints=True,
    hex_scores=False,
    plain_floats=True,
    sort_range_errors="overflow",
    nth_from_end=True,
    xclaim_always_creates=True,
    field_expiry="valkey",
    negative_expiry_is_zero=True,
    strict_arity=True,
)
_ALL = (
    _REDIS_60,
    _REDIS_62,
    Flavour("redis-7.0", "redis", (7, 0), 10, zset_hints=False, short_list_indexes=False),
    Flavour("redis-7.2", "redis", (7, 2), 11, xclaim_always_creates=True),
    Flavour(
        "redis-7.4",
        "redis",
        (7, 4),
        12,
        nth_from_end=True,
        xclaim_always_creates=True,
        field_expiry="redis",
    ),
    _REDIS_80,
    _REDIS_82,
    replace(_REDIS_82, name="redis-8.4", version=(8, 4)),
    _REDIS_86,
    # No server was at hand for the three that follow: what they share with 8.6 counts as it is there.
    replace(_REDIS_86, name="redis-8.8", version=(8, 8), rdb_version=14),
    replace(_REDIS_86, name="redis-8.10", version=(8, 10), rdb_version=15),
    replace(_REDIS_86, name="redis-8.12", version=(8, 12), rdb_version=16),
    # These two are not measured. Source: src/t_zset.c, src/aof.c of Valkey 7.2.7 and 8.0.1.
    Flavour("valkey-7.2", "valkey", (7, 2), 11, xclaim_always_creates=True),
    Flavour(
        "valkey-8.0",
        "valkey",
        (8, 0),
        11,
        zset_length_hints=True,
        nth_from_end=True,
        xclaim_always_creates=True,
    ),
    Flavour(
        "valkey-8.1",
        "valkey",
        (8, 1),
        11,
        set_ifeq=True,
        zset_length_hints=True,
        nth_from_end=True,
        xclaim_always_creates=True,
        negative_expiry_harms=True,
        strict_arity=True,
    ),
    _VALKEY_91,
    # Nor for this one.
    replace(_VALKEY_91, name="valkey-9.2", version=(9, 2), rdb_version=81),
)


# Which row stands for a release that was not measured, where it is not the one below it.
_LIKE = {"valkey-9.0": "valkey-9.1"}


def _flavour_of(release: Release) -> Flavour:
    """Return the row of a release: its own, or one that it shares with a neighbour."""
    rows = {row.name: row for row in _ALL}
    if release.name in rows:
        return rows[release.name]
    below = [row for row in _ALL if row.family == release.family and row.version < release.version]
    like = rows[_LIKE[release.name]] if release.name in _LIKE else below[-1]
    return replace(like, name=release.name, version=release.version, rdb_version=release.rdb_version)


FLAVOURS: dict[str, Flavour] = {release.name: _flavour_of(release) for release in RELEASES}
"""One flavour for every release of the catalogue, by name, in its order."""


# What patch releases of one release do otherwise: from which one on, and what it does.
# Source: Redis 6.2 00-RELEASENOTES, src/geo.c, src/t_stream.c; measured on 6.2.5 and 6.2.14.
_SINCE_PATCH: dict[str, tuple[tuple[int, str, bool], ...]] = {
    "redis-6.2": ((6, "geo_store_clears", True), (7, "short_id_differences", False))
}


def flavour_at(release: Release, version: str) -> Flavour:
    """Return the flavour of a patch release.

    Args:
        version: such as `6.2.14`; one that is no version of that release says nothing about it.
    """
    flavour, patch = FLAVOURS[release.name], patch_of(release, version)
    if patch is None:
        return flavour
    known: dict[str, Any] = {
        switch: value if patch >= since else not value
        for since, switch, value in _SINCE_PATCH.get(release.name, ())
    }
    return replace(flavour, **known)


def flavour_named(name: str) -> Flavour:
    """Return the flavour of a release, or of a patch release such as `redis-6.2.14`.

    A major version, such as `valkey-9`, stands for its newest measured release.

    Raises:
        UsageError: no release has that name; the hint lists them.
    """
    return flavour_at(release_named(name, newest=True), name.partition("-")[2])
