"""What captures say happened, and when: restarts, rewrites, forks, slow syncs, stalls; for a time line."""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.advise.model import DatedEvent, EventKind
from aoftool.advise.situation import Situation
from aoftool.captures.captured import Captured
from aoftool.escape import excerpt
from aoftool.units import format_wait

__all__ = ["dated_events"]

# What the server's log says, and what it means here.
# Source: src/server.c and src/aof.c of Redis 7.0 and Valkey 9.1.
_MESSAGES = (
    ("Server initialized", EventKind.RESTART, "the server started"),
    ("DB loaded from", EventKind.RESTART, "the server had loaded its data"),
    ("User requested shutdown", EventKind.RESTART, "a shutdown was asked for"),
    ("Background append only file rewriting started", EventKind.REWRITE, "a rewrite began"),
    ("Background AOF rewrite finished successfully", EventKind.REWRITE, "a rewrite ended well"),
    ("Background AOF rewrite terminated by signal", EventKind.REWRITE, "a rewrite was killed"),
    ("Background AOF rewrite terminated with error", EventKind.REWRITE, "a rewrite failed"),
    (
        "Asynchronous AOF fsync is taking too long",
        EventKind.SYNC,
        "a sync took too long: the log was written without waiting",
    ),
)
_SYNCS = ("aof-fsync-always", "aof-write", "aof-write-pending-fsync", "aof-write-alone")
_KINDS = {"fork": EventKind.FORK, **dict.fromkeys(_SYNCS, EventKind.SYNC)}


def dated_events(captured: Captured) -> tuple[list[DatedEvent], bool]:
    """Return what happened, in order, and whether the clock of the server's log is known against UTC."""
    offset = Situation(captured).log_offset_s
    found = [*_logged(captured, offset or 0.0), *_sampled(captured), *_slow(captured)]
    return sorted(found, key=lambda event: event.at_s), not captured.log or offset is not None


def _logged(captured: Captured, offset_s: float) -> Iterator[DatedEvent]:
    for entry in captured.log:
        if entry.at_s is None:
            continue
        for begin, kind, text in _MESSAGES:
            if entry.message.startswith(begin):
                yield DatedEvent(entry.at_s - offset_s, kind, text, entry.where)


def _sampled(captured: Captured) -> Iterator[DatedEvent]:
    for sample in captured.history:
        kind = _KINDS.get(sample.event, EventKind.STALL)
        name = excerpt(sample.event.encode("utf-8", "surrogateescape"))
        text = f"{name} took {format_wait(sample.ms / 1000)}"
        yield DatedEvent(float(sample.at_s), kind, text, sample.where)


def _slow(captured: Captured) -> Iterator[DatedEvent]:
    for command in captured.slowlog:
        name = excerpt(command.command.encode("utf-8", "surrogateescape"))
        text = f"{name} ran for {format_wait(command.usec / 1e6)}"
        yield DatedEvent(float(command.at_s), EventKind.STALL, text, command.where)
