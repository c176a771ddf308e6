"""The history of a key as a reporter shows it: plain data."""

from __future__ import annotations

from enum import Enum

from aoftool.analysis.clock.model import TimeBounds
from aoftool.analysis.commands.model import LoggedCommand
from aoftool.aof.ending_model import Damage
from aoftool.dataclass import dataclass, field
from aoftool.values import Value

__all__ = [
    "Actor",
    "Deletion",
    "HistoryEnd",
    "HistoryStep",
    "KeyState",
    "StepKind",
]


class StepKind(str, Enum):
    """What a step is; the values are stable and appear in JSON.

    Attributes:
        BASE: the key stands in the RDB part.
        WRITE: a command names the key.
        WHOLE: a command on whole databases reached it.
        OPAQUE: a script, function or unknown command, which may have done anything.
    """

    BASE = "base"
    WRITE = "write"
    WHOLE = "whole-database"
    OPAQUE = "opaque"


class Actor(str, Enum):
    """What kind of actor removed a key; never who. Values are stable."""

    CLIENT = "client"
    EXPIRY = "server-expiry"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Deletion:
    """How a key came to go.

    Attributes:
        actor: as far as the log tells.
        reason: the evidence, in words.
    """

    actor: Actor
    reason: str


@dataclass(frozen=True, slots=True)
class KeyState:
    """A key after a step.

    Attributes:
        type_name: as the TYPE command names it; None when there is no such key.
        length: elements, members, fields, entries; bytes of a string. None when it cannot be told.
        expire_at_ms: None for never.
        value: when it was asked for; a copy.
        module_type: of a value that a module keeps, the name of the type it registered; empty where its
            commands made it.
        is_known: false behind something whose effect nobody can know; then nothing else counts.
    """

    type_name: str | None = None
    length: int | None = None
    expire_at_ms: int | None = None
    value: Value | None = None
    is_known: bool = True
    module_type: str = ""

    @property
    def exists(self) -> bool:
        """Tell whether there is such a key."""
        return self.type_name is not None


@dataclass(slots=True)
class HistoryStep:
    """One thing that happened to a key.

    Attributes:
        command: what ran, with its place; for BASE its argv is empty and its span that of the record.
        key: the key whose state follows; its name may change by RENAME.
        db: the database of that key.
        bounds: when.
        file_bounds: when, as far as all commands of the file have it in common.
        before, after: the key around the step.
        deletion: for a step that removed the key.
        refused: the error a loader answers; then nothing was changed.
        note: what else is to be known.
        is_plain: the command works on this key and on no other.
    """

    kind: StepKind
    command: LoggedCommand
    key: bytes
    db: int
    bounds: TimeBounds
    before: KeyState
    after: KeyState
    deletion: Deletion | None = None
    refused: str | None = None
    note: str | None = None
    is_plain: bool = True
    file_bounds: TimeBounds = field(default_factory=TimeBounds)


@dataclass(slots=True)
class HistoryEnd:
    """What is to be said behind a history.

    Attributes:
        steps: how many there were.
        keys: names that were followed to know the states, the asked ones included.
        notes: in words.
        damage: (file, offset, reason) of the first place that cannot be read.
        is_judged: no release is missing that would have what stands in a command.
    """

    steps: int = 0
    keys: int = 0
    is_judged: bool = True
    notes: list[str] = field(default_factory=list)
    damage: Damage | None = None
