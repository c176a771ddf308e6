"""What a guard found, did and keeps, as plain records."""

from __future__ import annotations

from enum import Enum

from aoftool.dataclass import dataclass, field

__all__ = ["GuardOutcome", "Guarded", "Kept"]


@dataclass(frozen=True, slots=True)
class Kept:
    """One repair whose originals are kept.

    Attributes:
        path: of its folder.
        size_bytes: of the log, that forgetting it would free.
    """

    path: str
    size_bytes: int


class GuardOutcome(str, Enum):
    """What became of a log."""

    SOUND = "sound"
    REPAIRED = "repaired"
    NO_LOG = "no-log"
    LEFT_TO_SERVER = "left-to-server"


@dataclass
class Guarded:
    """What was found and done.

    Attributes:
        path: what was named, printable.
        lost_bytes, lost_commands: what the repair took out of the data.
        receipt: folder that `aoftool undo` takes; None where nothing was changed.
        forgotten: repairs of which the originals were removed, to keep to the bound.
        kept: those that are kept now, oldest first.
        notes: what else is to be known, one sentence each.
    """

    path: str
    outcome: GuardOutcome
    lost_bytes: int = 0
    lost_commands: int = 0
    receipt: str | None = None
    forgotten: list[Kept] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
