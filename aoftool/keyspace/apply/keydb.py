"""What KeyDB has beside the commands of Redis: expire times of members, and another name for a field.

Source: KeyDB src/expire.cpp expireMemberCommand, src/t_hash.cpp hrenameCommand; from sources, not measured.
"""

from __future__ import annotations

from aoftool.keyspace.apply.keys import apply_persist
from aoftool.keyspace.context import Argv, Context
from aoftool.keyspace.numbers import parse_int
from aoftool.keyspace.refusal import NO_SUCH_KEY, SYNTAX, WRONG_TYPE, CommandRefused
from aoftool.keyspace.registry import CommandTable
from aoftool.values import HashValue, SetValue, ZSetValue

__all__ = ["TABLE"]

TABLE = CommandTable()


@TABLE.command(b"EXPIREMEMBER", -4)
def apply_expire_member(ctx: Context, argv: Argv) -> None:
    unit_ms = 1000
    if len(argv) > 4:
        if argv[4].lower() not in (b"s", b"ms"):
            raise CommandRefused(SYNTAX)
        unit_ms = 1 if argv[4].lower() == b"ms" else 1000
    _expire(ctx, argv, ctx.clock() + parse_int(argv[3]) * unit_ms)


@TABLE.command(b"EXPIREMEMBERAT", 4)
def apply_expire_member_at(ctx: Context, argv: Argv) -> None:
    _expire(ctx, argv, parse_int(argv[3]) * 1000)


@TABLE.command(b"PEXPIREMEMBERAT", 4)
def apply_pexpire_member_at(ctx: Context, argv: Argv) -> None:
    _expire(ctx, argv, parse_int(argv[3]))


def _expire(ctx: Context, argv: Argv, at_ms: int) -> None:
    """Give a member an expire time. Hashes have room for it; of other types it is kept beside the value."""
    key, member = argv[1], argv[2]
    value = ctx.db.values.get(key)
    if value is None:
        raise CommandRefused(NO_SUCH_KEY)
    if not isinstance(value, (HashValue, SetValue, ZSetValue)):
        raise CommandRefused(WRONG_TYPE)
    if member not in value:
        raise CommandRefused("ERR no such member")
    if isinstance(value, HashValue):
        value.expires[member] = at_ms
    else:
        ctx.member_times.give(value, member, at_ms, ctx.databases)
    ctx.db.changed.append(key)


@TABLE.command(b"KEYDB.HRENAME", 4)
def apply_hrename(ctx: Context, argv: Argv) -> None:
    value = ctx.get(argv[1], HashValue)
    if value is None or argv[2] not in value:
        raise CommandRefused(NO_SUCH_KEY)
    value[argv[3]] = value.pop(argv[2])
    ctx.db.changed.append(argv[1])


@TABLE.command(b"PERSIST", -2)
def apply_persist_member(ctx: Context, argv: Argv) -> None:
    """Take the expire time of a member away, or that of the key with those of its members."""
    value = ctx.db.values.get(argv[1])
    if len(argv) > 3 or value is None:
        return
    member = argv[2] if len(argv) == 3 else None
    ctx.member_times.drop(value, member)
    if isinstance(value, HashValue):
        for name in [*value.expires] if member is None else [member]:
            value.expires.pop(name, None)
    if member is None:
        apply_persist(ctx, argv)
