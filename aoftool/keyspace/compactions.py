"""Rules by which a time series is summed up in another one: what is added to the one changes the other too.

A rule is gone with either of its series, and goes along when one is renamed. Source: RedisTimeSeries
src/tsdb.c SeriesDelRule, RenameSeriesFrom; measured on Redis 7.4.1 with its modules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from aoftool.commands.groups import RENAMES
from aoftool.commands.table import lookup
from aoftool.values import ModuleValue

if TYPE_CHECKING:
    from aoftool.keyspace.context import Argv, Context

__all__ = ["Compactions"]

Place = tuple[int, bytes]
_Moved = Callable[[Place], Place]

# May take keys away that they do not name.
_WHOLE = frozenset((b"FLUSHDB", b"FLUSHALL", b"TRIMSLOTS", b"SFLUSH", b"CLUSTER"))


class Compactions:
    """Rules by (database, key) of their source."""

    __slots__ = ("_ends", "_rules")

    def __init__(self) -> None:
        self._rules: dict[Place, set[Place]] = {}
        self._ends: set[Place] = set()

    def __bool__(self) -> bool:
        return bool(self._rules)

    def add(self, source: Place, target: Place) -> None:
        """Sum one series up in another."""
        self._rules.setdefault(source, set()).add(target)
        self._ends |= {source, target}

    def drop(self, source: Place, target: Place) -> None:
        """Sum it up there no longer."""
        self._rules.get(source, set()).discard(target)
        self._settle()

    def of(self, source: Place) -> Iterable[Place]:
        """Return where a series is summed up."""
        return self._rules.get(source, ())

    def follow(self, ctx: Context, name: bytes, argv: Argv) -> None:
        """Take a command, by its upper-case name, that was run."""
        if name.startswith(b"TS."):
            return
        if name == b"SWAPDB":
            one, two = int(argv[1]), int(argv[2])
            other = {one: two, two: one}
            self._rename(lambda place: (other.get(place[0], place[0]), place[1]))
        elif name in RENAMES:
            self._follow_rename(ctx, (ctx.index, argv[1]), (ctx.index, argv[2]))
        elif name in _WHOLE:
            self._forget(place for place in self._ends if not _is_there(ctx, place))
        elif (spec := lookup(name)) is not None:
            touched = ((ctx.index, argv[at]) for at in spec.keys(argv))
            self._forget(place for place in touched if place in self._ends and not _is_there(ctx, place))

    def _follow_rename(self, ctx: Context, source: Place, target: Place) -> None:
        if source == target or source[1] in ctx.db.values or target[1] not in ctx.db.values:
            return
        self._forget([target] if target in self._ends else [])
        if source in self._ends:
            self._rename(lambda place: target if place == source else place)

    def _rename(self, moved: _Moved) -> None:
        self._rules = {moved(source): set(map(moved, targets)) for source, targets in self._rules.items()}
        self._settle()

    def _forget(self, places: Iterable[Place]) -> None:
        gone = set(places)
        if gone:
            self._rules = {
                source: targets - gone for source, targets in self._rules.items() if source not in gone
            }
            self._settle()

    def _settle(self) -> None:
        self._rules = {source: targets for source, targets in self._rules.items() if targets}
        self._ends = {place for source, targets in self._rules.items() for place in (source, *targets)}


def _is_there(ctx: Context, place: Place) -> bool:
    db, key = place
    return db < len(ctx.databases) and isinstance(ctx.databases[db].values.get(key), ModuleValue)
