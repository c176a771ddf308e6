"""Check what no single record shows: keys and functions that come twice, databases, wrong hints.

Memory is bounded: eight bytes a key up to a stated limit. A key counts as a duplicate when its 64-bit
digest comes twice; a second look at the records with those digests settles it, where the caller can
give one. The digest is keyed by this process, so nobody can prepare collisions.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Final

import numpy as np

from aoftool.rdb.damage import MESSAGES, RdbIssue
from aoftool.rdb.records.record import Record
from aoftool.rdb.walk.summary import RdbWalk

__all__ = ["DEFAULT_DATABASES", "KEY_LIMIT", "NO_SUCH_ROOM", "KeyCheck", "check_part"]

# 128 MB of digests.
KEY_LIMIT: Final = 16_000_000
DEFAULT_DATABASES: Final = 16
NO_SUCH_ROOM: Final = 1 << 44
"""Keys for which a table takes 2^47 bytes, more than a process can address; see `check.rdb_faults`."""
_ISSUE_LIMIT: Final = 100


class KeyCheck:
    """Look for keys that stand twice in one database.

    Feed every record to `add`, then ask `suspects`. If there are any, feed every record again to
    `confirm` and read `issues`.

    Args:
        limit: keys looked at; later ones are not, and `unchecked` counts them.
    """

    def __init__(self, limit: int = KEY_LIMIT) -> None:
        self.unchecked = 0
        self.issues: list[RdbIssue] = []
        self._limit = limit
        self._digests = array("q")
        self._suspects: frozenset[int] = frozenset()
        self._seen: set[tuple[int, bytes]] = set()

    def add(self, db: int, key: bytes) -> None:
        """Take a key of the first pass."""
        if len(self._digests) < self._limit:
            self._digests.append(hash((db, key)))
        else:
            self.unchecked += 1

    def suspects(self) -> frozenset[int]:
        """Return the digests that came more than once; forgets all others."""
        digests = (
            np.frombuffer(self._digests, dtype=np.int64).copy() if self._digests else np.empty(0, np.int64)
        )
        self._digests = array("q")
        digests.sort()
        self._suspects = frozenset(digests[1:][digests[1:] == digests[:-1]].tolist())
        return self._suspects

    def confirm(self, record: Record) -> None:
        """Take a record of the second pass and note it when its key really came before."""
        key = record.key
        place = (record.db, key)
        if hash(place) not in self._suspects:
            return
        if place not in self._seen:
            self._seen.add(place)
        elif len(self.issues) < _ISSUE_LIMIT:
            issue = RdbIssue("duplicate-key", record.start, MESSAGES["duplicate-key"])
            self.issues.append(issue)

    def confirm_all(self, records: Iterable[Record]) -> list[RdbIssue]:
        """Run the second pass over records and return the issues."""
        for record in records:
            self.confirm(record)
        return self.issues


def check_part(summary: RdbWalk, size_bytes: int | None = None) -> list[RdbIssue]:
    """Return what the summary of a walk shows: databases, functions, hints, bytes behind the end.

    Hints are only compared in a part that was read to its end.

    Args:
        size_bytes: size of the input when nothing may follow the part: that of a snapshot, not of an
            AOF base, behind which commands may stand.
    """
    issues = list(summary.issues)
    issues += [
        RdbIssue("database-range", at, f"{MESSAGES['database-range']}: {db}")
        for db, at in sorted(summary.selected.items())
        if db >= DEFAULT_DATABASES
    ]
    issues += [
        RdbIssue("resize-room", hint.offset, f"{MESSAGES['resize-room']}: {max(hint.keys, hint.expires)}")
        for hint in summary.resize_hints
        if max(hint.keys, hint.expires) >= NO_SUCH_ROOM
    ]
    issues += _check_functions(summary)
    end = summary.end_offset
    if end is not None:
        issues += _check_hints(summary)
        if size_bytes is not None and end < size_bytes:
            text = f"{MESSAGES['trailing-bytes']}: {size_bytes - end}"
            issues.append(RdbIssue("trailing-bytes", end, text))
    return issues[:_ISSUE_LIMIT]


def _check_functions(summary: RdbWalk) -> list[RdbIssue]:
    issues = []
    seen: set[bytes] = set()
    for library in summary.functions:
        code = "function-again" if library.name else "function-name"
        if not library.name or library.name in seen:
            issues.append(RdbIssue(code, library.offset, MESSAGES[code]))
        seen.add(library.name)
    return issues


def _check_hints(summary: RdbWalk) -> list[RdbIssue]:
    issues = []
    seen: set[int] = set()
    for hint in summary.resize_hints:
        if hint.db in seen:
            issues.append(RdbIssue("database-again", hint.offset, MESSAGES["database-again"]))
            continue
        seen.add(hint.db)
        keys = sum(row.keys for row in summary.counts if row.db == hint.db)
        expires = summary.expires.get(hint.db)
        if (keys, expires.keys if expires else 0) != (hint.keys, hint.expires):
            found = (
                f"{hint.keys} with {hint.expires} expiring, not {keys} with {expires.keys if expires else 0}"
            )
            issues.append(RdbIssue("resize-hint", hint.offset, f"{MESSAGES['resize-hint']}: {found}"))
    return issues
