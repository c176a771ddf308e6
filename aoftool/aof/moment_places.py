"""The places in command streams that times, names of commands and offsets mean."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from aoftool.aof.model import Place
from aoftool.commands.framing import TRANSACTION
from aoftool.dataclass import dataclass
from aoftool.errors import InputError, RefusedError, UsageError
from aoftool.escape import excerpt, shown_base, shown_path
from aoftool.next_step import next_step, quoted
from aoftool.units import counted

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.files.source import Source

__all__ = [
    "Stream",
    "boundary_before",
    "boundary_note",
    "in_rdb_part",
    "no_times",
    "place_of_command",
    "place_of_time",
    "streams_of",
]


@dataclass(frozen=True, slots=True)
class Stream:
    """The commands of one file, to be read.

    Attributes:
        file: number of the file in load order.
        open: gives its bytes.
        start, end: where its commands begin, and where to stop; None is the end of the file.
    """

    file: int
    open: Callable[[], Source]
    start: int = 0
    end: int | None = None


def streams_of(log: Log) -> list[Stream]:
    """Return the command streams of a log, in load order; a file whose RDB part has no end has none.

    Raises:
        InputError: the log has no files.
        SourceError: one is missing or cannot be read.
    """
    from functools import partial

    from aoftool.aof.log import open_log_file, read_parts

    return [
        Stream(number, partial(open_log_file, part.file), part.tail_start)
        for number, part in enumerate(read_parts(log))
        if part.tail_start is not None
    ]


def boundary_before(source: Source, start: int, offset: int) -> int:
    """Return the last place up to an offset that lies in no command, no annotation and no transaction.

    Where commands stop making sense before, it is the last one up to there.

    Args:
        start: where the commands begin.
    """
    from aoftool.resp.batch import BatchReader
    from aoftool.resp.commands import CommandReader
    from aoftool.resp.model import Reason

    last = start
    reader = BatchReader(source, start=start, end=offset)
    for batch in reader:
        last = int(batch.offset[-1] + batch.length[-1])
    stop = reader.tally().stop
    if stop is None or stop.reason is Reason.END:
        # Behind the last command are whole annotations, if anything.
        last = max(last, offset)
    opened: int | None = None
    for command in CommandReader(source, start=start, end=last, names=TRANSACTION):
        opened = (command.offset if opened is None else opened) if command.name == b"MULTI" else None
    return last if opened is None else opened


def boundary_note(offset: int, boundary: int) -> str:
    """Say which boundary an offset means that is none."""
    return (
        f"offset {offset:,} is no boundary between commands outside a transaction;"
        f" the last one before it is {boundary:,}"
    )


def in_rdb_part(offset: int, number: int, files: Sequence[tuple[str, int | None]], path: str) -> RefusedError:
    """Return the error for an offset in the RDB part of a file.

    Args:
        number: of the file, in load order.
        files: path of each and where its commands begin; None where it has none.
        path: of the log, for what to type next.
    """
    own = files[number][0]
    first = next(((name, start) for name, start in files[number:] if start is not None), None)
    message = f"offset {offset:,} lies in the RDB part of {shown_base(own)}, which holds one moment only"
    if first is None:
        return RefusedError(message, path=own, offset=offset, hint=next_step("keys", path))
    place = f"{os.path.basename(first[0])}:{first[1]}"
    message += f"; commands begin at {shown_path(place)}"
    hint = next_step("log", path, f"--since {quoted(place)}", "--limit 20")
    return RefusedError(message, path=own, offset=offset, hint=hint)


def place_of_command(streams: Sequence[Stream], name: bytes, nth: int | None, path: str) -> Place:
    """Return the place before a command of a name, or before the transaction that it stands in.

    Each stream is read up to its damage.

    Args:
        nth: which of them, from 1, in load order; None for the last.
        path: of the log, for what to type next.

    Raises:
        UsageError: there are not so many.
    """
    wanted, seen = name.upper(), 0
    for stream in streams if nth is not None else reversed(streams):
        found, count = _in_stream(stream, wanted, None if nth is None else nth - seen)
        seen += count
        if found is not None:
            return Place(stream.file, found)
    raise UsageError(
        f"the log holds {counted(seen, 'command')} {excerpt(wanted)}",
        hint=next_step("inspect", path, "--by command"),
    )


def _in_stream(stream: Stream, name: bytes, nth: int | None) -> tuple[int | None, int]:
    """Return where the command is, None if it is not here, and how many were met."""
    from aoftool.resp.commands import CommandReader

    opened: int | None = None
    last: int | None = None
    seen = 0
    with stream.open() as source:
        reader = CommandReader(
            source, start=stream.start, end=stream.end, limit=0, names=TRANSACTION | {name}
        )
        for command in reader:
            if command.name == b"MULTI" and opened is None:
                opened = command.offset
            if command.name == name:
                seen += 1
                last = command.offset if opened is None else opened
                if seen == nth:
                    return last, seen
            if command.name == b"EXEC":
                opened = None
    return (last if nth is None else None), seen


def no_times(path: str, more: str = "") -> InputError:
    """Return the error for a log in which nothing tells when any command ran; what to type shows offsets.

    Args:
        path: of the log.
        more: what else does not tell it.
    """
    message = f"no command has a time: there are no #TS annotations{more}; give an offset instead"
    return InputError(message, hint=next_step("log", path, "--tail 20"))


def place_of_time(streams: Iterable[Stream], time_s: int, path: str) -> Place | None:
    """Return the place before the first command that is marked as later; None where none is.

    The annotation in front of that command lies behind the place, and so does the transaction it stands in.
    Where clocks went backwards the first later mark counts, as it does for the official checker.

    Raises:
        InputError: there are commands, and none has a time.
    """
    marked: bool | None = None
    for stream in streams:
        with stream.open() as source:
            found, here = _first_later(source, stream, time_s)
        if found is not None:
            return Place(stream.file, found)
        marked = here if marked is None or (here is not None and not marked) else marked
    if marked is False:
        raise no_times(path)
    return None


def _first_later(source: Source, stream: Stream, time_s: int) -> tuple[int | None, bool | None]:
    """Return where the first later command begins, and whether commands have times; None without commands."""
    import numpy as np

    from aoftool.resp.batch import BatchReader

    end_before = stream.start
    opened_txn, opened_at = 0, 0
    marked: bool | None = None
    for batch in BatchReader(source, start=stream.start, end=stream.end):
        later = np.flatnonzero(batch.time_s > time_s)
        marked = bool(marked) or bool((batch.time_s >= 0).any())
        upto = int(later[0]) if len(later) else len(batch) - 1
        txn = int(batch.txn[upto])
        if txn and txn != opened_txn:
            opened_txn = txn
            opened_at = int(batch.offset[int(np.flatnonzero(batch.txn == txn)[0])])
        if len(later):
            row = int(later[0])
            if txn and opened_at < int(batch.offset[row]):
                return opened_at, marked
            before = end_before if row == 0 else int(batch.offset[row - 1] + batch.length[row - 1])
            return before, marked
        end_before = int(batch.offset[-1] + batch.length[-1])
    return None, marked
