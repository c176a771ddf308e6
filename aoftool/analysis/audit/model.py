"""What an audit of a log found: plain data."""

from __future__ import annotations

from enum import Enum

from aoftool.analysis.clock.model import TimeBounds
from aoftool.analysis.commands.model import LoggedCommand
from aoftool.aof.ending_model import Damage
from aoftool.dataclass import dataclass, field
from aoftool.namedtuple import NamedTuple
from aoftool.replay.writer_model import Writer

__all__ = [
    "KEPT_OF_EACH",
    "SEVERITIES",
    "Audit",
    "AuditCode",
    "AuditEvent",
    "Loss",
    "Run",
    "Severity",
    "run_of",
]

# Fewer keys, or elements of one, are freed in a few milliseconds.
_MANY = 10_000

KEPT_OF_EACH = 50
"""So many events of a code are kept; more are counted."""


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


# Of what removed no key at all, where a replay tells that, `AuditEvent.severity` says less.
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
# Of these a replay says how many keys were there to be removed.
_REMOVERS = frozenset((AuditCode.FLUSH, AuditCode.MASS_DELETE, AuditCode.DELETE_MANY))


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
        """Return how much an operator will want to know; what removed nothing is worth a line alone."""
        if self.loss is not None and not self.loss.keys and self.code in _REMOVERS:
            return Severity.INFO
        return SEVERITIES[self.code]

    @property
    def may_stall(self) -> bool:
        """Tell whether a server that runs it may keep its clients waiting, as far as numbers are known.

        UNLINK and ASYNC free in another thread; what expires is looked for by the main one, however it
        is spelled.
        """
        name, *words = (word.upper() for word in self.command.argv[:2])
        many = self.loss is not None and self.loss.keys >= _MANY
        if self.code is AuditCode.EXPIRY_STORM:
            return many
        if self.code is AuditCode.FLUSH:
            return many and b"ASYNC" not in words
        if self.code is AuditCode.MASS_DELETE:
            return many and name != b"UNLINK"
        return self.code is AuditCode.LARGE_EFFECT or (
            self.code is AuditCode.BIG_DELETE and name != b"UNLINK"
        )


class Run(NamedTuple):
    """Where a run of commands stands: what is left of an event that is only counted."""

    file: int
    first: int
    last: int
    commands: int


@dataclass(slots=True)
class Audit:
    """All that was found, in the order of the log.

    Attributes:
        events: at most so many of each code as are kept.
        counts: how many there were of each code.
        beyond: where the runs of deletions stand that are counted and not kept.
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
    beyond: list[Run] = field(default_factory=list)
    commands: int = 0
    replayed: bool = False
    notes: list[str] = field(default_factory=list)
    base_s: int | None = None
    damage: Damage | None = None
    writer: Writer | None = None
    path: str = ""
    has_base: bool = False

    def add(self, event: AuditEvent) -> bool:
        """Count an event, and tell whether it is kept: of each code only the first ones are."""
        kept = self.count(event.code)
        if kept:
            self.events.append(event)
        elif event.code is AuditCode.DELETE_RUN:
            self.beyond.append(run_of(event))
        return kept

    def drop(self, event: AuditEvent) -> None:
        """Forget an event that turned out to be none; all events of its code must be kept."""
        self.events.remove(event)
        self.counts[event.code] -= 1
        if not self.counts[event.code]:
            del self.counts[event.code]

    def count(self, code: AuditCode) -> bool:
        """Count an event, and tell whether it is to be kept."""
        self.counts[code] = self.counts.get(code, 0) + 1
        return self.counts[code] <= KEPT_OF_EACH


def run_of(event: AuditEvent) -> Run:
    """Return where the commands of an event stand."""
    first, last = event.command, event.last or event.command
    return Run(first.file_number, first.offset, last.offset, event.commands)
