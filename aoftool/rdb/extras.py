"""What an RDB part holds beside keys and functions: module data, and scripts of Redis before 7.0.

Both are carried byte for byte where the target can load them; what they mean only their owners know.
"""

from __future__ import annotations

from aoftool.errors import SourceError, UnsupportedError
from aoftool.escape import excerpt
from aoftool.files import Source
from aoftool.rdb.losses import member_note
from aoftool.rdb.strings import read_string
from aoftool.rdb.summary import Extra, RdbWalk
from aoftool.rdb.targets import Target, written_by

__all__ = ["base_member_note", "carries_modules", "loads_scripts", "read_extra", "read_script"]


def carries_modules(summary: RdbWalk, target: Target) -> bool:
    """Tell whether a target loads module data of a part: of its own project, and not from a newer format."""
    writer = written_by(summary.aux)
    family = summary.family.value if summary.family is not None else ""
    project = writer[0].flavour if writer is not None else family
    return project == target.flavour and summary.version <= target.rdb_version


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
