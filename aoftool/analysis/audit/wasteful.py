"""Habits of clients that a log pays for: SET with an expire time sent behind it, and values written again.

Looked for while the log is replayed; `keys --by same` tells more of values that are written again.
"""

from __future__ import annotations

from aoftool.analysis.audit.audit import common_prefix
from aoftool.analysis.audit.model import Audit, AuditCode, AuditEvent
from aoftool.analysis.commands.listing import logged
from aoftool.aof.model import Log
from aoftool.commands.groups import EXPIRES
from aoftool.dataclass import dataclass
from aoftool.keyspace.engine import Keyspace
from aoftool.resp.model import Command
from aoftool.units import counted, format_bytes, format_share

__all__ = ["LEAST_WASTE", "Wasteful"]

LEAST_WASTE = 100
"""So often a habit is worth an event, if it is a twentieth of all commands too."""

_LEAST_SHARE = 20


@dataclass(slots=True)
class _Habit:
    first: tuple[int, Command] | None = None
    last: tuple[int, Command] | None = None
    times: int = 0
    size_bytes: int = 0
    prefix: bytes | None = None

    def add(self, file: int, command: Command, kept_bytes: int = 0) -> None:
        """Count a command.

        Args:
            kept_bytes: of it, in what could be written instead.
        """
        self.first = self.first or (file, command)
        self.last = (file, command)
        self.times += 1
        self.size_bytes += command.length - kept_bytes
        key = command.argv[1]
        self.prefix = key if self.prefix is None else common_prefix([self.prefix, key])


class Wasteful:
    """Count the habits."""

    def __init__(self) -> None:
        self._expired, self._same = _Habit(), _Habit()
        self._set: tuple[int, bytes] | None = None
        self._commands = 0

    def see(self, file: int, command: Command, keyspace: Keyspace) -> None:
        """Look at a command before it runs."""
        argv, name = command.argv, command.name
        self._commands += 1
        before, self._set = self._set, None
        if name in EXPIRES and len(argv) > 2 and before == (command.db, argv[1]):
            self._expired.add(file, command, _option_bytes(argv[2]))
        elif name == b"SET" and len(argv) > 2:
            if len(argv) == 3:
                self._set = command.db, argv[1]
            if keyspace.databases[keyspace.selected].values.get(argv[1]) == argv[2]:
                self._same.add(file, command)

    def tell(self, audit: Audit, log: Log) -> None:
        """Add an event for each habit that is worth one."""
        share = format_share(self._same.times, self._commands)
        texts = {
            AuditCode.SET_THEN_EXPIRE: (
                self._expired,
                f"{counted(self._expired.times, 'time')} SET and its expire time in a command of its own:"
                f" SET with EX is one command, and {format_bytes(self._expired.size_bytes)} less",
            ),
            AuditCode.SAME_VALUE: (
                self._same,
                f"{counted(self._same.times, 'SET')}, {share} of all commands, of the value that was there"
                f" already, {format_bytes(self._same.size_bytes)}: keys --by same tells more",
            ),
        }
        for code, (habit, text) in texts.items():
            if habit.times < LEAST_WASTE or habit.times * _LEAST_SHARE < self._commands:
                continue
            assert habit.first is not None
            assert habit.last is not None
            first, last = (
                logged(command, log.files[file], file) for file, command in (habit.first, habit.last)
            )
            event = AuditEvent(code, first, text, habit.times, habit.size_bytes, last)
            event.common_prefix = habit.prefix
            audit.add(event)


def _option_bytes(time: bytes) -> int:
    """Return what PXAT and a time take as arguments of a SET."""
    return len(b"$4\r\nPXAT\r\n$%d\r\n%b\r\n" % (len(time), time))
