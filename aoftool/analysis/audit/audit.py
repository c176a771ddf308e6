"""Find in a log what an operator would want to know: commands that lose data, odd ones, large ones.

One pass over columns finds the candidates, and only those are read. What was lost by them takes a replay of
the whole log (`audit_replay`); without one such numbers are left out, never guessed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from functools import cache

import numpy as np

from aoftool.analysis.audit.groups import Column, Group, Grouping
from aoftool.analysis.audit.intrusion import SuspectWords, intrusion_in
from aoftool.analysis.audit.model import Audit, AuditCode, AuditEvent
from aoftool.analysis.audit.plain_parts import plain_parts
from aoftool.analysis.clock.bounds import created_s
from aoftool.analysis.commands.listing import logged
from aoftool.analysis.commands.model import UNKNOWN, LoggedCommand
from aoftool.analysis.commands.neighbours import commands_before, commands_from
from aoftool.analysis.history.deletions import is_server_like, own_spelling
from aoftool.aof.ending import note_rdb, note_stop
from aoftool.aof.ending_model import ListingEnd
from aoftool.aof.log import LogPart
from aoftool.aof.model import Log, Place
from aoftool.aof.stretch import Stretch
from aoftool.commands.groups import DELETES, SCRIPTS
from aoftool.commands.table import CONTAINERS, lookup
from aoftool.errors import SourceError
from aoftool.escape import excerpt
from aoftool.progress import Progress, no_progress
from aoftool.resp.batch import Batch, BatchReader
from aoftool.resp.frame import argv_at
from aoftool.resp.model import Command
from aoftool.units import counted, format_bytes, format_count

__all__ = ["MASS_DELETE_KEYS", "audit_log", "code_of", "common_prefix"]

LARGE_COMMAND_BYTES = 1 << 20
LARGE_TRANSACTION_COMMANDS = 1_000
LARGE_TRANSACTION_BYTES = 16 << 20
RUN_COMMANDS = 10_000
DELETE_RUN_COMMANDS = 100
MASS_DELETE_KEYS = 100
LARGE_EFFECT_BYTES = 1 << 20
_EFFECT_FACTOR = 100
_EFFECT_KEYS = 10_000
_NO_LIMIT = 2**62
_KEEP_BYTES = 256
_SUSPECT_BYTES = 64 * 1024
# Make a string as long as their offset says, of which a few bytes are written.
_AT_OFFSET = frozenset((b"SETRANGE", b"SETBIT"))
_KEYS_COMPARED = 1_000
_SCRIPTS = SCRIPTS | {b"SCRIPT"}
# What servers never write to a log: its presence means that somebody else wrote there.
_ADMIN = frozenset(
    b"CONFIG REPLICAOF SLAVEOF DEBUG ACL MODULE SHUTDOWN BGREWRITEAOF BGSAVE SAVE MIGRATE WATCH".split()
)
_BY_NAME = {
    **dict.fromkeys((b"FLUSHALL", b"FLUSHDB"), AuditCode.FLUSH),
    b"SWAPDB": AuditCode.SWAPDB,
    b"FUNCTION": AuditCode.FUNCTION,
    **dict.fromkeys(_SCRIPTS, AuditCode.SCRIPT),
    **dict.fromkeys(_ADMIN, AuditCode.ADMIN),
}


def code_of(name: bytes, argc: int) -> AuditCode | None:
    """Return what a command of this upper-case name and number of arguments is, by its text alone."""
    code = _BY_NAME.get(name)
    if code is not None:
        return code
    if name in DELETES:
        if argc > MASS_DELETE_KEYS:
            return AuditCode.MASS_DELETE
        return AuditCode.DELETE_MANY if argc > 2 else None
    return AuditCode.UNKNOWN if lookup(name) is None else None


def audit_log(
    log: Log, *, context: int = 0, stretch: Stretch | None = None, progress: Progress = no_progress
) -> Audit:
    """Return what stands out in the command streams of a log.

    Args:
        context: so many commands before and behind each event of high severity.
        stretch: only events that may lie in it; those of unknown time are kept, for `keep_in_stretch`.

    Raises:
        SourceError: standard input, which can be read only once.
        SinkError: there is no room for a plain copy of a compressed file.
    """
    audit = Audit(path=log.path)
    end = ListingEnd()
    family = cache(lambda: _family_of(log))
    for number, (part, loss) in enumerate(plain_parts(log, progress)):
        if not part.source.seekable and (part.tail_start is None or part.source.peek(1)):
            message = f"{part.source.name} can be read only once, and an audit goes back"
            raise SourceError(message, path=part.source.path, hint="unpack it to a file first")
        if not part.source.seekable and part.rdb is None:
            # Standard input with nothing in it.
            continue
        if part.rdb is not None:
            audit.base_s = created_s(part.rdb.aux)
            audit.has_base = True
        note_rdb(end, part)
        if part.tail_start is None:
            break
        _PartAudit(audit, part, number, context, stretch or Stretch(), family).run(
            part.tail_start, end, progress
        )
        if loss is not None and end.damage is None:
            end.damage = (part.file.shown_name, loss.offset or 0, loss.message)
        if end.damage is not None:
            break
    audit.damage = end.told
    audit.events.sort(key=lambda event: (event.command.file_number, event.command.offset))
    return audit


def _family_of(log: Log) -> str | None:
    """Return `redis` or `valkey`, None when a log does not say who wrote it; may read all of it."""
    # Only here: few logs hold a run of deletions, and this loads what replay needs.
    from aoftool.replay.log_writer import writer_of_log

    return writer_of_log(log).family


class _PartAudit:
    """Audit one file.

    Args:
        family: tells who wrote the log, if asked.
    """

    def __init__(
        self,
        audit: Audit,
        part: LogPart,
        number: int,
        context: int,
        stretch: Stretch,
        family: Callable[[], str | None],
    ) -> None:
        self._audit, self._part, self._number, self._context = audit, part, number, context
        self._stretch = stretch
        self._family = family
        self._transactions = Grouping(LARGE_TRANSACTION_COMMANDS, LARGE_TRANSACTION_BYTES)
        self._runs = Grouping(RUN_COMMANDS, _NO_LIMIT)
        self._deletes = Grouping(DELETE_RUN_COMMANDS, _NO_LIMIT)
        self._names: list[tuple[bytes, bytes | None]] = []
        self._wanted: Column = np.zeros(0, np.int64)
        self._is_delete: Column = np.zeros(0, np.int64)
        self._start = part.tail_start or 0
        self._suspects: list[int] = []
        self._effects: dict[tuple[int, bytes], int] = {}

    def run(self, start: int, end: ListingEnd, progress: Progress) -> None:
        """Read the file once, in batches."""
        words = SuspectWords()
        self._suspects = words.offsets
        with self._part.source.reopen() as source:
            reader = BatchReader(source, start=start, containers=CONTAINERS, look=words.look)
            for batch in reader:
                self._learn(batch.names)
                self._take(batch)
                progress(int(batch.length.sum()))
        for group in self._transactions.end():
            self._note_transaction(group)
        for group in self._runs.end():
            self._note_run(group)
        for group in self._deletes.end():
            self._note_deletes(group)
        tally = reader.tally()
        self._audit.commands += tally.commands
        note_stop(end, self._part, tally.stop, tally.transactions.open_offset)
        if tally.transactions.open_offset is not None:
            self._note_open(tally.transactions.open_offset, tally.transactions.open_commands)

    def _learn(self, names: list[tuple[bytes, bytes | None]]) -> None:
        """Decide which names are to be looked at: 1 always, 2 with more than one key."""
        if len(names) == len(self._names):
            return
        self._names = names
        wanted = [0 if number == 0 else _interest(name) for number, (name, _) in enumerate(names)]
        wanted[0] = 1
        self._wanted = np.array(wanted, np.int64)
        self._is_delete = np.array([int(name in DELETES) for name, _ in names], np.int64)

    def _take(self, batch: Batch) -> None:
        interest = self._wanted[batch.command]
        large = batch.length >= LARGE_COMMAND_BYTES
        chosen = (interest == 1) | ((interest == 2) & (batch.argc > 2)) | large
        for row in np.flatnonzero(chosen).tolist():
            self._note_command(batch, row)
        for row in self._suspect_rows(batch):
            self._note_suspect(batch, row)
        for group in self._transactions.add(batch, batch.txn):
            self._note_transaction(group)
        # Numbers from 1 on, so that none is taken for no group.
        for group in self._runs.add(batch, batch.command + 1):
            self._note_run(group)
        for group in self._deletes.add(batch, self._is_delete[batch.command]):
            self._note_deletes(group)

    # -- events --------------------------------------------------------------------------------

    def _suspect_rows(self, batch: Batch) -> list[int]:
        """Return the commands of a batch that hold a suspect word."""
        end = int(batch.offset[-1] + batch.length[-1])
        first = bisect_left(self._suspects, int(batch.offset[0]))
        inside = self._suspects[first : bisect_left(self._suspects, end)]
        rows: list[int] = np.unique(np.searchsorted(batch.offset, inside, side="right") - 1).tolist()
        return rows

    def _note_suspect(self, batch: Batch, row: int) -> None:
        command = self._command(batch, row, _SUSPECT_BYTES)
        words = intrusion_in(command.argv)
        if words is not None:
            found = logged(cut(command, _KEEP_BYTES), self._part.file, self._number)
            text = f"{excerpt(command.name)} of {words}: see whether it belongs here, and keep the files"
            self._add(AuditEvent(AuditCode.INTRUSION, found, text, size_bytes=command.length))

    def _command(self, batch: Batch, row: int, limit: int = _KEEP_BYTES) -> Command:
        command = argv_at(self._part.source, int(batch.offset[row]), limit=limit)
        command.db, command.txn = int(batch.db[row]), int(batch.txn[row])
        command.time_s, command.index = int(batch.time_s[row]), batch.first_index + row
        return command

    def _note_command(self, batch: Batch, row: int) -> None:
        command = self._command(batch, row)
        logged_command = logged(command, self._part.file, self._number)
        effect = reach_of(command)
        if effect >= max(LARGE_EFFECT_BYTES, _EFFECT_FACTOR * command.length):
            self._note_effect(command, logged_command, effect)
        code = code_of(command.name, len(command.argv))
        if code is not None:
            self._add(AuditEvent(code, logged_command, _words(code, command), size_bytes=command.length))
        if command.length >= LARGE_COMMAND_BYTES:
            text = f"{excerpt(command.name)} of {format_bytes(command.length)}"
            self._add(AuditEvent(AuditCode.LARGE_COMMAND, logged_command, text, size_bytes=command.length))

    def _note_effect(self, command: Command, row: LoggedCommand, effect: int) -> None:
        """Note a small command that makes a value large, once for each key unless it grows on."""
        key = command.db, command.argv[1]
        if effect <= self._effects.get(key, 0) or len(self._effects) >= _EFFECT_KEYS:
            return
        self._effects[key] = effect
        times = format_count(effect // command.length)
        text = f"{excerpt(command.name)} of {format_bytes(command.length)} makes {format_bytes(effect)}"
        text += f" of memory, {times} times as much"
        self._add(AuditEvent(AuditCode.LARGE_EFFECT, row, text, size_bytes=command.length))

    def _note_transaction(self, group: Group) -> None:
        inside = max(group.commands - 2, 0)
        text = f"a transaction of {counted(inside, 'command')}, {format_bytes(group.size_bytes)}"
        self._add(self._group_event(AuditCode.LARGE_TRANSACTION, group, text))

    def _note_run(self, group: Group) -> None:
        if group.label == 1 or self._is_delete[group.label - 1]:
            return
        name = excerpt(self._names[group.label - 1][0])
        text = f"{counted(group.commands, 'time')} {name} in a row, {format_bytes(group.size_bytes)}"
        self._add(self._group_event(AuditCode.RUN, group, text))

    def _note_deletes(self, group: Group) -> None:
        most = _KEYS_COMPARED
        commands = commands_from(self._part.source, group.first, min(group.commands, most))
        server_like = sum(is_server_like(command.argv) for command in commands)
        text = f"{counted(group.commands, 'deletion')} in a row"
        text += self._spelling(commands, server_like)
        event = self._group_event(AuditCode.DELETE_RUN, group, text)
        event.common_prefix = common_prefix([key for c in commands for key in c.argv[1:]])
        self._add(event)

    def _spelling(self, commands: list[Command], server_like: int) -> str:
        """Return what the spelling of deletions tells; a log never tells a client's from an eviction."""
        if server_like == 0:
            return ", spelled as clients do"
        if server_like < len(commands):
            return f", {format_count(server_like)} of the first {format_count(len(commands))} as servers do"
        family = self._family()
        own = own_spelling(family)
        if own is not None and all(command.argv[0] != own.encode() for command in commands):
            return f", each of one key: by a client, as {family} itself writes {own} by default"
        return ", each of one key: by a client key by key, or by the server (expiry, eviction)"

    def _note_open(self, offset: int, commands: int) -> None:
        for event in self._audit.events:
            if event.command.file_number == self._number and event.command.offset > offset:
                event.text += ", but never did: its MULTI has no EXEC"
        text = f"MULTI without EXEC at the end: {counted(commands, 'command')} that never happened"
        if not self._part.is_last:
            text = f"MULTI without EXEC in its file, which is not the last: {counted(commands, 'command')}"
        group = Group(1, offset, offset, commands, 0)
        self._add(self._group_event(AuditCode.OPEN_TRANSACTION, group, text))

    def _group_event(self, code: AuditCode, group: Group, text: str) -> AuditEvent:
        last = self._at(group.last, group.last_s) if group.last != group.first else None
        first = self._at(group.first, group.first_s)
        return AuditEvent(code, first, text, group.commands, group.size_bytes, last)

    def _at(self, offset: int, time_s: int) -> LoggedCommand:
        row = self._plain(argv_at(self._part.source, offset, limit=_KEEP_BYTES))
        row.time_s = None if time_s < 0 else time_s
        return row

    def _plain(self, command: Command) -> LoggedCommand:
        """Return a command that was read by itself: nobody knows where it ran."""
        row = logged(command, self._part.file, self._number)
        row.db = row.txn = row.index = UNKNOWN
        return row

    def _add(self, event: AuditEvent) -> None:
        first, last = event.command, event.last or event.command
        if not self._stretch.may_hold(_place(first), _place(last), first.time_s, last.time_s):
            return
        if self._audit.add(event) and self._context and event.severity.value == "high":
            self._add_context(event)

    def _add_context(self, event: AuditEvent) -> None:
        source, row = self._part.source, event.command
        before = commands_before(source, row.offset, self._context, least=self._start)
        behind = commands_from(source, row.offset + row.length, self._context)
        event.before, event.behind = list(map(self._plain, before)), list(map(self._plain, behind))


def _place(row: LoggedCommand) -> Place:
    return Place(row.file_number, row.offset)


def common_prefix(keys: list[bytes]) -> bytes:
    """Return what all keys begin with."""
    first, last = min(keys, default=b""), max(keys, default=b"")
    same = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[:same]


def reach_of(command: Command) -> int:
    """Return how many bytes a string has at least after a command that writes at an offset; 0 for others."""
    name, argv = command.name, command.argv
    if name not in _AT_OFFSET or len(argv) < 4 or not argv[2].isdigit() or len(argv[2]) > 12:
        return 0
    offset = int(argv[2])
    return offset // 8 + 1 if name == b"SETBIT" else offset + (command.lengths or [*map(len, argv)])[3]


def cut(command: Command, limit: int) -> Command:
    """Return a command with its arguments cut for showing."""
    lengths = command.lengths or [len(argument) for argument in command.argv]
    if max(lengths) > limit:
        command.argv, command.lengths = [argument[:limit] for argument in command.argv], lengths
    return command


def _interest(name: bytes) -> int:
    if name in DELETES:
        return 2
    if name in _AT_OFFSET:
        return 1
    return int(code_of(name, 1) is not None)


def _words(code: AuditCode, command: Command) -> str:
    """Return what a command is, without anything out of the log but its name."""
    name = excerpt(command.name[:40])
    keys = counted(len(command.argv) - 1, "key")
    return {
        AuditCode.FLUSH: f"{name} removes every key" + ("" if name == "FLUSHALL" else " of a database"),
        AuditCode.SWAPDB: "SWAPDB exchanges two databases",
        AuditCode.MASS_DELETE: f"{name} of {keys}",
        AuditCode.DELETE_MANY: f"{name} of {keys}, by a client: servers remove one at a time",
        AuditCode.ADMIN: _admin_words(name, command),
        AuditCode.FUNCTION: f"{name} {_subcommand(command)}",
        AuditCode.SCRIPT: f"{name} stands here as it was called; it may read and write any key",
        AuditCode.UNKNOWN: f"{name} is a command that no known server has",
    }[code]


def _admin_words(name: str, command: Command) -> str:
    words = [word.upper() for word in command.argv[1:3]]
    told = f"{name} is never written by a server: somebody else wrote to this file"
    if name == "CONFIG" and words[:1] == [b"SET"] and words[1:] and words[1] in (b"DIR", b"DBFILENAME"):
        return told + "; with these settings intruders have servers write files of theirs"
    if name in ("SLAVEOF", "REPLICAOF", "MODULE"):
        return told + "; intruders load code this way"
    return told


def _subcommand(command: Command) -> str:
    return excerpt(command.argv[1][:20].upper()) if len(command.argv) > 1 else ""
