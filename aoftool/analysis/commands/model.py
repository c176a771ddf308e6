"""Commands of a log as a listing shows them: plain data."""

from __future__ import annotations

from datetime import datetime, timezone

from aoftool.analysis.clock.model import TimeBounds
from aoftool.dataclass import dataclass
from aoftool.resp.model import Command

__all__ = [
    "COMMAND_SCHEMA",
    "UNKNOWN",
    "LoggedCommand",
    "as_logged",
]

COMMAND_SCHEMA = "aoftool.command/1"
"""What a command as a JSON object says it is."""

UNKNOWN = -1
"""Database or transaction number that the part of the log which was read does not tell."""


@dataclass(slots=True)
class LoggedCommand:
    """One command.

    Attributes:
        file: printable name.
        file_number: number of the file in load order.
        offset, length: its span, framing included.
        index: commands before it in the file; `UNKNOWN` when nobody counted.
        db: database it runs in, `UNKNOWN` before the first SELECT of a partial reading.
        txn: number of its transaction in the file, MULTI and EXEC included; 0 outside, or `UNKNOWN`.
        time_s: the last `#TS` before it, None without one.
        argv: arguments; long ones may be cut.
        lengths: their true lengths when any was cut, else None.
        is_context: it is no hit, but stands near one.
        bounds: when it ran, where it has no `#TS` and somebody inferred it.
    """

    file: str
    file_number: int
    offset: int
    length: int
    index: int
    db: int
    txn: int
    time_s: int | None
    argv: list[bytes]
    lengths: list[int] | None = None
    is_context: bool = False
    bounds: TimeBounds | None = None

    @property
    def name(self) -> bytes:
        """Return the command name in upper case."""
        return self.argv[0].upper()

    @property
    def time(self) -> datetime | None:
        """Return the last `#TS` before it, in UTC; None without one."""
        return None if self.time_s is None else datetime.fromtimestamp(self.time_s, timezone.utc)


def as_logged(command: Command, file: str, number: int) -> LoggedCommand:
    """Return a command as a listing shows it.

    Args:
        file: printable name of the file it stands in.
        number: of that file, in load order.
    """
    return LoggedCommand(
        file,
        number,
        command.offset,
        command.length,
        command.index,
        command.db,
        command.txn,
        command.time_s if command.time_s >= 0 else None,
        command.argv,
        command.lengths,
    )
