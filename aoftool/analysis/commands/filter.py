"""Which commands are asked for, and how much of that can be decided while scanning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aoftool.analysis.commands.model import LoggedCommand
from aoftool.aof.stretch import Stretch
from aoftool.commands.roles import keys_of
from aoftool.commands.wrapped import WRAPPER
from aoftool.dataclass import dataclass, field
from aoftool.pattern import literal_of
from aoftool.resp.watch import Watch

if TYPE_CHECKING:
    from aoftool.keyspace.selection import KeySelection

__all__ = ["EVERYTHING", "CommandFilter"]

EVERYTHING = Watch(min_length=1)


@dataclass(frozen=True, slots=True)
class CommandFilter:
    """What a command must be to be shown; None and 0 ask nothing.

    Attributes:
        names: in upper case; `XGROUP CREATE` names a subcommand.
        keys: one of its keys is among these.
        selection: one of its keys has a name that is admitted (glob or regex).
        glob: the glob as typed, for finding candidates fast.
        dbs: databases.
        stretch: ran, or may have, in this part of the log; its places are not asked about here.
        txn: number of the transaction; 0 asks for commands outside.
        min_size: bytes with framing.
    """

    names: frozenset[bytes] = frozenset()
    keys: frozenset[bytes] = frozenset()
    selection: KeySelection | None = None
    glob: bytes | None = None
    dbs: frozenset[int] | None = None
    stretch: Stretch = field(default_factory=Stretch)
    txn: int | None = None
    min_size: int = 0

    @property
    def asks_time(self) -> bool:
        """Tell whether only commands of known time can pass."""
        return self.stretch.asks_time

    @property
    def looks_at_columns(self) -> bool:
        """Tell whether it asks for no names and no keys: length, database, transaction and time decide."""
        return not self.names and not self.keys and self.selection is None

    @property
    def longest(self) -> int:
        """Return how many bytes of an argument must be kept to decide."""
        if self.selection is not None:
            return 64 * 1024
        return max((len(key) for key in self.keys), default=0)

    def watch(self) -> Watch:
        """Return what finds all candidates; they must still be asked about one by one."""
        wrapper = frozenset((WRAPPER,))
        if self.keys:
            return Watch(keys=self.keys, names=wrapper)
        if self.glob is not None:
            literal, at_start = literal_of(self.glob)
            if literal:
                return Watch(literal=literal, at_start=at_start, names=wrapper)
        if self.names:
            return Watch(names=wrapper | {name.split(b" ")[0] for name in self.names})
        return Watch(min_length=max(self.min_size, 1))

    def admits(self, command: LoggedCommand) -> bool:
        """Tell whether a command is asked for."""
        if command.length < self.min_size:
            return False
        if self.names and not self._named(command.argv):
            return False
        if self.dbs is not None and command.db not in self.dbs:
            return False
        if self.txn is not None and command.txn != self.txn:
            return False
        return self._in_time(command) and self._keyed(command)

    def _named(self, argv: Sequence[bytes]) -> bool:
        name = argv[0].upper()
        return name in self.names or (len(argv) > 1 and name + b" " + argv[1].upper() in self.names)

    def _in_time(self, command: LoggedCommand) -> bool:
        """Tell whether a command ran in the time asked for, or may have where its time is inferred."""
        if not self.asks_time:
            return True
        time_s = command.time_s
        if time_s is not None:
            return self.stretch.may_hold_time(time_s, time_s)
        if command.bounds is None:
            return False
        earliest, latest = command.bounds.earliest_ms, command.bounds.latest_ms
        return self.stretch.may_hold_time(
            None if earliest is None else earliest // 1000, None if latest is None else latest // 1000
        )

    def _keyed(self, command: LoggedCommand) -> bool:
        if not self.keys and self.selection is None:
            return True
        keys = keys_of(command.argv)
        if self.keys and self.keys.isdisjoint(keys):
            return False
        selection = self.selection
        return selection is None or any(selection.admits(command.db, key, "", None) for key in keys)
