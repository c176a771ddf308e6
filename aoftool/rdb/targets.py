"""The servers that files can be written for: header, value types and habits of each.

Knows what a server of that family writes and reads by default; refuses to know how values are
encoded (`aoftool.rdb.encode_values`). All limits are the default settings, read from running servers of
each family (`CONFIG GET`, Redis 6.2.5 to 8.0.6, Valkey 8.1.1 and 9.1.2: they agree).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aoftool.errors import UnsupportedError
from aoftool.values import ArrayValue, HashValue, ListValue, SetValue, StreamValue, Value, ZSetValue

__all__ = ["TARGETS", "Limits", "Target", "find_target", "written_by"]


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
    """One family of servers that reads the same files.

    Attributes:
        name: what a user types, such as `redis-7.0`.
        flavour: `redis` or `valkey`: whose numbers from 22 on are meant.
        header: magic and version, nine bytes.
        rdb_version: the version number in the header.
        server_version: the release named in the AUX field, the first of the family.
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
            return "hash fields with expire times" if value.expires and not self.field_expiry else ""
        if isinstance(value, StreamValue):
            if value.tail:
                return "a stream with parts that only newer servers know"
            return (
                "a stream with idempotent producers"
                if value.idmp and self.stream_version < _IDMP_SINCE
                else ""
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
        if not self.field_expiry or source_family != self.flavour:
            return False
        if self.flavour == "valkey":
            return type_id == 22
        return 22 <= type_id <= 25 or (type_id == _IDMP_STREAM and self.stream_version >= _IDMP_SINCE)


_LAST_COMMON = 11
# The first layout of streams that holds what idempotent producers sent, and its value type.
_IDMP_SINCE = 4
_IDMP_STREAM = 26
_VALKEY_SINCE = 80

_REDIS = [
    Target(
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
    ),
    Target(
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
    ),
    Target("redis-7.2", "redis", b"REDIS0011", 11, b"7.2.0"),
    Target("redis-7.4", "redis", b"REDIS0012", 12, b"7.4.0", field_expiry=True),
    Target("redis-8.0", "redis", b"REDIS0012", 12, b"8.0.0", field_expiry=True, vector_sets=True),
]
_VALKEY = [
    Target("valkey-7.2", "valkey", b"REDIS0011", 11, b"7.2.4"),
    Target("valkey-8", "valkey", b"REDIS0011", 11, b"8.0.0", version_field=b"valkey-ver"),
    Target("valkey-9", "valkey", b"VALKEY080", 80, b"9.0.0", version_field=b"valkey-ver", field_expiry=True),
]

TARGETS: dict[str, Target] = {target.name: target for target in _REDIS + _VALKEY}


def find_target(name: str) -> Target:
    """Return the target of that name.

    A full version finds its family: `redis-7.0.15` is `redis-7.0`, `valkey-9.1.2` is `valkey-9`.

    Raises:
        UnsupportedError: no target has that name; the hint lists them.
    """
    wanted = name.lower()
    while wanted:
        if wanted in TARGETS:
            return TARGETS[wanted]
        wanted = wanted.rpartition(".")[0]
    raise UnsupportedError(f"there is no target named {name!r}", hint="use one of: " + ", ".join(TARGETS))


_VERSION_FIELDS = ((b"valkey-ver", "valkey"), (b"redis-ver", "redis"))


def written_by(aux: Mapping[bytes, bytes]) -> tuple[Target, str] | None:
    """Return the family of the server that an RDB part says wrote it, and its name and version in words.

    A version between or beyond the families counts as the one below. None when the part does not say.

    Args:
        aux: AUX fields of the part.
    """
    for field, project in _VERSION_FIELDS:
        if field in aux:
            version = aux[field].decode("ascii", "replace")
            return _family(project, version), f"{project} {version}"
    return None


def _family(project: str, version: str) -> Target:
    try:
        return find_target(f"{project}-{version}")
    except UnsupportedError:
        pass
    numbers = tuple(int(part) for part in version.split(".") if part.isdecimal())
    if project == "valkey":
        return find_target("valkey-9" if numbers >= (9,) else "valkey-8" if numbers >= (8,) else "valkey-7.2")
    for name, since in (
        ("redis-8.0", (8,)),
        ("redis-7.4", (7, 4)),
        ("redis-7.2", (7, 1)),
        ("redis-7.0", (7,)),
    ):
        if numbers >= since:
            return find_target(name)
    return find_target("redis-6.2")
