"""The releases that files can be written for: header, value types and habits of each.

One row a release of `aoftool.releases`. Knows what a server of it writes and reads by default; refuses to
know how values are encoded (`aoftool.rdb.encode.values`). All limits are the default settings, read from
running servers (`CONFIG GET`, Redis 6.2.5 to 8.0.6, Valkey 8.1.1 and 9.1.2: they agree).
"""

from __future__ import annotations

from collections.abc import Mapping

from aoftool.dataclass import dataclass, replace
from aoftool.errors import UnsupportedError, UsageError
from aoftool.releases import NAMES, RELEASES, is_build, release_named, release_of
from aoftool.values import ArrayValue, HashValue, ListValue, SetValue, StreamValue, Value, ZSetValue

__all__ = ["TARGETS", "VERSION_FIELDS", "Limits", "Target", "find_target", "written_by"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings that decide which encoding a value gets; the names follow the server's.

    Attributes:
        list_node_bytes: `list-max-listpack-size -2`, the bytes of one list node.
        hash_entries: `hash-max-listpack-entries`, pairs of a compact hash.
        hash_value_bytes: `hash-max-listpack-value`, longest field or value of a compact hash.
        set_intset_entries: `set-max-intset-entries`.
        set_entries: `set-max-listpack-entries`.
        set_value_bytes: `set-max-listpack-value`.
        zset_entries: `zset-max-listpack-entries`.
        zset_value_bytes: `zset-max-listpack-value`, longest member of a compact sorted set.
        stream_node_bytes: `stream-node-max-bytes`.
        stream_node_entries: `stream-node-max-entries`.
    """

    list_node_bytes: int = 8192
    hash_entries: int = 512
    hash_value_bytes: int = 64
    set_intset_entries: int = 512
    set_entries: int = 128
    set_value_bytes: int = 64
    zset_entries: int = 128
    zset_value_bytes: int = 64
    stream_node_bytes: int = 4096
    stream_node_entries: int = 100


@dataclass(frozen=True, slots=True)
class Target:
    """One release, and what files it reads and writes.

    Attributes:
        name: of the release, such as `redis-7.0`.
        flavour: `redis` or `valkey`: whose numbers from 22 on are meant.
        header: magic and version, nine bytes.
        rdb_version: the version number in the header.
        server_version: the version named in the AUX field, the first of the release.
        version_field: name of that AUX field.
        base_field: name of the AUX field that marks the base of an AOF.
        listpacks: compact values are listpacks; ziplists before 7.0.
        set_listpack: small sets of text are listpacks.
        plain_nodes: a list element longer than a node gets a node of its own, without listpack.
        stream_version: 1 to 4.
        functions: function libraries can be stored.
        field_expiry: expire times of hash fields can be stored.
        vector_sets: the module type `vectorset` is built in.
        shortest_scores: scores are printed in the shortest form that reads back; otherwise with 17
            digits.
        highest_type: greatest number of the common value types it reads.
        highest_own_type: greatest number of the value types of its project alone, from 22 on, that it reads.
        zero_checksum: RESTORE takes a payload whose checksum is 0, as it does a file.
    """

    name: str
    flavour: str
    header: bytes
    rdb_version: int
    server_version: bytes
    version_field: bytes = b"redis-ver"
    base_field: bytes = b"aof-base"
    listpacks: bool = True
    set_listpack: bool = True
    plain_nodes: bool = True
    stream_version: int = 3
    functions: bool = True
    field_expiry: bool = False
    vector_sets: bool = False
    shortest_scores: bool = True
    highest_type: int = 21
    highest_own_type: int = 0
    zero_checksum: bool = False

    def restores_version(self, version: int) -> bool:
        """Tell whether RESTORE takes a payload with that RDB version in its footer."""
        if self.rdb_version < _VALKEY_SINCE:
            return version <= self.rdb_version
        # Valkey 9 leaves out the numbers between the last common version and its own first one.
        return 1 <= version <= _LAST_COMMON or _VALKEY_SINCE <= version <= self.rdb_version

    def refusal(self, value: Value) -> str:
        """Return why no file or command of the target can hold the value, empty when one can."""
        if isinstance(value, (bytes, ListValue, SetValue, ZSetValue)):
            return ""
        if isinstance(value, HashValue):
            return "expire times of hash fields" if value.expires and not self.field_expiry else ""
        if isinstance(value, StreamValue):
            if value.tail:
                return "a stream with parts that only newer servers know"
            return (
                "idempotent producers of a stream" if value.idmp and self.stream_version < _IDMP_SINCE else ""
            )
        if isinstance(value, ArrayValue):
            return "an array"
        return "a vector set" if value.module_name == "vectorset" and not self.vector_sets else ""

    def reads_type(self, type_id: int, source_family: str) -> bool:
        """Tell whether the bytes of a record of that type mean the same to this target.

        Args:
            type_id: the value type byte.
            source_family: `redis` or `valkey`, from the magic of the file it stands in.
        """
        if type_id in (6, 8):
            return False
        if type_id <= self.highest_type:
            return True
        return source_family == self.flavour and _FIRST_OWN_TYPE <= type_id <= self.highest_own_type


_LAST_COMMON = 11
_FIRST_OWN_TYPE = 22
# The first layout of streams that holds what idempotent producers sent.
_IDMP_SINCE = 4
_VALKEY_SINCE = 80

_REDIS_62 = Target(
    "redis-6.2",
    "redis",
    b"REDIS0009",
    9,
    b"6.2.0",
    base_field=b"aof-preamble",
    listpacks=False,
    set_listpack=False,
    plain_nodes=False,
    stream_version=1,
    functions=False,
    shortest_scores=False,
    highest_type=15,
)
_REDIS_70 = Target(
    "redis-7.0",
    "redis",
    b"REDIS0010",
    10,
    b"7.0.0",
    set_listpack=False,
    plain_nodes=False,
    stream_version=2,
    shortest_scores=False,
    highest_type=19,
)
_REDIS_74 = Target("redis-7.4", "redis", b"REDIS0012", 12, b"7.4.0", field_expiry=True, highest_own_type=25)
_REDIS_80 = replace(_REDIS_74, name="redis-8.0", server_version=b"8.0.0", vector_sets=True)
_VALKEY_80 = Target("valkey-8.0", "valkey", b"REDIS0011", 11, b"8.0.0", version_field=b"valkey-ver")
_VALKEY_90 = replace(
    _VALKEY_80,
    name="valkey-9.0",
    header=b"VALKEY080",
    rdb_version=80,
    field_expiry=True,
    highest_own_type=22,
    server_version=b"9.0.0",
)


def _as(row: Target, name: str, highest_own_type: int | None = None) -> Target:
    """Return the row of another release that differs in its numbers only."""
    release = NAMES[name]
    magic = b"VALKEY%03d" if release.rdb_version >= _VALKEY_SINCE else b"REDIS%04d"
    return replace(
        row,
        name=name,
        header=magic % release.rdb_version,
        rdb_version=release.rdb_version,
        server_version=b"%d.%d.0" % release.version,
        highest_own_type=row.highest_own_type if highest_own_type is None else highest_own_type,
    )


_REDIS_86 = replace(_as(_REDIS_80, "redis-8.6"), stream_version=4, highest_own_type=26, zero_checksum=True)

_ROWS = (
    _as(_REDIS_62, "redis-6.0"),
    _REDIS_62,
    _REDIS_70,
    Target("redis-7.2", "redis", b"REDIS0011", 11, b"7.2.0"),
    _REDIS_74,
    _REDIS_80,
    _as(_REDIS_80, "redis-8.2"),
    _as(_REDIS_80, "redis-8.4"),
    _REDIS_86,
    # These read what 8.6 writes; value types that came with them are only carried over. Source: src/rdb.h.
    _as(_REDIS_86, "redis-8.8", 28),
    _as(_REDIS_86, "redis-8.10", 32),
    _as(_REDIS_86, "redis-8.12", 33),
    Target("valkey-7.2", "valkey", b"REDIS0011", 11, b"7.2.4"),
    _VALKEY_80,
    _as(_VALKEY_80, "valkey-8.1"),
    _VALKEY_90,
    _as(_VALKEY_90, "valkey-9.1"),
    _as(_VALKEY_90, "valkey-9.2", 23),
)
_BY_NAME = {row.name: row for row in _ROWS}

TARGETS: dict[str, Target] = {release.name: _BY_NAME[release.name] for release in RELEASES}
"""One row for every release of the catalogue, by name, in its order."""


def find_target(name: str) -> Target:
    """Return the target that a name stands for.

    A full version finds its release: `redis-7.0.15` is `redis-7.0`. A major version, such as `valkey-9`, is
    its oldest release, whose files all of that major version read.

    Raises:
        UnsupportedError: no release has that name; the hint lists them.
    """
    try:
        return TARGETS[release_named(name).name]
    except UsageError:
        raise UnsupportedError(
            f"there is no target named {name!r}", hint="use one of: " + ", ".join(TARGETS)
        ) from None


_VERSION_FIELDS = ((b"valkey-ver", "valkey"), (b"redis-ver", "redis"))
VERSION_FIELDS = frozenset(name for name, _ in _VERSION_FIELDS)
"""The AUX fields that name the release which wrote an RDB part."""


def written_by(aux: Mapping[bytes, bytes]) -> tuple[Target, str] | None:
    """Return the release that an RDB part says wrote it, and name and version in words.

    A version beyond the newest release counts as the one below. None when the part does not say, or names a
    build that is no release.

    Args:
        aux: AUX fields of the part.
    """
    for field, project in _VERSION_FIELDS:
        if field in aux:
            version = aux[field].decode("ascii", "replace")
            if is_build(project, version):
                return None
            return TARGETS[release_of(project, version).name], f"{project} {version}"
    return None
