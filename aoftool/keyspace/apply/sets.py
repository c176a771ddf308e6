"""Sets. Members are bytes: `1`, `01` and `1.0` are three of them."""

from __future__ import annotations

from aoftool.keyspace.context import Argv, Context
from aoftool.keyspace.numbers import parse_positive
from aoftool.keyspace.refusal import SYNTAX, WRONG_TYPE, CommandRefused
from aoftool.keyspace.registry import CommandTable
from aoftool.values import SetValue

__all__ = ["TABLE"]

TABLE = CommandTable()


@TABLE.command(b"SADD", -3)
def apply_sadd(ctx: Context, argv: Argv) -> None:
    db = ctx.db
    key = argv[1]
    value = db.values.get(key)
    if value is None:
        value = db.values[key] = SetValue()
    elif type(value) is not SetValue:
        raise CommandRefused(WRONG_TYPE)
    before = len(value)
    if len(argv) == 3:
        value[argv[2]] = None
    else:
        value.update(dict.fromkeys(argv[2:]))
    if len(value) != before:
        db.changed.append(key)


@TABLE.command(b"SREM", -3)
def apply_srem(ctx: Context, argv: Argv) -> None:
    key = argv[1]
    value = ctx.get(key, SetValue)
    if value is None:
        return
    before = len(value)
    for member in argv[2:]:
        if member in value:
            del value[member]
    if len(value) != before:
        ctx.changed_or_gone(key, value)


@TABLE.command(b"SMOVE", 4)
def apply_smove(ctx: Context, argv: Argv) -> None:
    source, target, member = argv[1:]
    value = ctx.db.values.get(source)
    if value is None:
        return
    into = ctx.get(target, SetValue)
    value = ctx.get(source, SetValue)
    if value is None or value is into or member not in value:
        return
    del value[member]
    ctx.changed_or_gone(source, value)
    ctx.get_or_new(target, SetValue)[member] = None
    ctx.db.changed.append(target)


@TABLE.command(b"SPOP", -2)
def apply_spop(ctx: Context, argv: Argv) -> None:
    """Remove members; which ones is the server's random choice unless all of them go."""
    if len(argv) > 3:
        raise CommandRefused(SYNTAX)
    count = parse_positive(argv[2]) if len(argv) == 3 else 1
    key = argv[1]
    value = ctx.get(key, SetValue)
    if value is None or not count:
        return
    if count >= len(value):
        value.clear()
    else:
        ctx.choose("the members that SPOP removes")
        for member in list(value)[:count]:
            del value[member]
    ctx.changed_or_gone(key, value)


def _store(ctx: Context, target: bytes, members: SetValue) -> None:
    if members:
        ctx.make(members)
        ctx.db.put(target, members)
    else:
        ctx.db.delete(target)


def _sources(ctx: Context, keys: Argv) -> list[SetValue]:
    """Return the sets at the keys, a missing one as an empty set."""
    found = [ctx.get(key, SetValue) for key in keys]
    return [SetValue() if value is None else value for value in found]


@TABLE.command(b"SUNIONSTORE", -3)
def apply_sunionstore(ctx: Context, argv: Argv) -> None:
    union = SetValue()
    for value in _sources(ctx, argv[2:]):
        ctx.spend(len(value) // 8)
        union.update(value)
    _store(ctx, argv[1], union)


@TABLE.command(b"SDIFFSTORE", -3)
def apply_sdiffstore(ctx: Context, argv: Argv) -> None:
    first, *others = _sources(ctx, argv[2:])
    rest = SetValue(first)
    for value in others:
        ctx.spend(min(len(value), len(rest)) // 2)
        for member in value if len(value) < len(rest) else list(rest):
            if member in value:
                rest.pop(member, None)
    _store(ctx, argv[1], rest)


@TABLE.command(b"SINTERSTORE", -3)
def apply_sinterstore(ctx: Context, argv: Argv) -> None:
    smallest, *others = sorted(_sources(ctx, argv[2:]), key=len)
    ctx.spend(len(smallest) * len(others) // 2)
    common = (member for member in smallest if all(member in other for other in others))
    _store(ctx, argv[1], SetValue(dict.fromkeys(common)))
