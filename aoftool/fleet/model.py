"""What a fleet is told as: one row a log, and totals that merge; the same bytes wherever it was made."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from aoftool.dataclass import dataclass, field
from aoftool.next_step import parted

__all__ = ["ROW_MEMBERS", "FleetReport", "LogRow", "RowState", "Totals"]


class RowState:
    """How far a log was read."""

    READ = "read"
    UNREAD = "unread"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    LOST = "lost"


@dataclass(frozen=True)
class LogRow:
    """One log of a fleet.

    Attributes:
        path: as it was named or found.
        state: one of `RowState`; all but `read` have a message in place of figures.
        verdict: the word that `aoftool check` has for it; the state where it was not read.
        intact, judged: as in `aoftool check`.
        release: as which it is read, such as `valkey-9.1`; None where nothing tells.
        version: the version that its base names; empty for none.
        size_bytes: of all files, decompressed.
        commands, keys: commands of its files, and keys of its RDB parts.
        dead_bytes, known_bytes: what a rewrite would drop, and of how much that is known; 0 of 0 where it
            was not looked for.
        growth_bytes_per_s: on the average, by `#TS`; None where nothing tells.
        restart_least_s, restart_most_s: the estimate of a load; None for a damaged log.
        newest_ts_s: the last `#TS`, Unix time; None without any.
        code: of the first finding, damage before warnings; empty for none.
        message: what is wrong in one sentence; empty for nothing.
        next: what to type next; empty for nothing.
        hint: what to do where no line does it; empty for nothing.
        by_command: commands and bytes by name, in the printable form of names.
    """

    path: str
    state: str = RowState.READ
    verdict: str = ""
    intact: bool = False
    judged: bool = False
    release: str | None = None
    version: str = ""
    size_bytes: int = 0
    commands: int = 0
    keys: int = 0
    dead_bytes: int = 0
    known_bytes: int = 0
    growth_bytes_per_s: float | None = None
    restart_least_s: float | None = None
    restart_most_s: float | None = None
    newest_ts_s: int | None = None
    code: str = ""
    message: str = ""
    next: str = ""
    hint: str = ""
    by_command: dict[str, list[int]] = field(default_factory=dict)

    @classmethod
    def not_read(cls, path: str, state: str, message: str, advice: str = "") -> LogRow:
        """Return the row of a log that could not be read."""
        steps = parted(advice)
        return cls(path, state, state, message=message, next=steps["next"] or "", hint=steps["hint"] or "")

    @property
    def dead_share(self) -> float | None:
        """Return which part of it a rewrite would drop, 0 to 1; None where that is not known."""
        return self.dead_bytes / self.known_bytes if self.known_bytes else None

    @property
    def rank(self) -> tuple[int, int, str]:
        """Return what rows are ordered by: the worst first, then the largest, then by name."""
        if self.state == RowState.READ and not self.intact:
            group = 0
        elif self.state != RowState.READ:
            group = 1
        elif not self.judged:
            group = 2
        else:
            group = 3 if self.code else 4
        return (group, -self.size_bytes, self.path)

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON members."""
        members = {name: getattr(self, name) for name in ROW_MEMBERS}
        members["dead_share"] = None if self.dead_share is None else round(self.dead_share, 6)
        members["by_command"] = {name: list(self.by_command[name]) for name in sorted(self.by_command)}
        return members

    @classmethod
    def from_dict(cls, members: dict[str, Any]) -> LogRow:
        """Return the row that `to_dict` made the members of."""
        return cls(**{name: members[name] for name in (*ROW_MEMBERS, "by_command")})


ROW_MEMBERS = (
    "path",
    "state",
    "verdict",
    "intact",
    "judged",
    "release",
    "version",
    "size_bytes",
    "commands",
    "keys",
    "dead_bytes",
    "known_bytes",
    "growth_bytes_per_s",
    "restart_least_s",
    "restart_most_s",
    "newest_ts_s",
    "code",
    "message",
    "next",
    "hint",
)
"""The members of a row in their order, but for the counts by command."""


@dataclass
class Totals:
    """Sums over logs; adding and merging in any order gives the same."""

    logs: int = 0
    states: dict[str, int] = field(default_factory=dict)
    verdicts: dict[str, int] = field(default_factory=dict)
    releases: dict[str, int] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    damaged: int = 0
    not_judged: int = 0
    size_bytes: int = 0
    commands: int = 0
    keys: int = 0
    dead_bytes: int = 0
    known_bytes: int = 0
    newest_ts_s: int | None = None
    by_command: dict[str, list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[LogRow]) -> Totals:
        """Return the totals of some rows."""
        found = cls()
        for row in rows:
            found.add(row)
        return found

    def add(self, row: LogRow) -> None:
        """Count one log."""
        is_read = row.state == RowState.READ
        one = Totals(
            1,
            {row.state: 1},
            {row.verdict: 1},
            {row.release or "unknown": 1} if is_read else {},
            {row.code: 1} if row.code else {},
            int(is_read and not row.intact),
            int(is_read and row.intact and not row.judged),
            row.size_bytes,
            row.commands,
            row.keys,
            row.dead_bytes,
            row.known_bytes,
            row.newest_ts_s,
            row.by_command,
        )
        self.merge(one)

    def merge(self, other: Totals) -> None:
        """Count all that another one counted."""
        for name in ("logs", "damaged", "not_judged", *_SUMS):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("states", "verdicts", "releases", "codes"):
            mine = getattr(self, name)
            for key, count in getattr(other, name).items():
                mine[key] = mine.get(key, 0) + count
        for command, (count, size) in other.by_command.items():
            before = self.by_command.get(command, [0, 0])
            self.by_command[command] = [before[0] + count, before[1] + size]
        known = [time for time in (self.newest_ts_s, other.newest_ts_s) if time is not None]
        self.newest_ts_s = max(known, default=None)

    def to_dict(self) -> dict[str, Any]:
        """Return the totals as JSON members, their tables in the order of names."""
        members: dict[str, Any] = {"logs": self.logs, "damaged": self.damaged, "not_judged": self.not_judged}
        for name in ("states", "verdicts", "releases", "codes"):
            members[name] = dict(sorted(getattr(self, name).items()))
        members |= {name: getattr(self, name) for name in (*_SUMS, "newest_ts_s")}
        members["by_command"] = {name: list(self.by_command[name]) for name in sorted(self.by_command)}
        return members

    @classmethod
    def from_dict(cls, members: dict[str, Any]) -> Totals:
        """Return the totals that `to_dict` made the members of."""
        return cls(**json.loads(json.dumps(members)))


_SUMS = ("size_bytes", "commands", "keys", "dead_bytes", "known_bytes")


@dataclass
class FleetReport:
    """All logs of a fleet, the worst first, and their totals."""

    rows: list[LogRow]
    totals: Totals

    @classmethod
    def of(cls, rows: Iterable[LogRow]) -> FleetReport:
        """Return the report on some rows, whatever their order."""
        ordered = sorted(rows, key=lambda row: row.rank)
        return cls(ordered, Totals.of(ordered))

    @property
    def unread(self) -> int:
        """Return how many logs were not read."""
        return sum(row.state != RowState.READ for row in self.rows)
