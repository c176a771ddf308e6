"""A key as a listing shows it: plain data."""

from __future__ import annotations

from aoftool.dataclass import dataclass
from aoftool.values import Value

__all__ = ["KNOWN_TO_MODULE", "NOT_KNOWN", "KeyRow"]

KNOWN_TO_MODULE = "what it holds only its module knows"
"""The problem of a sound key that commands of a module made."""

NOT_KNOWN = "what it holds is not known, nor whether it is there"
"""The problem of a key that a command touched which is not run here."""


@dataclass(slots=True)
class KeyRow:
    """One key.

    Attributes:
        encoding: how the file stores the value, or would.
        elements: entries, members, fields; bytes of a string are not elements. None when unknown.
        size_bytes: the record as stored, key and expire time included; for a key that commands wrote,
            as an RDB of the target would store it; 0 for what only a module knows.
        file, offset: where the last write of the key stands: its record, or a command.
        value: the decoded value when it was asked for, else None.
        problem: why the value could not be decoded; see `is_opaque`.
        command: name of the command that wrote it last, None for a record.
        writes: commands that wrote the key; None when commands were not read.
    """

    db: int
    key: bytes
    type_name: str
    encoding: str
    elements: int | None
    size_bytes: int
    expire_at_ms: int | None
    file: str
    offset: int
    value: Value | None = None
    problem: str | None = None
    command: bytes | None = None
    writes: int | None = None

    @property
    def is_opaque(self) -> bool:
        """Tell whether the value cannot be shown, and is sound."""
        return self.problem in (KNOWN_TO_MODULE, NOT_KNOWN)
