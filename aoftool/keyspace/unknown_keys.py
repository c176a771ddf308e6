"""Keys of which nobody here knows what they hold, in a replay that goes on all the same.

A command that is known by name and keys only, for no server that has it was at hand, touches the keys that it
names. What they hold behind it, and whether they are there, is not known until a command sets or removes all
of them; a command that looks at such a key makes what it writes unknown as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from aoftool.commands.effects import EffectTable, KeyEffect, Scope, unexecuted_names
from aoftool.databases import MOST_DATABASES
from aoftool.dataclass import replace
from aoftool.keyspace.context import Argv, Context
from aoftool.keyspace.payloads import target_of
from aoftool.keyspace.registry import Command, CommandTable
from aoftool.rdb.encode.payload import restore_refusal
from aoftool.rdb.encode.values import ValueEncoder
from aoftool.resp.encode import encoded_size
from aoftool.values.digest import value_digest
from aoftool.values.module import ModuleValue, UnknownValue
from aoftool.values.stand_in import digest_of, stood_bytes

__all__ = ["UNEXECUTED", "guarded", "make_unknown"]

_Use = tuple[int, bytes, KeyEffect]
"""Number of the database, key, and what the command does to it."""

# These take a value along, known or not, wherever it goes.
_TAKE_ALONG = frozenset((b"RENAME", b"COPY"))
# So do these, unless the destination is there already.
_TAKE_IF_FREE = frozenset((b"RENAMENX", b"MOVE"))
# Followed by other means: what they choose at random is noted, and the values of a module are stood for.
_FOLLOWED = frozenset((b"SPOP", b"VADD", b"VSETATTR"))


@cache
def _table(flavour: str) -> EffectTable:
    from aoftool.keyspace.flavour import flavour_named

    target = target_of(flavour_named(flavour))
    return EffectTable(MOST_DATABASES, lambda payload: not restore_refusal(payload, target))


def make_unknown(ctx: Context, argv: Argv) -> None:
    """Have all keys that a command may write hold what is not known."""
    uses = list(_uses(ctx, argv))
    before = [_digest(ctx, db, key) for db, key, _ in uses]
    size = encoded_size(map(len, argv)) + sum(_held_bytes(ctx, db, key) for db, key, _ in uses)
    for db, key, effect in uses:
        if effect is KeyEffect.READS or not ctx.has_database(db):
            continue
        database = ctx.databases[db]
        database.put(key, UnknownValue("", -1, digest_of([*before, *argv, key]), size, False))
        ctx.has_unknown = True


def guarded(command: Command) -> Command:
    """Return a command that is run only where all that it looks at is known."""

    def apply(ctx: Context, argv: Argv) -> None:
        if ctx.has_unknown and _looks_at_unknown(ctx, command.name, argv):
            make_unknown(ctx, argv)
        else:
            command.apply(ctx, argv)
        if ctx.compactions:
            ctx.compactions.follow(ctx, command.name, argv)

    return replace(command, apply=apply)


def _uses(ctx: Context, argv: Argv) -> Iterator[_Use]:
    effect = _table(ctx.flavour.name).of(argv)
    if effect.scope is Scope.KEY:
        for use in effect.keys:
            # In front of the arguments of some modules stands what no key is: their rule for coupled keys.
            if use.position:
                yield ctx.index if use.db is None else use.db, argv[use.position], use.effect


def _looks_at_unknown(ctx: Context, name: bytes, argv: Argv) -> bool:
    form = _table(ctx.flavour.name).of(argv).form
    if form.reads_database:
        return any(isinstance(value, UnknownValue) for value in ctx.db.values.values())
    unknown = [
        _is_unknown(ctx, db, key) for db, key, effect in _uses(ctx, argv) if effect is not KeyEffect.REPLACES
    ]
    if name in _TAKE_ALONG or not any(unknown):
        return False
    if name in _TAKE_IF_FREE:
        return unknown[-1]
    return True


def _is_unknown(ctx: Context, db: int, key: bytes) -> bool:
    return db < len(ctx.databases) and isinstance(ctx.databases[db].values.get(key), UnknownValue)


def _digest(ctx: Context, db: int, key: bytes) -> bytes:
    entry = ctx.databases[db].entry(key) if db < len(ctx.databases) else None
    if entry is None:
        return b""
    return entry.value.raw if isinstance(entry.value, ModuleValue) else value_digest(entry.value).encode()


def _held_bytes(ctx: Context, db: int, key: bytes) -> int:
    """Return what a key takes in an RDB, or the commands that made what stands for it."""
    entry = ctx.databases[db].entry(key) if db < len(ctx.databases) else None
    if entry is None:
        return 0
    if isinstance(entry.value, ModuleValue):
        return stood_bytes(entry.value)
    target = target_of(ctx.flavour)
    return 0 if target.refusal(entry.value) else len(ValueEncoder(target).encode(entry.value)[1])


def _unexecuted() -> dict[bytes, Command]:
    table = CommandTable()
    for name in unexecuted_names() - _FOLLOWED:
        table.command(name, -1)(make_unknown)
    return {command.name: command for command in table}


UNEXECUTED = _unexecuted()
"""Commands of which only the keys are known, by name."""
