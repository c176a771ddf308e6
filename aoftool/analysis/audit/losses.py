"""What the commands of a log destroyed: replay, with a look at the data before each of them.

Costs time and memory like loading the log. Where the effect of a command cannot be known the replay ends, and
the audit says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from aoftool.analysis.audit.audit import MASS_DELETE_KEYS
from aoftool.analysis.audit.expiry_storms import ExpiryStorms
from aoftool.analysis.audit.model import KEPT_OF_EACH, Audit, AuditCode, AuditEvent, Loss
from aoftool.analysis.audit.wasteful import Wasteful
from aoftool.analysis.commands.listing import logged
from aoftool.analysis.history.deletions import is_server_like
from aoftool.aof.model import Log
from aoftool.commands.groups import DELETES, FLUSHES
from aoftool.keyspace.database import StoredValue
from aoftool.keyspace.engine import Keyspace
from aoftool.progress import Progress, no_progress
from aoftool.replay.log_replay import LogReplay
from aoftool.resp.model import Command
from aoftool.units import counted, format_bytes, format_count
from aoftool.values import ModuleValue, StreamValue

__all__ = ["BIG_ELEMENTS", "add_losses"]

BIG_ELEMENTS = 10_000
_BIG_BYTES = 1 << 20
_PREFIXES = 5
# Write over the key that they name as their target.
_RENAMES = frozenset((b"RENAME", b"COPY", b"RESTORE", b"RESTORE-ASKING"))
# Write a whole key out of others, and what was there before is lost.
_MAKERS = frozenset(
    b"COPY BITOP SORT PFMERGE SUNIONSTORE SINTERSTORE SDIFFSTORE ZUNIONSTORE ZINTERSTORE ZDIFFSTORE"
    b" ZRANGESTORE GEOSEARCHSTORE".split()
)


def add_losses(audit: Audit, log: Log, *, progress: Progress = no_progress) -> None:
    """Replay a log and add to an audit what its commands destroyed; adds events that only this shows."""
    _Losses(audit, log).run(progress)
    audit.events.sort(key=lambda event: (event.command.file_number, event.command.offset))


class _Losses:
    def __init__(self, audit: Audit, log: Log) -> None:
        self._audit, self._log = audit, log
        self._storms, self._wasteful = ExpiryStorms(), Wasteful()
        # Of those that are only counted nobody could say which exchanged nothing.
        self._swaps_kept = audit.counts.get(AuditCode.SWAPDB, 0) <= KEPT_OF_EACH
        self._events = {(event.command.file_number, event.command.offset): event for event in audit.events}

    def run(self, progress: Progress) -> None:
        replay = LogReplay(self._log, progress=progress)
        made: tuple[int, Command, int, bytes] | None = None
        for file, command in replay:
            if made is not None:
                self._made(*made, replay.keyspace)
            made = None
            if command.name in _MAKERS and (target := _target(command)) is not None:
                made = file, command, replay.keyspace.selected, target
            self._storms.see(file, command)
            self._wasteful.see(file, command, replay.keyspace)
            self._look(file, command, replay.keyspace)
        self._storms.tell(self._audit, self._log)
        self._wasteful.tell(self._audit, self._log)
        if made is not None and replay.stopped is None:
            self._made(*made, replay.keyspace)
        self._audit.replayed = replay.stopped is None
        if replay.stopped is not None:
            self._audit.notes.append(f"losses are known up to {replay.stopped} only")
        if replay.unknown is not None:
            number, command, what = replay.unknown
            text = f"{what} of {command.name.decode('latin-1')} is known to no release"
            self._add(AuditCode.UNKNOWN, number, command, replay.keyspace, text, None)
        self._audit.writer = replay.writer

    def _look(self, file: int, command: Command, keyspace: Keyspace) -> None:
        """Look at what a command is about to do."""
        name = command.name
        if name in FLUSHES:
            self._flush(file, command, keyspace)
        elif name == b"SWAPDB":
            self._swap(file, command, keyspace)
        elif name in DELETES:
            self._delete(file, command, keyspace)
        elif name in _RENAMES:
            self._overwrite(file, command, keyspace)

    def _made(self, file: int, command: Command, db: int, target: bytes, keyspace: Keyspace) -> None:
        """Note a small command that made a big key out of others."""
        value = keyspace.databases[db].values.get(target)
        if value is None:
            return
        elements, unit = _size(value)
        least = max(_BIG_BYTES, 100 * command.length) if unit == "bytes" else BIG_ELEMENTS
        if elements >= least:
            text = f"{command.name.decode()} of {format_bytes(command.length)} makes a key of"
            text += f" {format_count(elements)} {unit}"
            self._add(AuditCode.LARGE_EFFECT, file, command, keyspace, text, None)

    def _flush(self, file: int, command: Command, keyspace: Keyspace) -> None:
        event = self._events.get((file, command.offset))
        if event is None:
            return
        databases = keyspace.databases
        if command.name == b"FLUSHDB":
            databases = [databases[keyspace.selected]]
        event.loss = _loss(key for database in databases for key in database.values)

    def _swap(self, file: int, command: Command, keyspace: Keyspace) -> None:
        event, argv = self._events.get((file, command.offset)), command.argv
        if event is None or len(argv) != 3:
            return
        numbers = [int(word[:9]) for word in argv[1:] if word.isdigit()]
        if len(numbers) == 2:
            # A database is there from the first command on that names it.
            held = dict(enumerate(keyspace.databases))
            sizes = [len(held.get(number, ())) for number in numbers]
            if not any(sizes) and self._swaps_kept:
                self._audit.drop(event)
                return
            one, two = (counted(size, "key") for size in sizes)
            event.text = f"SWAPDB exchanges {one} of db {numbers[0]} and {two} of db {numbers[1]}"

    def _delete(self, file: int, command: Command, keyspace: Keyspace) -> None:
        database = keyspace.databases[keyspace.selected]
        values = database.values
        there = [key for key in dict.fromkeys(command.argv[1:]) if key in values]
        if there and is_server_like(command.argv) and (due_ms := database.expires.get(there[0])) is not None:
            self._storms.delete(file, command, there[0], due_ms)
        event = self._events.get((file, command.offset))
        if event is not None and event.code in (AuditCode.MASS_DELETE, AuditCode.DELETE_MANY):
            event.loss = _loss(there)
        if len(there) > MASS_DELETE_KEYS:
            return
        for key in there:
            elements, unit = _size(values[key])
            if elements >= (_BIG_BYTES if unit == "bytes" else BIG_ELEMENTS):
                text = f"{command.name.decode()} of a key of {format_count(elements)} {unit}"
                self._add(AuditCode.BIG_DELETE, file, command, keyspace, text, Loss(1, elements=elements))

    def _overwrite(self, file: int, command: Command, keyspace: Keyspace) -> None:
        """Note a command that puts a whole key in the place of another."""
        name, argv = command.name, command.argv
        target = argv[2] if name in (b"RENAME", b"COPY") and len(argv) > 2 else argv[1] if argv[1:] else b""
        values = keyspace.databases[keyspace.selected].values
        words = {word.upper() for word in argv[3:]}
        if name != b"RENAME" and b"REPLACE" not in words:
            return
        source = argv[1]
        if target not in values or (name == b"RENAME" and (source == target or source not in values)):
            return
        if name == b"COPY" and (b"DB" in words or source not in values):
            return
        elements, unit = _size(values[target])
        text = f"{name.decode()} over a key that was there, of {format_count(elements)} {unit}"
        self._add(AuditCode.OVERWRITTEN, file, command, keyspace, text, Loss(1, elements=elements))

    def _add(
        self, code: AuditCode, file: int, command: Command, keyspace: Keyspace, text: str, loss: Loss | None
    ) -> None:
        if self._audit.count(code):
            row = logged(command, self._log.files[file], file)
            self._audit.events.append(AuditEvent(code, row, text, size_bytes=command.length, loss=loss))


def _target(command: Command) -> bytes | None:
    """Return the key that a command makes out of others."""
    argv = command.argv
    if command.name == b"SORT":
        upper = [word.upper() for word in argv]
        at = upper.index(b"STORE") + 1 if b"STORE" in upper else len(argv)
        return argv[at] if at < len(argv) else None
    at = 2 if command.name in (b"COPY", b"BITOP") else 1
    return argv[at] if len(argv) > at else None


def _size(value: StoredValue) -> tuple[int, str]:
    if isinstance(value, bytes | bytearray):
        return len(value), "bytes"
    if isinstance(value, StreamValue):
        return len(value.entries), "entries"
    if isinstance(value, ModuleValue):
        return len(value.raw), "bytes"
    return len(value), "elements"


def _loss(keys: Iterable[bytes]) -> Loss:
    """Count keys and their prefixes, those up to the first colon."""
    prefixes: Counter[bytes] = Counter()
    count = 0
    for key in keys:
        count += 1
        head, colon, _ = key.partition(b":")
        if colon:
            prefixes[head + colon] += 1
    ranked = sorted(prefixes.items(), key=lambda item: (-item[1], item[0]))
    return Loss(count, tuple(ranked[:_PREFIXES]))
