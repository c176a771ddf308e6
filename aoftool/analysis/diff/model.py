"""What is different between two data sets: plain data."""

from __future__ import annotations

from enum import Enum

from aoftool.aof.ending_model import Damage
from aoftool.dataclass import dataclass, field
from aoftool.escape import printable
from aoftool.replay.writer_model import Writer

__all__ = ["ChangeKind", "Diff", "KeyChange", "KeyFacts", "LibraryChange", "Parting", "PrefixChanges", "Side"]

_ON_A_PAGE = 50


class ChangeKind(str, Enum):
    """What became of a key; values are stable."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """One key of one side.

    Attributes:
        length: elements, members, fields, entries, bytes of a string; None for a module value.
        module_type: of a value that a module keeps, the name of the type it registered; else empty.
        digest: of the whole value, 32 hex digits; equal values have equal digests.
    """

    type_name: str
    length: int | None
    expire_at_ms: int | None
    digest: str
    module_type: str = ""


@dataclass(frozen=True, slots=True)
class KeyChange:
    """One key that differs.

    Attributes:
        what: out of `type`, `length`, `value`, `expire`, what a changed key differs in.
    """

    kind: ChangeKind
    db: int
    key: bytes
    before: KeyFacts | None
    after: KeyFacts | None
    what: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LibraryChange:
    """One function library that differs.

    Attributes:
        before, after: digests of its text, 32 hex digits; None where it is not there.
    """

    kind: ChangeKind
    name: bytes
    before: str | None
    after: str | None


@dataclass(slots=True)
class PrefixChanges:
    """How many keys of a prefix differ; the prefix ends in a colon, or is empty."""

    prefix: bytes
    added: int = 0
    removed: int = 0
    changed: int = 0

    @property
    def total(self) -> int:
        """Return all of them."""
        return self.added + self.removed + self.changed


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two.

    Attributes:
        path: as the user named it.
        point: where in the log, in words; empty for its end.
        keys: how many there are.
        writer: who wrote the log, as which it was replayed.
    """

    path: str
    point: str
    keys: int
    writer: Writer | None = None


@dataclass(frozen=True, slots=True)
class Parting:
    """Where the commands of two logs stop being the same.

    Attributes:
        common: commands that both begin with, SELECT and transaction markers aside.
        left, right: (file, offset, time_s) of the first command that is different, None at the end.
        left_behind, right_behind: commands from there on.
        conflicts: keys that both write from there on; None when there are too many to hold.
        examples: some of them, as (database, key).
    """

    common: int
    left: tuple[str, int, int | None] | None
    right: tuple[str, int, int | None] | None
    left_behind: int
    right_behind: int
    conflicts: int | None
    examples: tuple[tuple[int, bytes], ...] = ()

    @property
    def is_same(self) -> bool:
        """Tell whether both hold the same commands."""
        return self.left is None and self.right is None


@dataclass(slots=True)
class Diff:
    """All differences.

    Attributes:
        changes: in order of database and key.
        libraries: function libraries that differ, by name; None where they were not compared.
        prefixes: most changes first.
        parting: None when one log was compared with itself.
        notes: what the reader must know, in words.
        damage: file, offset and reason of the place where reading ended, of each side; None for none.
    """

    left: Side
    right: Side
    changes: list[KeyChange] = field(default_factory=list)
    libraries: list[LibraryChange] | None = None
    prefixes: list[PrefixChanges] = field(default_factory=list)
    parting: Parting | None = None
    notes: list[str] = field(default_factory=list)
    damage: tuple[Damage | None, Damage | None] = (None, None)

    def _repr_html_(self) -> str:
        """Return the first changes as a table for notebooks."""
        from aoftool.tables.page import rows_html

        shown = self.changes[:_ON_A_PAGE]
        rows = [(row.kind.value, row.db, printable(row.key)) for row in shown]
        caption = f"{len(self.changes):,} differences"
        return rows_html(caption, ("change", "db", "key"), rows, len(self.changes) - len(shown))

    def count(self, kind: ChangeKind) -> int:
        """Return how many keys changed in one way."""
        return sum(change.kind is kind for change in self.changes)
