"""What an RDB part holds beside keys and functions: module data, and scripts of Redis before 7.0.

Both are carried byte for byte where the target can load them; what they mean only their owners know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.errors import SourceError, UnsupportedError
from aoftool.escape import excerpt
from aoftool.files import Source
from aoftool.rdb.decode.strings import read_length, read_string
from aoftool.rdb.encode.targets import Target, written_by
from aoftool.rdb.losses import member_note
from aoftool.rdb.opcodes import (
    EXPIRETIME,
    EXPIRETIME_MS,
    FREQ,
    IDLE,
    REDIS_KEY_META,
    Family,
    opcode_name,
)

if TYPE_CHECKING:
    from aoftool.rdb.walk.summary import Extra, RdbWalk

__all__ = [
    "base_member_note",
    "carries_metadata",
    "carries_modules",
    "has_metadata",
    "holds_metadata",
    "keys_with_metadata",
    "loads_scripts",
    "read_extra",
    "read_script",
]

_PREFIX_BYTES = {EXPIRETIME_MS: 9, EXPIRETIME: 5, FREQ: 2}
# Source: measured: Redis 8.6.3 loads opcode 243 whatever the version; Redis 8.2.3 and Valkey 9.1.2 do not.
_METADATA_SINCE = 13


def carries_modules(summary: RdbWalk, target: Target) -> bool:
    """Tell whether a target loads module data of a part: of its own project, and not from a newer format."""
    writer = written_by(summary.aux)
    family = summary.family.value if summary.family is not None else ""
    project = writer[0].flavour if writer is not None else family
    return project == target.flavour and summary.version <= target.rdb_version


def keys_with_metadata(summary: RdbWalk) -> int:
    """Return how many keys of a part have metadata of their own, as modules and BLESS keep it."""
    return summary.other_opcodes.get(opcode_name(Family.REDIS, REDIS_KEY_META) or "", 0)


def carries_metadata(summary: RdbWalk, target: Target) -> bool:
    """Tell whether the keys of a part can be copied for a target with the metadata that they have."""
    return holds_metadata(target) or not keys_with_metadata(summary)


def holds_metadata(target: Target) -> bool:
    """Tell whether a target loads metadata in front of a key."""
    return target.flavour == "redis" and target.rdb_version >= _METADATA_SINCE


def has_metadata(record: bytes) -> bool:
    """Tell whether a record of Redis begins with metadata, times and counters of the key aside."""
    at = 0
    while (number := record[at]) in _PREFIX_BYTES or number == IDLE:
        at = read_length(record, at + 1)[1] if number == IDLE else at + _PREFIX_BYTES[number]
    return number == REDIS_KEY_META


def loads_scripts(target: Target) -> bool:
    """Tell whether a target loads the scripts of EVALSHA from a file: Redis before 7.0 does.

    Source: Redis 7.0 release notes; measured on Redis 6.2.5 and 7.0.15.
    """
    return not target.functions


def read_extra(source: Source, extra: Extra) -> bytes:
    """Return the bytes of an opcode.

    Raises:
        SourceError: the file has changed.
    """
    data = source.read_at(extra.offset, extra.size_bytes)
    if len(data) != extra.size_bytes:
        raise SourceError(f"{source.name} has changed since it was read", path=source.path)
    return data


def read_script(source: Source, extra: Extra) -> bytes:
    """Return the text of a script in a `lua` field.

    Raises:
        UnsupportedError: the field is none.
    """
    data = read_extra(source, extra)
    name, at = read_string(data, 1)
    if name != b"lua":
        raise UnsupportedError("a field of the RDB part is not a script", path=source.path)
    return read_string(data, at)[0]


def base_member_note(walk: RdbWalk) -> str:
    """Return, in words, which members of an RDB part have expire times of their own."""
    return member_note(walk.member_count, [(excerpt(name), at_ms) for name, at_ms in walk.member_times])
