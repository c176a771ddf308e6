"""Cut the smallest log that still shows what happens at an offset.

For a whole command that is the state its keys were in, written as commands, and the command itself: a
loader then does with it what it did in the full log. For a place that cannot be read it is the bytes
themselves, from the command that breaks to a few commands behind it. Keys that a command does not name
(SORT with patterns, scripts) are not in it; the excerpt says so.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Sequence

from aoftool.analysis.commands.neighbours import commands_from
from aoftool.analysis.history.history import KeyHistory
from aoftool.analysis.history.model import KeyState
from aoftool.aof.log import LogPart, open_log_file, open_part
from aoftool.aof.model import Log, Place
from aoftool.aof.moment_places import in_rdb_part
from aoftool.commands.roles import keys_of
from aoftool.dataclass import dataclass, field
from aoftool.emit.resp_writer import value_commands
from aoftool.errors import InputError, SourceError
from aoftool.files import Source, open_stream
from aoftool.rdb.encode.targets import Target
from aoftool.replay.log_writer import writer_of_log
from aoftool.replay.writer import target_of
from aoftool.resp.encode import encode_commands
from aoftool.resp.model import Command, Reason
from aoftool.resp.pieces.resync import resync
from aoftool.resp.scanner import tally
from aoftool.resp.sieve import SieveReader
from aoftool.resp.watch import SieveState, Watch
from aoftool.units import counted

__all__ = ["Excerpt", "cut_excerpt"]

_EVERYTHING = Watch(min_length=1)
_NEAR_BYTES = 4 << 20
_PART_BYTES = 1 << 20
_COMMANDS_BEHIND = 8
_MOST_DAMAGED_BYTES = 16 << 20

Argv = Sequence[bytes]


@dataclass(slots=True)
class Excerpt:
    """A small log.

    Attributes:
        argvs: its commands, without the damaged bytes.
        damaged: bytes that follow them as they are: no whole command, or one that is spelled oddly.
        what: what it shows, in words.
        notes: what the reader must know.
    """

    argvs: list[Argv]
    what: str
    damaged: bytes = b""
    notes: list[str] = field(default_factory=list)

    def content(self) -> bytes:
        """Return the log."""
        return encode_commands(self.argvs) + self.damaged


def cut_excerpt(log: Log, place: Place, *, workers: int = 1) -> Excerpt:
    """Return the smallest log that shows what happens at a place.

    Raises:
        SourceError: the file can be read only once.
        InputError: the place is behind the end.
        RefusedError: it is in an RDB part.
    """
    file = log.files[place.file]
    with open_log_file(file) as source:
        if not source.seekable:
            raise SourceError(f"{source.name} can be read only once", hint="unpack it to a file first")
        part = open_part(file, source)
        start = part.tail_start
        if start is None or place.offset < start:
            # A base that is an RDB as a whole has no commands.
            begins = None if start is None or start >= (source.size_bytes or 0) else start
            starts = [(other.path, begins if other is file else 0) for other in log.files]
            raise in_rdb_part(place.offset, place.file, starts, log.path)
        reader = _near(source, start, place.offset, workers)
        last = next(iter(deque(reader, maxlen=1)), None)
        if reader.stop is not None and reader.end <= place.offset:
            return _damaged(source, reader)
        if last is None or place.offset >= last.offset + last.length:
            raise InputError("the file ends before that offset", path=file.path, offset=place.offset)
        return _of_command(log, part, place.file, last, workers)


def _near(source: Source, start: int, offset: int, workers: int) -> SieveReader:
    """Return a reader whose last command is the one that holds the offset, or that breaks before it."""
    state = SieveState()
    if offset - _NEAR_BYTES > start:
        walk = SieveReader(source, Watch(), start=start, until=offset - _NEAR_BYTES, workers=workers)
        for _ in walk:
            pass
        if walk.stop is not None:
            return walk
        if walk.end <= offset:
            start, state = walk.end, walk.state
    return SieveReader(
        source, _EVERYTHING, start=start, state=state, until=offset + 1, part_bytes=_PART_BYTES
    )


# -- commands ----------------------------------------------------------------------------------


def _of_command(log: Log, part: LogPart, number: int, command: Command, workers: int) -> Excerpt:
    target = target_of(writer_of_log(log, workers=workers).release)
    keys = dict.fromkeys(keys_of(command.argv))
    argvs: list[Argv] = []
    if command.db:
        argvs.append((b"SELECT", b"%d" % command.db))
    spelled = "an oddly spelled command" if command.lenient else "a command"
    excerpt = Excerpt(argvs, f"{spelled} with {counted(len(keys), 'key')} in database {command.db}")
    states = _states_before(log, Place(number, command.offset), command.db, frozenset(keys), workers)
    for key in keys:
        state = states.get(key)
        if state is not None:
            _add_key(excerpt, key, state, target)
    if command.lenient:
        # Its spelling is what is odd about it.
        excerpt.damaged = part.source.read_at(command.offset, command.length)
    else:
        argvs.append(command.argv)
    if command.name == b"SORT" or command.name.startswith((b"EVAL", b"FCALL")):
        excerpt.notes.append("the command may read keys that it does not name; they are not in the excerpt")
    if command.txn:
        excerpt.notes.append(f"the command stood in transaction {command.txn}; here it stands alone")
    return excerpt


def _states_before(
    log: Log, place: Place, db: int, keys: frozenset[bytes], workers: int
) -> dict[bytes, KeyState]:
    """Return the keys of a database as they are just before a command."""
    states: dict[bytes, KeyState] = {}
    if not keys:
        return states
    for step in KeyHistory(log, keys, values=True, workers=workers):
        if (step.command.file_number, step.command.offset) >= (place.file, place.offset):
            break
        if step.db == db and step.key in keys:
            states[step.key] = step.after
    return {key: state for key, state in states.items() if state.exists or not state.is_known}


def _add_key(excerpt: Excerpt, key: bytes, state: KeyState, target: Target) -> None:
    if state.value is None:
        excerpt.notes.append("what a key held before cannot be known: the excerpt begins without it")
        return
    excerpt.argvs.extend(value_commands(key, state.value, target))
    if state.expire_at_ms is not None:
        excerpt.argvs.append((b"PEXPIREAT", key, b"%d" % state.expire_at_ms))


# -- damage ------------------------------------------------------------------------------------


def _damaged(source: Source, reader: SieveReader) -> Excerpt:
    """Take the bytes that cannot be read, and enough behind them to show where reading can go on."""
    stop, start = reader.stop, reader.end
    assert stop is not None
    found = resync(source, stop.offset + 1)
    end = source.size_bytes or start
    if found is not None:
        behind = commands_from(source, found.offset, _COMMANDS_BEHIND)
        end = behind[-1].offset + behind[-1].length if behind else found.offset
    damaged = source.read_at(start, min(end - start, _MOST_DAMAGED_BYTES))
    argvs: list[Argv] = [(b"SELECT", b"%d" % reader.state.db)] if reader.state.db else []
    excerpt = Excerpt(argvs, f"the damage {stop.reason.value}", damaged)
    again = tally(open_stream(io.BytesIO(excerpt.content()), "excerpt")).stop
    shown = Reason.END if again is None else again.reason
    if shown is not stop.reason:
        excerpt.notes.append(f"by itself it reads as {shown.value}")
    return excerpt
