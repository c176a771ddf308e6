"""The commands of a log, one after the other, filtered."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from aoftool.analysis.commands.filter import CommandFilter
from aoftool.analysis.commands.lines_model import RowLook
from aoftool.analysis.commands.listing import CommandListing
from aoftool.analysis.commands.model import LoggedCommand
from aoftool.aof.ending_model import ListingEnd
from aoftool.aof.model import Log, LogKind
from aoftool.aof.moment import Moment
from aoftool.api.machine import worker_count
from aoftool.api.moments import stretch_between
from aoftool.dataclass import dataclass
from aoftool.errors import UsageError
from aoftool.keyspace.selection import KeySelection
from aoftool.pattern import Pattern
from aoftool.progress import Progress, Stage, no_progress, silent_stage
from aoftool.resp.model import Lines

if TYPE_CHECKING:
    from aoftool.replay.writer_model import Writer

__all__ = ["Listing", "commands", "listed", "quick_writer"]

# Who wrote a log without a base is read from all of its commands, which takes a second for so many bytes.
_ASKED_BYTES = 256 << 20


def commands(
    log: Log,
    *,
    names: Iterable[str | bytes] = (),
    keys: Iterable[bytes] = (),
    pattern: Pattern | None = None,
    dbs: Iterable[int] = (),
    since: Moment | str | None = None,
    until: Moment | str | None = None,
    min_size_bytes: int = 0,
    limit: int | None = None,
    keep: int | None = None,
    workers: int | None = None,
    progress: Progress = no_progress,
) -> CommandListing:
    """Return the commands of a log in the order in which a server runs them; to be iterated once.

    Each is a `LoggedCommand`: where it stands (`file`, `offset`, `length`), `db`, `txn`, `time`, and `argv`,
    its arguments as bytes. Nothing is held in memory but a window of the file, whatever its size. Damage ends
    the iteration and is no error: afterwards `end` says where reading ended, and what is to be known.

    Args:
        names: only these commands, in any case; `XGROUP CREATE` names a subcommand.
        keys: only commands on one of these keys.
        pattern: only commands on a key like this.
        dbs: only commands that run in these databases.
        since, until: only from this moment on, and only up to this one: before an offset, the second of a
            time included. Of commands without a `#TS` line before them, those are given that may have run
            then; they are inferred by a reading of their own, before this returns.
        min_size_bytes: only commands of at least this many bytes, framing included.
        limit: end behind so many.
        keep: cut longer arguments to so many bytes and give their true `lengths`; None for whole ones.
        workers: threads; the answer does not depend on it. By default one a processor.
        progress: called with the bytes done since its last call, from any thread.

    Raises:
        UsageError: a moment names nothing in the log.
        SourceError: a file of the log is missing or cannot be read.
        ReadFailedError: the system gives an error instead of bytes.
    """
    if limit is not None and limit < 0:
        raise UsageError("a limit is 0 or more")
    stretch = stretch_between(since, until, log)
    wanted = CommandFilter(
        names=frozenset(_raw(name).upper() for name in names),
        keys=frozenset(keys),
        selection=None if pattern is None else KeySelection(name=pattern.compiled),
        glob=pattern.source if pattern is not None and pattern.is_glob else None,
        dbs=frozenset(dbs) or None,
        stretch=stretch,
        min_size=min_size_bytes,
    )
    threads = worker_count(workers)
    clock = None
    if wanted.asks_time:
        from aoftool.analysis.clock.whole_log import clock_of_log

        clock = clock_of_log(log, workers=threads, progress=progress)
    return CommandListing(
        log,
        wanted,
        first=stretch.first,
        last=stretch.last,
        limit=limit,
        keep=keep,
        clock=clock,
        workers=threads,
        progress=progress,
    )


def _raw(name: str | bytes) -> bytes:
    return name if isinstance(name, bytes) else name.encode()


@dataclass(frozen=True, slots=True)
class Listing:
    """Which commands are asked for, and how much of them.

    Attributes:
        wanted: what a command must be; its stretch says from and up to which place.
        tail: only the last so many.
        limit: end behind so many.
        context: also so many around each.
        keep: cut longer arguments to so many bytes; None for whole ones.
        look: give commands as lines, with whole arguments; most, as not all can be. Needs `context` 0.
    """

    wanted: CommandFilter
    tail: int | None = None
    limit: int | None = None
    context: int = 0
    keep: int | None = None
    look: RowLook | None = None


def listed(
    log: Log, asked: Listing, *, workers: int | None = None, stage: Stage = silent_stage
) -> tuple[Iterator[LoggedCommand | Lines], ListingEnd]:
    """Return the commands asked for, and the object that knows afterwards what to say of them.

    In a log without `#TS` times are inferred where they are asked for.

    Args:
        workers: threads; by default one a processor.
        stage: gives the progress of a part of the work.

    Raises:
        UsageError: the last commands from or up to an offset.
    """
    threads, stretch = worker_count(workers), asked.wanted.stretch
    clock = None
    if asked.wanted.asks_time:
        from aoftool.analysis.clock.whole_log import clock_of_log

        with stage("looking for times", log.size_bytes) as progress:
            clock = clock_of_log(log, workers=threads, progress=progress)
    if asked.tail is not None:
        if stretch.first is not None or stretch.last is not None:
            raise UsageError(
                "--tail counts from the end, and knows no offsets", hint="leave out --since and --until"
            )
        if clock is None:
            from aoftool.analysis.commands.tailing import last_commands

            last, end = last_commands(log, asked.wanted, asked.tail, keep=asked.keep)
            return iter(last), end
    reporter = stage("reading", log.size_bytes)
    reached = _Late()
    listing = CommandListing(
        log,
        asked.wanted,
        first=stretch.first,
        last=stretch.last,
        context=asked.context,
        limit=asked.limit,
        keep=asked.keep,
        clock=clock,
        look=asked.look if asked.tail is None else None,
        workers=threads,
        progress=reached,
    )

    def rows() -> Iterator[LoggedCommand | Lines]:
        with reporter as progress:
            reached.progress = progress
            yield from listing.pieces() if asked.tail is None else deque(listing, maxlen=asked.tail)

    return rows(), listing.end


def quick_writer(log: Log) -> Writer | None:
    """Return who wrote a log; one without a base that says so is read for it, unless that takes long."""
    from aoftool.replay.log_writer import writer_of_log

    if log.kind is LogKind.STDIN or (log.size_bytes or 0) > _ASKED_BYTES:
        return None
    return writer_of_log(log, workers=worker_count())


class _Late:
    """A progress that is shown once somebody begins to iterate."""

    def __init__(self) -> None:
        self.progress: Progress = no_progress

    def __call__(self, done_bytes: int) -> None:
        self.progress(done_bytes)
