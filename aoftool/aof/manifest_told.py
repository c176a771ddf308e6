"""What is a manifest and what is another text, whatever it is named.

A manifest may be damaged in any way and stays one, for there is something to repair. A shopping list under
the name of one never was: nothing is made of it, and nothing is written over it unasked.
"""

from __future__ import annotations

from aoftool.aof.manifest_salvage import salvage_manifest
from aoftool.files.kinds import kind_of, kind_of_text

__all__ = ["other_than_manifest", "reads_as_manifest"]

# Of a line of a manifest: file, seq and type.
_FIELDS = 3
_LINE = b"file "
_EMPTY = b"\0 \t\r\n\v\f"


def reads_as_manifest(head: bytes) -> bool:
    """Tell whether most lines are those of a manifest: any text may quote one, and is no manifest for it.

    A list of file names gives entries that are nothing but guesses, and is none either.
    """
    found = salvage_manifest(head)
    told = [entry for entry in found.entries if len(entry.inferred) < _FIELDS]
    return bool(told) and len(found.entries) >= found.lost_lines


def other_than_manifest(head: bytes, prefix: bytes) -> str:
    """Return what a file is that has the name of a manifest and never was one; empty for a manifest.

    One of which some line, or the beginning of its first one, can still be read is a damaged manifest; so is
    what holds nothing, and bytes that are of no known kind.

    Args:
        head: its first bytes.
        prefix: what its name has in front of `.manifest`, as names of data files have it.
    """
    body = head.strip(_EMPTY)
    if not body or salvage_manifest(head).entries or _begins_as_one(body, prefix):
        return ""
    return kind_of(head) or kind_of_text(head)


def _begins_as_one(body: bytes, prefix: bytes) -> bool:
    """Tell whether a file is the beginning of a first line, or begins with a data file of this name."""
    starts = (_LINE + prefix, _LINE + b'"' + prefix)
    return any(body.startswith(start) or start.startswith(body) for start in starts)
