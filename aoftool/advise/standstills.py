"""Collects every standstill of the main thread that any input shows, each once, with all that show it.

Two inputs show one standstill where their times differ by less than 1.5 s, their lengths by a tenth or
5 ms, and one can be part of the other: the command BGREWRITEAOF holds the sync of the manifest and the fork.
"""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.advise.situation import Situation
from aoftool.advise.traced import MANIFEST_END, MANIFEST_START, waits_of_main
from aoftool.dataclass import dataclass, field

__all__ = ["Standstill", "standstills"]

_TIME_S = 1.5
_SHARE = 0.1
_LEAST_S = 0.005
_SHOWN_S = 0.01
_DAY_S = 86_400
_REWRITING = frozenset(("BGREWRITEAOF", "CONFIG", "CONFIG|SET"))
_INSIDE_A_COMMAND = frozenset((MANIFEST_START, "manifest-sync", "fork", "main-sync"))
# Events of LATENCY and what they are of; `aof-write` repeats the three that follow it.
_EVENTS = {
    "fork": "fork",
    "aof-write": "aof-write",
    "aof-write-pending-fsync": "aof-write",
    "aof-write-active-child": "aof-write",
    "aof-write-alone": "aof-write",
    "aof-fsync-always": "aof-sync",
    "aof-fstat": "aof-write",
    "expire-cycle": "expire-cycle",
    "expire-del": "expire-cycle",
    "eviction-cycle": "eviction",
    "eviction-del": "eviction",
    "command": "command",
    "fast-command": "command",
    "command-unblocking": "command",
}


@dataclass(slots=True)
class Standstill:
    """One standstill.

    Attributes:
        cause: as of the ledger; `command` for a command, with its name.
        end_s: of the day, in the clock of the log; None where it is not known.
        seen: by name of the input, the line.
    """

    cause: str
    seconds: float
    end_s: float | None = None
    name: str = ""
    event: str = ""
    seen: dict[str, str] = field(default_factory=dict)


def standstills(situation: Situation) -> list[Standstill]:
    """Return all of 10 ms or more, longest first."""
    found: list[Standstill] = []
    for source in (_traced, _logged, _slow, _sampled):
        # What one input shows twice happened twice: it is held only against what others showed. But LATENCY
        # has a fork and the command around it as two events, which are one standstill.
        before, taken = list(found), set[tuple[int, str]]()
        for item in source(situation):
            if item.seconds < _SHOWN_S:
                continue
            fits = (o for o in before if (id(o), item.event) not in taken and _is_one(o, item))
            known = min(fits, key=lambda o: _apart(o, item), default=None)
            if known is None:
                found.append(item)
            else:
                _join(known, item)
                taken.add((id(known), item.event))
    found.sort(key=lambda item: -item.seconds)
    return found


def _join(known: Standstill, item: Standstill) -> None:
    for source, where in item.seen.items():
        known.seen.setdefault(source, where)
    if known.cause == "command" and item.cause in _INSIDE_A_COMMAND:
        # What the command spent its time on says more than its name.
        known.cause = item.cause
    known.event = known.event or item.event
    if known.end_s is None:
        known.end_s = item.end_s


def _is_one(known: Standstill, item: Standstill) -> bool:
    if not _fit(known, item):
        return False
    if abs(known.seconds - item.seconds) > max(_SHARE * max(known.seconds, item.seconds), _LEAST_S):
        return False
    return _between(known, item) <= _TIME_S


def _apart(known: Standstill, item: Standstill) -> tuple[float, float]:
    """Return how far two are from being one: of several that may be it the nearest is."""
    return _between(known, item), abs(known.seconds - item.seconds)


def _between(known: Standstill, item: Standstill) -> float:
    """Return the seconds between two ends; 0 where nothing says."""
    if known.end_s is None or item.end_s is None:
        return 0.0
    apart = abs(known.end_s - item.end_s)
    return min(apart, _DAY_S - apart)


def _fit(known: Standstill, item: Standstill) -> bool:
    if known.cause == item.cause:
        return not (known.name and item.name and known.name != item.name)
    causes = {known.cause, item.cause}
    if "command" in causes:
        name = known.name or item.name
        return bool(causes & _INSIDE_A_COMMAND) and (not name or name in _REWRITING)
    manifests = {cause for cause in causes if cause.startswith("manifest") or cause == "main-sync"}
    return len(manifests) == 2 and causes != {MANIFEST_START, MANIFEST_END}


def _of_day(at_s: float | None, offset_s: float | None = 0.0) -> float | None:
    """Return a moment of a day in the clock of the log."""
    return None if at_s is None or offset_s is None else (at_s + offset_s) % _DAY_S


def _traced(situation: Situation) -> Iterator[Standstill]:
    trace = situation.captured.trace
    offset = situation.log_offset_s if trace is not None and trace.is_dated else 0.0
    for wait in waits_of_main(situation):
        end = None if wait.at_s is None else wait.at_s + wait.seconds
        yield Standstill(wait.cause, wait.seconds, _of_day(end, offset), seen={"strace": wait.where})


def _logged(situation: Situation) -> Iterator[Standstill]:
    for child in situation.rewrites.rewrites:
        for cause, seconds, entry in (
            (MANIFEST_START, child.start_stall, child.creating),
            ("fork", child.fork_stall, child.forked),
            (MANIFEST_END, child.end_stall, child.finished),
        ):
            if seconds is not None and entry is not None:
                yield Standstill(cause, seconds, _of_day(entry.at_s), seen={"log": entry.where})


def _slow(situation: Situation) -> Iterator[Standstill]:
    for entry in situation.captured.slowlog:
        end = _of_day(entry.at_s, situation.log_offset_s)
        yield Standstill("command", entry.usec / 1e6, end, entry.command, seen={"SLOWLOG": entry.where})


def _sampled(situation: Situation) -> Iterator[Standstill]:
    captured = situation.captured
    events = {sample.event for sample in captured.history} | {row.event for row in captured.latest}
    repeats = {"aof-write"} if any(event.startswith("aof-write-") for event in events) else set()
    seen: set[tuple[str, int]] = set()
    for sample in captured.history:
        if sample.event in _EVENTS and sample.event not in repeats:
            seen.add((sample.event, sample.ms))
            yield _sample(situation, sample.event, sample.ms, sample.at_s, sample.where)
    for row in captured.latest:
        if row.event in _EVENTS and row.event not in repeats and (row.event, row.max_ms) not in seen:
            at_s = row.at_s if row.max_ms == row.latest_ms else None
            yield _sample(situation, row.event, row.max_ms, at_s, row.where)


def _sample(situation: Situation, event: str, ms: int, at_s: int | None, where: str) -> Standstill:
    end = _of_day(at_s, situation.log_offset_s)
    return Standstill(_EVENTS[event], ms / 1000, end, event=event, seen={"LATENCY": where})
