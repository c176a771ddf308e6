"""Compare the data of two logs, or of one log at two points, key by key.

Both are replayed; of each key only type, length, expire time and a digest of the value are kept, so that two
large data sets can be held against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from aoftool.analysis.diff.earlier import earlier_step
from aoftool.analysis.diff.functions import Libraries, changed_libraries, libraries_at, libraries_of
from aoftool.analysis.diff.model import ChangeKind, Diff, KeyChange, KeyFacts, PrefixChanges, Side
from aoftool.analysis.diff.point import Point
from aoftool.aof.ending_model import Damage
from aoftool.aof.model import Log
from aoftool.commands.table import lookup_argv
from aoftool.databases import setting_words
from aoftool.dataclass import dataclass
from aoftool.errors import InputError, NotJudgedError, UnsupportedError
from aoftool.keyspace.engine import Keyspace
from aoftool.next_step import next_step
from aoftool.progress import Progress, no_progress
from aoftool.replay.log_replay import LogReplay
from aoftool.replay.writer_model import Writer
from aoftool.resp.model import Command
from aoftool.values import Value, length_of, module_type, type_name
from aoftool.values.digest import value_digest

__all__ = [
    "MOST_KEYS",
    "Admits",
    "Facts",
    "Point",
    "Quick",
    "State",
    "compare_points",
    "fact_of",
    "facts_of",
    "need_room",
]

MOST_KEYS = 10_000_000
"""So many keys of each side are compared; what is kept of one takes some 400 bytes."""

Facts = dict[tuple[int, bytes], KeyFacts]
Admits = Callable[[int, bytes], bool]


@dataclass(slots=True)
class State:
    """What a log holds at a point.

    Attributes:
        facts: of every key, by database and name.
        writer: as which release the log was replayed.
        notes: what the reader must know, in words.
        databases: the setting that the log needs.
        damage: (file, offset, reason) of where it cannot be read on.
        libraries: its function libraries; None where nobody has looked.
    """

    facts: Facts
    writer: Writer
    notes: list[str]
    damage: Damage | None = None
    libraries: Libraries | None = None
    databases: int = 0


Quick = Callable[[Log, Point, Admits | None, int, str | None, Progress], State | None]
"""A faster way to the state of a log, from log, point, `admits`, clock, writer and progress; None where it
does not lead there."""


def compare_points(
    left: tuple[Log, Point],
    right: tuple[Log, Point],
    *,
    admits: Admits | None = None,
    dbs: Collection[int] = (),
    now_ms: int | None = None,
    written_by: str | None = None,
    quick: Quick | None = None,
    progress: Progress = no_progress,
) -> Diff:
    """Return what is different between two states.

    Args:
        admits: which keys count, by database and name; where some do not, libraries do not either.
        dbs: the databases whose keys count, none for all; said of others is nothing.
        now_ms: the load clock of both, so that relative expire times agree.
        written_by: the release that wrote both logs, if the user named it.
        quick: is tried first.

    Raises:
        UnsupportedError: what a command does cannot be known.
        InputError: a point is a time, and no command has one.
    """
    import time

    now = int(time.time() * 1000) if now_ms is None else now_ms

    def earlier(stopped: tuple[int, int], *, is_left: bool) -> str:
        return earlier_step(left, right, stopped, is_left=is_left, written_by=written_by)

    def state(log: Log, point: Point, *, is_left: bool) -> State:
        found = None if quick is None else quick(log, point, admits, now, written_by, progress)
        step = partial(earlier, is_left=is_left)
        found = found or _replayed(log, point, admits, now, written_by, progress, step)
        if found.libraries is None and admits is None:
            found.libraries, notes = libraries_at(log, point.place, point.time_s, now, written_by, progress)
            found.notes += notes
        return found

    ours, theirs = state(*left, is_left=True), state(*right, is_left=False)
    diff = Diff(
        Side(left[0].path, left[1].words, len(ours.facts), ours.writer),
        Side(right[0].path, right[1].words, len(theirs.facts), theirs.writer),
    )
    settings = [
        f"{log.path}: {words}"
        for (log, _), one in ((left, ours), (right, theirs))
        if (words := setting_words(one.databases, dbs or None))
    ]
    diff.notes = list(dict.fromkeys([*ours.notes, *theirs.notes, *settings]))
    diff.damage = (ours.damage, theirs.damage)
    diff.changes = _changes(ours.facts, theirs.facts)
    if admits is None and ours.libraries is not None and theirs.libraries is not None:
        diff.libraries = changed_libraries(ours.libraries, theirs.libraries)
    diff.prefixes = _by_prefix(diff.changes)
    return diff


def _replayed(
    log: Log,
    point: Point,
    admits: Admits | None,
    now_ms: int,
    written_by: str | None,
    progress: Progress,
    earlier: Callable[[tuple[int, int]], str],
) -> State:
    """Return the state of a log by a replay command by command.

    Args:
        earlier: gives what to type where nobody can follow the log from a place on.
    """
    replay = LogReplay(
        log,
        until=point.place,
        until_s=point.time_s,
        now_ms=now_ms,
        written_by=written_by,
        told_of=admits,
        progress=progress,
    ).run()
    if replay.stopped is not None:
        command = None if replay.stopped_at is None else replay.stopped_at[1]
        unknown = replay.unknown is not None or (command is not None and lookup_argv(command.argv) is None)
        raise (NotJudgedError if unknown else UnsupportedError)(
            f"what the log holds behind {replay.stopped} cannot be known",
            path=log.path,
            hint=_before(replay.stopped_at, earlier),
        )
    if point.time_s is not None and replay.is_timed is False:
        raise InputError(
            "no command has a time: there are no #TS annotations",
            path=log.path,
            hint=next_step("log", log.path, "--tail 20"),
        )
    libraries, databases = libraries_of(replay.keyspace), len(replay.keyspace.databases)
    facts = facts_of(replay.keyspace, admits)
    return State(facts, replay.writer, list(replay.end.notes), replay.end.told, libraries, databases)


def _before(stopped: tuple[int, Command] | None, earlier: Callable[[tuple[int, int]], str]) -> str:
    if stopped is None:
        return "choose a point before it with --at"
    number, command = stopped
    return earlier((number, command.offset))


def facts_of(keyspace: Keyspace, admits: Admits | None = None) -> Facts:
    """Return type, length, expire time and digest of every key.

    Raises:
        UnsupportedError: there are more than `MOST_KEYS`.
    """
    found: Facts = {}
    for db, database in enumerate(keyspace.databases):
        for key, entry in database.entries():
            if admits is None or admits(db, key):
                need_room(found)
                found[db, key] = fact_of(entry.value, entry.expire_at_ms)
    return found


def need_room(facts: Facts) -> None:
    """Refuse to take in more keys than can be compared.

    Raises:
        UnsupportedError: there are `MOST_KEYS`.
    """
    if len(facts) >= MOST_KEYS:
        raise UnsupportedError(
            f"more than {MOST_KEYS:,} keys cannot be compared at once",
            hint="--db and --match choose some of them",
        )


def fact_of(value: Value, expire_at_ms: int | None) -> KeyFacts:
    """Return what is kept of a key."""
    digest = value_digest(value)
    return KeyFacts(type_name(value), length_of(value), expire_at_ms, digest, module_type(value))


def _changes(ours: Facts, theirs: Facts) -> list[KeyChange]:
    changes = []
    for place in sorted(ours.keys() | theirs.keys()):
        before, after = ours.get(place), theirs.get(place)
        if before == after:
            continue
        if before is None or after is None:
            kind = ChangeKind.ADDED if before is None else ChangeKind.REMOVED
            changes.append(KeyChange(kind, *place, before, after))
        else:
            changes.append(KeyChange(ChangeKind.CHANGED, *place, before, after, _what(before, after)))
    return changes


def _what(before: KeyFacts, after: KeyFacts) -> tuple[str, ...]:
    pairs = (
        ("type", (before.type_name, before.module_type), (after.type_name, after.module_type)),
        ("length", before.length, after.length),
        ("value", before.digest, after.digest),
        ("expire", before.expire_at_ms, after.expire_at_ms),
    )
    return tuple(name for name, one, two in pairs if one != two)


def _by_prefix(changes: list[KeyChange]) -> list[PrefixChanges]:
    rows: dict[bytes, PrefixChanges] = {}
    for change in changes:
        head, colon, _ = change.key.partition(b":")
        row = rows.setdefault(head + colon if colon else b"", PrefixChanges(head + colon if colon else b""))
        if change.kind is ChangeKind.ADDED:
            row.added += 1
        elif change.kind is ChangeKind.REMOVED:
            row.removed += 1
        else:
            row.changed += 1
    return sorted(rows.values(), key=lambda row: (-row.total, row.prefix))
