"""What an audit of a log found: plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from aoftool.analysis.commands_model import LoggedCommand
from aoftool.analysis.time_model import TimeBounds
from aoftool.replay.writer_model import Writer

__all__ = ["Audit", "AuditCode", "AuditEvent", "Loss", "Severity"]


class Severity(str, Enum):
    """How much an operator will want to know; values are stable."""

    HIGH = "high"
    MEDIUM = "medium"
    INFO = "info"


class AuditCode(str, Enum):
    """What was found; values are stable."""

    FLUSH = "flush"
    SWAPDB = "swapdb"
    MASS_DELETE = "mass-delete"
    DELETE_RUN = "delete-run"
    DELETE_MANY = "delete-many"
    EXPIRY_STORM = "expiry-storm"
    SET_THEN_EXPIRE = "set-then-expire"
    SAME_VALUE = "same-value"
    BIG_DELETE = "big-delete"
    OVERWRITTEN = "overwritten"
    ADMIN = "admin"
    INTRUSION = "intrusion"
    LARGE_EFFECT = "large-effect"
    FUNCTION = "function"
    SCRIPT = "script"
    UNKNOWN = "unknown-command"
    LARGE_COMMAND = "large-command"
    LARGE_TRANSACTION = "large-transaction"
    RUN = "run"
    OPEN_TRANSACTION = "open-transaction"


SEVERITIES = {
    AuditCode.FLUSH: Severity.HIGH,
    AuditCode.SWAPDB: Severity.HIGH,
    AuditCode.MASS_DELETE: Severity.HIGH,
    AuditCode.DELETE_RUN: Severity.MEDIUM,
    AuditCode.DELETE_MANY: Severity.INFO,
    AuditCode.EXPIRY_STORM: Severity.MEDIUM,
    AuditCode.SET_THEN_EXPIRE: Severity.INFO,
    AuditCode.SAME_VALUE: Severity.INFO,
    AuditCode.BIG_DELETE: Severity.MEDIUM,
    AuditCode.OVERWRITTEN: Severity.MEDIUM,
    AuditCode.ADMIN: Severity.HIGH,
    AuditCode.INTRUSION: Severity.HIGH,
    AuditCode.LARGE_EFFECT: Severity.MEDIUM,
    AuditCode.FUNCTION: Severity.INFO,
    AuditCode.SCRIPT: Severity.INFO,
    AuditCode.UNKNOWN: Severity.MEDIUM,
    AuditCode.LARGE_COMMAND: Severity.INFO,
    AuditCode.LARGE_TRANSACTION: Severity.INFO,
    AuditCode.RUN: Severity.INFO,
    AuditCode.OPEN_TRANSACTION: Severity.MEDIUM,
}


@dataclass(frozen=True, slots=True)
class Loss:
    """What a command removed.

    Attributes:
        keys: how many.
        by_prefix: (prefix, keys), largest first, a handful; the rest is not listed.
        elements: of a single key: its members, fields, items, or bytes of a string.
    """

    keys: int
    by_prefix: tuple[tuple[bytes, int], ...] = ()
    elements: int | None = None


@dataclass(slots=True)
class AuditEvent:
    """One thing found.

    Attributes:
        command: where, and what stands there; the first of a group.
        text: what it is, in words; holds nothing from the log but numbers and command names.
        commands: how many commands it is made of.
        size_bytes: of all of them.
        last: the last of a group, None for a single command.
        common_prefix: what the keys of a group have in common.
        bounds: when the command ran.
        loss: what it removed, where the log was replayed.
        before, behind: the commands around it; their database and transaction may be unknown.
    """

    code: AuditCode
    command: LoggedCommand
    text: str
    commands: int = 1
    size_bytes: int = 0
    last: LoggedCommand | None = None
    common_prefix: bytes | None = None
    bounds: TimeBounds = field(default_factory=TimeBounds)
    loss: Loss | None = None
    before: list[LoggedCommand] = field(default_factory=list)
    behind: list[LoggedCommand] = field(default_factory=list)

    @property
    def severity(self) -> Severity:
        """Return how much an operator will want to know."""
        return SEVERITIES[self.code]


@dataclass(slots=True)
class Audit:
    """All that was found, in the order of the log.

    Attributes:
        events: at most so many of each code as are kept.
        counts: how many there were of each code.
        commands: how many were looked at.
        replayed: the log was replayed, so losses are known.
        notes: what the reader must know, in words.
        base_s: when the RDB part was begun, Unix seconds.
        damage: (file, offset, reason) of the first place that cannot be read.
        writer: who wrote the log, as which it was replayed.
        path: the log, as it was named.
        has_base: an RDB part holds data whose commands are gone.
    """

    events: list[AuditEvent] = field(default_factory=list)
    counts: dict[AuditCode, int] = field(default_factory=dict)
    commands: int = 0
    replayed: bool = False
    notes: list[str] = field(default_factory=list)
    base_s: int | None = None
    damage: tuple[str, int, str] | None = None
    writer: Writer | None = None
    path: str = ""
    has_base: bool = False
