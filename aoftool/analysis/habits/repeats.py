"""Is the same value written again: SET and HSET that leave what was there.

Exact for values that a command in the log wrote whole; what the RDB part held is not known here. A command
that changes a value in any other way makes it unknown until it is written whole again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from aoftool.analysis.habits.model import Column, HabitTable, Unit
from aoftool.analysis.habits.reading import KEYS_FOLLOWED
from aoftool.commands.groups import WHOLE
from aoftool.dataclass import dataclass
from aoftool.resp.model import Command
from aoftool.units import counted, format_bytes, format_count, format_share

__all__ = ["Repeats"]

_TIMES = frozenset((b"EX", b"PX", b"EXAT", b"PXAT"))
# Leave the value as it was.
_KEEP_VALUE = frozenset(b"EXPIRE PEXPIRE EXPIREAT PEXPIREAT PERSIST HPEXPIREAT TOUCH GETEX".split())
_COLUMNS = [
    Column("prefix", "prefix", Unit.PREFIX),
    Column("writes", "whole writes", Unit.COUNT),
    Column("same", "same value", Unit.COUNT),
    Column("share", "share", Unit.SHARE),
    Column("same_bytes", "bytes", Unit.BYTES),
    Column("refreshes", "new expire time", Unit.COUNT),
]


@dataclass(slots=True)
class _Row:
    writes: int = 0
    same: int = 0
    same_bytes: int = 0
    refreshes: int = 0


class Repeats:
    """Count writes of the value that was there already."""

    def __init__(self, prefix: Callable[[bytes], bytes], most: int = KEYS_FOLLOWED) -> None:
        self._prefix, self._most = prefix, most
        self._held = 0
        self._left_out = False
        # By database and key: the hash of a string, or those of fields.
        self._values: dict[int, dict[bytes, int | dict[bytes, int]]] = {}
        self._rows: dict[bytes, _Row] = {}

    def add(self, command: Command, keys: list[bytes], place: int) -> None:
        """Take a command."""
        if command.name in WHOLE:
            self._whole(command)
            return
        values = self._values.setdefault(command.db, {})
        if command.name in (b"HSET", b"HMSET"):
            if keys:
                self._hash(command, values)
            return
        pairs = [(key, value) for key, value in _strings(command) if key in keys]
        if pairs:
            for key, value in pairs:
                self._string(command, key, value, len(pairs), values)
        elif command.name not in _KEEP_VALUE:
            for key in keys:
                self._forget(values, key)

    def _string(
        self,
        command: Command,
        key: bytes,
        value: bytes,
        parts: int,
        values: dict[bytes, int | dict[bytes, int]],
    ) -> None:
        told = hash(value)
        same = values.get(key) == told
        timed = command.name in (b"SETEX", b"PSETEX") or bool(
            _TIMES & {word.upper() for word in command.argv[3:]}
        )
        self._count(key, command.length // parts, same, timed)
        if isinstance(values.get(key), dict):
            self._forget(values, key)
        if key in values or self._room():
            self._held += key not in values
            values[key] = told

    def _hash(self, command: Command, values: dict[bytes, int | dict[bytes, int]]) -> None:
        key, words = command.argv[1], command.argv[2:]
        known = values.get(key)
        if not isinstance(known, dict):
            self._forget(values, key)
            known = {}
        pairs = list(zip(words[::2], words[1::2], strict=False))
        same = bool(pairs) and all(known.get(name) == hash(text) for name, text in pairs)
        self._count(key, command.length, same, False)
        for name, text in pairs:
            if name in known or self._room():
                self._held += name not in known
                known[name] = hash(text)
        if known:
            values[key] = known

    def _count(self, key: bytes, size_bytes: int, same: bool, timed: bool) -> None:
        row = self._rows.setdefault(self._prefix(key), _Row())
        row.writes += 1
        if same:
            row.same += 1
            row.same_bytes += size_bytes
            row.refreshes += timed

    def _room(self) -> bool:
        room = self._held < self._most
        self._left_out = self._left_out or not room
        return room

    def _forget(self, values: dict[bytes, int | dict[bytes, int]], key: bytes) -> None:
        gone = values.pop(key, None)
        if gone is not None:
            self._held -= len(gone) if isinstance(gone, dict) else 1

    def _whole(self, command: Command) -> None:
        """Forget what a flush removes; a swap is taken for one, which only misses repeats."""
        chosen = [command.db] if command.name == b"FLUSHDB" else list(self._values)
        for db in chosen:
            values = self._values.get(db, {})
            for key in list(values):
                self._forget(values, key)

    def table(self, top: int) -> HabitTable:
        """Return prefixes by the bytes of repeated values."""
        ranked = sorted(self._rows.items(), key=lambda item: (-item[1].same_bytes, -item[1].writes, item[0]))
        out = HabitTable("same", list(_COLUMNS), left_out=max(len(ranked) - top, 0))
        for prefix, row in ranked[:top]:
            share = row.same / row.writes
            out.rows.append([prefix, row.writes, row.same, share, row.same_bytes, row.refreshes])
        rows = self._rows.values()
        same, writes = sum(row.same for row in rows), sum(row.writes for row in rows)
        size = sum(row.same_bytes for row in rows)
        text = f"{format_count(same)} of {counted(writes, 'whole write')} ({format_share(same, writes)}),"
        out.facts.append(("same value", f"{text} {format_bytes(size)}"))
        if self._left_out:
            out.notes.append(f"more than {format_count(self._most)} values: only the first were followed")
        out.notes.append("the first write of a key is never a repeat: what the RDB part held is not compared")
        return out


def _strings(command: Command) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys that a command gives a whole string, and the strings."""
    name, argv = command.name, command.argv
    if name in (b"SET", b"GETSET", b"SETNX") and len(argv) > 2:
        yield argv[1], argv[2]
    elif name in (b"SETEX", b"PSETEX") and len(argv) > 3:
        yield argv[1], argv[3]
    elif name in (b"MSET", b"MSETNX"):
        yield from zip(argv[1::2], argv[2::2], strict=False)
