"""What became of the bytes of commands: live, or dead, and by what cause; exact to the element.

A command has effects: the value it sets, each field, member or item it writes, the expire time it gives. Its
bytes are shared out over them, and a share is dead when its effect is overwritten, deleted, popped, trimmed
or flushed. So this sees what `inspect` does not, which takes keys as a whole: a hash of which every field was
written a hundred times. Commands that only take away are dead at once. A command that is not described here
counts as live as long as its keys are there.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Hashable

from aoftool.analysis.habits.model import Column, HabitTable, Unit
from aoftool.commands.groups import EXPIRES, REMOVES_KEYS
from aoftool.dataclass import dataclass, field
from aoftool.resp.model import Command
from aoftool.units import format_bytes, format_share

__all__ = ["Churn"]

_VALUE, _EXPIRE = b"value", b"expire"
_COLUMNS = [
    Column("cause", "bytes are", Unit.NAME),
    Column("size_bytes", "bytes", Unit.BYTES),
    Column("share", "share", Unit.SHARE),
]
# Write a whole key, so that all that was written to it before is dead.
_SETS = frozenset(b"SET SETEX PSETEX GETSET SETNX RESTORE RESTORE-ASKING".split())
# Write a number over the one before.
_COUNTS = frozenset(b"INCR DECR INCRBY DECRBY INCRBYFLOAT".split())
# Write a whole key out of others.
_STORES = frozenset(
    b"SUNIONSTORE SINTERSTORE SDIFFSTORE ZUNIONSTORE ZINTERSTORE ZDIFFSTORE ZRANGESTORE"
    b" GEOSEARCHSTORE".split()
)
_ZADD_WORDS = frozenset(b"NX XX GT LT CH INCR".split())


@dataclass(slots=True)
class _Key:
    """The effects that are left of a key: by element, and items of a list in order."""

    cells: dict[Hashable, int] = field(default_factory=dict)
    items: deque[int] = field(default_factory=deque)


class Churn:
    """Follow every effect until something undoes it."""

    def __init__(self) -> None:
        self._keys: dict[int, dict[bytes, _Key]] = {}
        self._dead: Counter[str] = Counter()
        self._total = 0
        self._share = 0
        self._known: dict[bytes, Callable[[Command, dict[bytes, _Key]], None]] = {
            **dict.fromkeys(_SETS, self._set),
            **dict.fromkeys(_COUNTS, self._count),
            **dict.fromkeys(EXPIRES, self._expire),
            **dict.fromkeys(REMOVES_KEYS, self._delete),
            **dict.fromkeys(_STORES, self._store),
            **dict.fromkeys((b"HSET", b"HMSET"), self._hset),
            **dict.fromkeys((b"HDEL", b"SREM", b"ZREM", b"XDEL"), self._remove),
            **dict.fromkeys((b"HINCRBY", b"HINCRBYFLOAT"), self._hincr),
            **dict.fromkeys((b"LPUSH", b"RPUSH"), self._push),
            **dict.fromkeys((b"LPOP", b"RPOP"), self._pop),
            b"SADD": self._sadd,
            b"ZADD": self._zadd,
            b"ZINCRBY": self._zincr,
            b"MSET": self._mset,
            b"PERSIST": self._persist,
            b"RENAME": self._rename,
            b"XADD": self._xadd,
        }

    def add(self, command: Command, keys: list[bytes], place: int) -> None:
        """Take a command."""
        self._total += command.length
        name = command.name
        if name in (b"FLUSHALL", b"FLUSHDB"):
            for db in list(self._keys) if name == b"FLUSHALL" else [command.db]:
                for gone in self._keys.pop(db, {}).values():
                    self._end(gone, "flushed")
            self._dead["flushed"] += command.length
            return
        if name == b"SWAPDB":
            self._swap(command)
            return
        held = self._keys.setdefault(command.db, {})
        act = self._known.get(name)
        if act is not None and len(command.argv) > 1:
            act(command, held)
            return
        for key in keys:
            held.setdefault(key, _Key()).cells[(name, place)] = command.length // len(keys)

    # -- what undoes ---------------------------------------------------------------------------

    def _end(self, key: _Key | None, cause: str) -> None:
        if key is not None:
            self._dead[cause] += sum(key.cells.values()) + sum(key.items)

    def _put(self, key: _Key, cell: Hashable, share: int) -> None:
        self._dead["overwritten"] += key.cells.get(cell, 0)
        key.cells[cell] = share

    def _put_all(self, command: Command, key: _Key, cells: list[Hashable]) -> None:
        """Share the bytes of a command out over the elements that it writes."""
        for number, cell in enumerate(cells):
            share = command.length * (number + 1) // len(cells) - command.length * number // len(cells)
            self._put(key, cell, share)

    # -- commands ------------------------------------------------------------------------------

    def _set(self, command: Command, held: dict[bytes, _Key]) -> None:
        name = command.argv[1]
        old = held.pop(name, None)
        new = held[name] = _Key({_VALUE: command.length})
        keeps = b"KEEPTTL" in {word.upper() for word in command.argv[3:]}
        if keeps and old is not None and _EXPIRE in old.cells:
            new.cells[_EXPIRE] = old.cells.pop(_EXPIRE)
        self._end(old, "overwritten")

    def _mset(self, command: Command, held: dict[bytes, _Key]) -> None:
        names = command.argv[1::2]
        for number, name in enumerate(names):
            self._end(held.pop(name, None), "overwritten")
            share = command.length * (number + 1) // len(names) - command.length * number // len(names)
            held[name] = _Key({_VALUE: share})

    def _store(self, command: Command, held: dict[bytes, _Key]) -> None:
        self._end(held.pop(command.argv[1], None), "overwritten")
        held[command.argv[1]] = _Key({_VALUE: command.length})

    def _count(self, command: Command, held: dict[bytes, _Key]) -> None:
        self._put(held.setdefault(command.argv[1], _Key()), _VALUE, command.length)

    def _expire(self, command: Command, held: dict[bytes, _Key]) -> None:
        key = held.get(command.argv[1])
        if key is None:
            key = held[command.argv[1]] = _Key()
        self._put(key, _EXPIRE, command.length)

    def _persist(self, command: Command, held: dict[bytes, _Key]) -> None:
        key = held.get(command.argv[1])
        self._dead["overwritten"] += command.length + (key.cells.pop(_EXPIRE, 0) if key is not None else 0)

    def _delete(self, command: Command, held: dict[bytes, _Key]) -> None:
        self._dead["deleted"] += command.length
        for name in command.argv[1:]:
            self._end(held.pop(name, None), "deleted")

    def _remove(self, command: Command, held: dict[bytes, _Key]) -> None:
        self._dead["deleted"] += command.length
        key = held.get(command.argv[1])
        for element in command.argv[2:] if key is not None else ():
            assert key is not None
            self._dead["deleted"] += key.cells.pop((element,), 0)

    def _hset(self, command: Command, held: dict[bytes, _Key]) -> None:
        key = held.setdefault(command.argv[1], _Key())
        self._put_all(command, key, [(field_name,) for field_name in command.argv[2::2]])

    def _hincr(self, command: Command, held: dict[bytes, _Key]) -> None:
        self._put_all(
            command, held.setdefault(command.argv[1], _Key()), [(word,) for word in command.argv[2:3]]
        )

    def _sadd(self, command: Command, held: dict[bytes, _Key]) -> None:
        self._put_all(
            command, held.setdefault(command.argv[1], _Key()), [(word,) for word in command.argv[2:]]
        )

    def _zadd(self, command: Command, held: dict[bytes, _Key]) -> None:
        at = 2
        while at < len(command.argv) and command.argv[at].upper() in _ZADD_WORDS:
            at += 1
        members: list[Hashable] = [(word,) for word in command.argv[at + 1 :: 2]]
        self._put_all(command, held.setdefault(command.argv[1], _Key()), members)

    def _zincr(self, command: Command, held: dict[bytes, _Key]) -> None:
        self._put_all(
            command, held.setdefault(command.argv[1], _Key()), [(word,) for word in command.argv[3:4]]
        )

    def _push(self, command: Command, held: dict[bytes, _Key]) -> None:
        items = held.setdefault(command.argv[1], _Key()).items
        put = items.appendleft if command.name == b"LPUSH" else items.append
        count = len(command.argv) - 2
        for number in range(count):
            put(command.length * (number + 1) // count - command.length * number // count)

    def _pop(self, command: Command, held: dict[bytes, _Key]) -> None:
        self._dead["popped"] += command.length
        key = held.get(command.argv[1])
        word = command.argv[2] if len(command.argv) > 2 else b"1"
        for _ in range(int(word[:9]) if word.isdigit() else 0):
            if key is None or not key.items:
                return
            self._dead["popped"] += key.items.popleft() if command.name == b"LPOP" else key.items.pop()

    def _xadd(self, command: Command, held: dict[bytes, _Key]) -> None:
        """Take an entry; a stream that is kept short loses its oldest."""
        items = held.setdefault(command.argv[1], _Key()).items
        items.append(command.length)
        words = [word.upper() for word in command.argv[2:6]]
        if b"MAXLEN" in words:
            number = next((word for word in command.argv[3:6] if word.isdigit()), b"")
            while number and len(items) > int(number[:18]):
                self._dead["trimmed"] += items.popleft()

    def _rename(self, command: Command, held: dict[bytes, _Key]) -> None:
        if len(command.argv) != 3:
            return
        old, new = command.argv[1:]
        if old != new:
            self._end(held.pop(new, None), "overwritten")
        moved = held.pop(old, _Key())
        moved.cells[b"name"] = moved.cells.get(b"name", 0) + command.length
        held[new] = moved

    def _swap(self, command: Command) -> None:
        argv = command.argv
        if len(argv) == 3 and argv[1].isdigit() and argv[2].isdigit():
            one, two = int(argv[1][:9]), int(argv[2][:9])
            self._keys[one], self._keys[two] = self._keys.get(two, {}), self._keys.get(one, {})

    def table(self, top: int) -> HabitTable:
        """Return live bytes, and dead ones by cause."""
        out = HabitTable("churn", list(_COLUMNS))
        dead = sum(self._dead.values())
        live = self._total - dead
        for cause, size in [
            ("live", live),
            *sorted(self._dead.items(), key=lambda item: (-item[1], item[0])),
        ]:
            if size:
                out.rows.append([cause.encode(), size, size / self._total])
        times = f", {self._total / live:.1f} written for each that lives" if live > 0 else ""
        text = f"{format_bytes(self._total)} of commands, {format_share(dead, self._total)} dead{times}"
        out.facts.append(("churn", text))
        out.notes.append(
            "by effect: fields, members and items one by one; framing and the RDB part not counted"
        )
        return out
