"""The last commands of a log, without reading what stands before them.

In a large file the reading begins near the end, at the first place from which canonical commands chain
to the end of the file. That is the strongest evidence there is without reading everything; what it cannot
tell, the database and the transaction at that place, is given as unknown.
"""

from __future__ import annotations

from collections import deque

from aoftool.analysis.commands.filter import EVERYTHING, CommandFilter
from aoftool.analysis.commands.listing import logged
from aoftool.analysis.commands.model import UNKNOWN, LoggedCommand
from aoftool.analysis.commands.unwrapping import Unwrapping
from aoftool.aof.ending import note_rdb, note_stop
from aoftool.aof.ending_model import ListingEnd
from aoftool.aof.log import LogPart, need_files, open_log_file, open_part
from aoftool.aof.model import Log
from aoftool.commands.table import lookup
from aoftool.files import Source
from aoftool.rdb.header import HEADER_BYTES, is_rdb
from aoftool.resp.model import INHERITED_DB
from aoftool.resp.pieces.resync import boundaries
from aoftool.resp.sieve import SieveReader
from aoftool.resp.watch import EVENT_EXEC, SieveState
from aoftool.units import counted

__all__ = ["last_commands"]

# A file up to this size is read from its start: all is exact, and it takes some hundredths of a second.
WHOLE_BYTES = 32 << 20
_FIRST_WINDOW_BYTES = 1 << 20
_GROWTH = 8
_KEEP_BYTES = 256


def last_commands(
    log: Log, wanted: CommandFilter, count: int, *, keep: int | None = _KEEP_BYTES
) -> tuple[list[LoggedCommand], ListingEnd]:
    """Return the last `count` commands that a filter admits, in order, and what is to be said of them."""
    end = ListingEnd()
    keep = None if keep is None else max(keep, wanted.longest)
    found: list[LoggedCommand] = []
    need_files(log)
    unwrapping = Unwrapping(wanted, keep)
    for number in range(len(log.files) - 1, -1, -1):
        missing = count - len(found)
        if missing <= 0:
            unread = f"{counted(number + 1, 'file')} before {log.files[number + 1].shown_name}"
            end.note(f"not read: {unread}; damage there is not told")
            break
        with open_log_file(log.files[number]) as source:
            rows = _of_file(log, number, source, wanted, missing, keep, end, unwrapping)
        found = rows + found
    unwrapping.note(end)
    return found, end


def _of_file(
    log: Log,
    number: int,
    source: Source,
    wanted: CommandFilter,
    count: int,
    keep: int | None,
    end: ListingEnd,
    unwrapping: Unwrapping,
) -> list[LoggedCommand]:
    file, size = log.files[number], source.size_bytes
    is_last = number == len(log.files) - 1
    if size is None or size <= WHOLE_BYTES or is_rdb(source.peek(HEADER_BYTES)):
        return _from_start(
            open_part(file, source, is_last=is_last), number, wanted, count, keep, end, unwrapping
        )
    window = _FIRST_WINDOW_BYTES
    while window < size:
        rows = _from_window(log, number, source, window, wanted, count, keep, end, unwrapping)
        if rows is not None:
            return rows
        window *= _GROWTH
    return _from_start(open_part(file, source, is_last=is_last), number, wanted, count, keep, end, unwrapping)


def _from_start(
    part: LogPart,
    number: int,
    wanted: CommandFilter,
    count: int,
    keep: int | None,
    end: ListingEnd,
    unwrapping: Unwrapping,
) -> list[LoggedCommand]:
    note_rdb(end, part)
    if part.tail_start is None:
        return []
    kept: deque[LoggedCommand] = deque(maxlen=count)
    if part.source.seekable:
        watch = wanted.watch()
        reader = SieveReader(part.source, watch, start=part.tail_start, keep=keep)
        commands = iter(reader)
    else:
        slow = part.commands()
        commands = iter(slow)
    shown = unwrapping.of(commands, part.source)
    kept.extend(filter(wanted.admits, (logged(command, part.file, number) for command in shown)))
    if part.source.seekable:
        note_stop(end, part, reader.stop, reader.state.unclosed_at)
    else:
        note_stop(end, part, slow.tally().stop, slow.tally().transactions.open_offset)
    return list(kept)


def _from_window(
    log: Log,
    number: int,
    source: Source,
    window: int,
    wanted: CommandFilter,
    count: int,
    keep: int | None,
    end: ListingEnd,
    unwrapping: Unwrapping,
) -> list[LoggedCommand] | None:
    """Return the last commands of the window at the end of a file; None when it holds too few."""
    file, size = log.files[number], source.size_bytes or 0
    start = _chain_start(source, size - window)
    if start is None:
        return None
    reader = SieveReader(source, EVERYTHING, start=start, state=SieveState(db=INHERITED_DB), keep=keep)
    kept: deque[LoggedCommand] = deque(maxlen=count)
    read = 0
    for command in unwrapping.of(reader, source):
        read += 1
        kept.append(logged(command, file, number))
        kept[-1].index = UNKNOWN
        if not wanted.admits(kept[-1]):
            kept.pop()
    if len(kept) < count:
        return None
    for row in kept:
        _forget_unknown(row, reader.state)
    stop = "the end of the file" if reader.stop is None else f"{reader.end:,}"
    end.note(
        f"{file.shown_name}: read from offset {start:,} on, found by resynchronising:"
        f" {counted(read, 'command')} in a row from there to {stop}"
    )
    if any(row.db == UNKNOWN for row in kept):
        end.note("database ? : selected before that place; --since 0 reads the file from its start")
    part = LogPart(file, source, None, start, number == len(log.files) - 1)
    note_stop(end, part, reader.stop, reader.state.unclosed_at)
    return list(kept)


def _forget_unknown(row: LoggedCommand, state: SieveState) -> None:
    """Mark what a reading that began in the middle does not know."""
    if row.db == INHERITED_DB:
        row.db = UNKNOWN
    began_inside = state.first_event == EVENT_EXEC and row.offset <= state.first_event_offset
    if row.txn or began_inside or not state.first_event:
        # The number counts from the start of the file, and nobody was there.
        row.txn = UNKNOWN if row.txn or began_inside else 0


def _accept(name: bytes, argc: int) -> bool:
    spec = lookup(name)
    return spec is not None and (spec.arity_ok(argc) or spec.is_container)


def _chain_start(source: Source, offset: int) -> int | None:
    """Return where a chain of commands begins that reaches the end, or the last place that can be read."""
    last = None
    for boundary in boundaries(source, offset, accept=_accept):
        if boundary.reaches_end:
            return boundary.offset
        last = last or boundary.offset
    return last
