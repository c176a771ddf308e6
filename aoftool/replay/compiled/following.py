"""Follow every command of a stream: in compiled code where that is plain, by the keyspace for the rest.

Knows which keys the keyspace must hold before it executes a command; what commands do is `aoftool.keyspace`.
Memory is that of the data, and one piece of the stream or its largest command.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from aoftool.commands.groups import ACROSS
from aoftool.commands.roles import keys_of
from aoftool.commands.table import CommandSpec, lookup_argv
from aoftool.files.source import Source
from aoftool.kernels import kernel_alone
from aoftool.keyspace.engine import Keyspace
from aoftool.resp.canonical import NotCanonical, split_command
from aoftool.resp.frame import read_frame
from aoftool.resp.model import Command

__all__ = ["Following", "can_follow"]

_PIECE_BYTES = 1 << 20
# They have no keys and touch none.
_KEYLESS = frozenset({b"SELECT", b"MULTI", b"EXEC", b"DISCARD", b"PING", b"ECHO", b"PUBLISH", b"SPUBLISH"})
# A pattern of it may name any key.
_NAMES_MORE = frozenset({b"SORT", b"SORT_RO"})

Execute = Callable[[Command, bool], bool]
"""Executes a command in the keyspace, given whether it stands in a transaction; false to go no further."""


class FollowerLike(Protocol):
    """What `_follow_cy` offers."""

    db: int
    inside: bool
    transactions: int

    def feed(self, data: memoryview, base: int, bare: bool) -> int:
        """Execute commands from the start of the data, and return where one stands that is not plain."""

    def let_go_of(self, db: int, key: bytes) -> None:
        """Have a key in the keyspace."""

    def let_go_of_all(self) -> None:
        """Have every key in the keyspace."""

    def export(self) -> None:
        """Move what is held to the keyspace."""

    def forget(self, db: int) -> None:
        """Drop every key of a database that is flushed."""

    def count(self, now_ms: int) -> tuple[int, int]:
        """Return how many keys are held, and of how many the expire time has come."""

    def take_idle(self) -> list[tuple[bytes, int, int]]:
        """Return (name, how many, offset of the first) of commands that had nothing to do."""

    def names_run(self) -> set[bytes]:
        """Return the names of commands that were executed."""


_compiled = kernel_alone("aoftool.replay.compiled._follow_cy")


def can_follow() -> bool:
    """Tell whether there is compiled code to follow with."""
    return _compiled is not None


class Following:
    """Commands followed with a keyspace, which nobody else uses meanwhile.

    Args:
        keyspace: what it holds already stays there until it is needed.

    Attributes:
        follower: the compiled side.
        handed_back: upper-case names of the commands that went to the keyspace.
    """

    def __init__(self, keyspace: Keyspace) -> None:
        assert _compiled is not None
        self._keyspace = keyspace
        empty = not any(database.values for database in keyspace.databases)
        self.follower: FollowerLike = _compiled.Follower(keyspace, keyspace.command_names, empty)
        self.handed_back: set[bytes] = set()

    def run(self, source: Source, start: int, end: int, execute: Execute, *, bare: bool) -> bool:
        """Execute the whole commands of a range; tell whether it was followed to its end.

        Args:
            execute: is given what is not plain.
            bare: no transaction of the range is odd, and none is open at its end.
        """
        self.follower.db = self._keyspace.selected
        self.follower.inside = False
        at, window = start, _PIECE_BYTES
        while at < end:
            data = memoryview(source.read_at(at, min(window, end - at)))
            taken = self._piece(data, at, execute, bare=bare)
            if taken is None:
                return False
            if not taken and at + len(data) >= end:
                break
            at += taken
            # A command larger than a piece is read again when there is twice as much of it.
            window = _PIECE_BYTES if taken else window * 2
        self._select()
        return True

    def _piece(self, data: memoryview, base: int, execute: Execute, *, bare: bool) -> int | None:
        """Execute the whole commands of some bytes and return how many bytes they take; None to stop."""
        taken = 0
        while True:
            if not self._keyspace.in_transaction:
                taken += self.follower.feed(data[taken:], base + taken, bare)
            if taken >= len(data):
                return taken
            found = _command_at(data, taken, base)
            if found is None:
                return taken
            command, length = found
            if command is not None and not self._one(command, execute):
                return None
            taken += length

    def _one(self, command: Command, execute: Execute) -> bool:
        self._select()
        command.db = self.follower.db
        self.handed_back.add(command.name)
        self._give(command)
        done = execute(command, self.follower.inside)
        self.follower.db = self._keyspace.selected
        return done

    def _select(self) -> None:
        if self._keyspace.selected != self.follower.db:
            self._keyspace.execute((b"SELECT", b"%d" % self.follower.db))

    def _give(self, command: Command) -> None:
        """Have the keys of a command in the keyspace."""
        name, follower = command.name, self.follower
        if name in _KEYLESS:
            return
        if name == b"FLUSHDB" and len(command.argv) == 1:
            follower.forget(command.db)
        elif name == b"FLUSHALL" and len(command.argv) == 1:
            for db in range(len(self._keyspace.databases)):
                follower.forget(db)
        elif not _names_its_keys(lookup_argv(command.argv), name):
            follower.let_go_of_all()
        else:
            everywhere = range(len(self._keyspace.databases)) if name in ACROSS else (command.db,)
            for key in keys_of(command.argv):
                for db in everywhere:
                    follower.let_go_of(db, key)


def _names_its_keys(spec: CommandSpec | None, name: bytes) -> bool:
    """Tell whether the table says all keys that a command touches."""
    if spec is None or name in _NAMES_MORE or not spec.key_rules:
        return False
    return all(rule.known for rule in spec.key_rules)


def _command_at(data: memoryview, at: int, base: int) -> tuple[Command | None, int] | None:
    """Return the command at an index, none for other lines, with its length; None when not all is there."""
    if data[at] == ord("#"):
        line = bytes(data[at:]).find(b"\n")
        return None if line < 0 else (None, line + 1)
    try:
        found = split_command(data, at)
        if found is None:
            return None
        argv, end = found
        length = end - at
    except NotCanonical:
        frame = read_frame(data[at:], base + at)
        argv, length = frame.argv, frame.length
    return (Command(base + at, length, argv) if argv else None), length
