"""Names of commands that do one thing, for whoever asks whether a command does it."""

from __future__ import annotations

__all__ = [
    "ACROSS",
    "DELETES",
    "EXPIRES",
    "FLUSHES",
    "OF_SLOTS",
    "REMOVES_KEYS",
    "RENAMES",
    "RESTORES",
    "SCRIPTS",
    "WHOLE",
]

ACROSS = frozenset({b"COPY", b"MOVE"})
"""May write to a database that is not selected."""

DELETES = frozenset({b"DEL", b"UNLINK"})
"""Take keys away, whatever they hold."""

REMOVES_KEYS = DELETES | {b"GETDEL"}
"""Take a key away, and nothing else."""

FLUSHES = frozenset({b"FLUSHALL", b"FLUSHDB"})
"""Take away all keys."""

WHOLE = FLUSHES | {b"SWAPDB"}
"""Work on whole databases."""

RENAMES = frozenset({b"RENAME", b"RENAMENX"})
"""Give a key another name."""

RESTORES = frozenset({b"RESTORE", b"RESTORE-ASKING"})
"""Make a key of a DUMP payload."""

EXPIRES = frozenset({b"EXPIRE", b"PEXPIRE", b"EXPIREAT", b"PEXPIREAT"})
"""Set when a key expires."""

SCRIPTS = frozenset({b"EVAL", b"EVALSHA", b"FCALL"})
"""Run a script or a function, which may do anything."""

OF_SLOTS = frozenset({b"TRIMSLOTS", b"SFLUSH", b"CLUSTER"})
"""Take away the keys of cluster slots."""
