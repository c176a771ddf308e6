"""Hashes; the commands about expire times of fields are in `hash_expiry`."""

from __future__ import annotations

from aoftool.keyspace.context import Argv, Context
from aoftool.keyspace.numbers import (
    INT64_MAX,
    INT64_MIN,
    add_long_doubles,
    format_long_double,
    is_canonical_int64,
    parse_int,
    parse_long_double,
)
from aoftool.keyspace.refusal import WRONG_TYPE, CommandRefused
from aoftool.keyspace.registry import CommandTable
from aoftool.values import HashValue

__all__ = ["TABLE", "delete_fields", "hash_or_new", "live_value"]

TABLE = CommandTable()


def hash_or_new(ctx: Context, key: bytes) -> HashValue:
    """Return the hash at a key, stored new and empty when missing."""
    db = ctx.db
    value = db.values.get(key)
    if value is None:
        value = db.values[key] = HashValue()
    elif type(value) is not HashValue:
        raise CommandRefused(WRONG_TYPE)
    return value


def live_value(ctx: Context, value: HashValue, field: bytes) -> bytes | None:
    """Return what a command sees in a field while loading, None for nothing.

    Valkey's loader sees a field whose time is past; that of Redis treats it as absent, although it
    stays in memory.

    Source: Redis 7.4 src/t_hash.c hashTypeGetValue; measured on 8.0.6 and 9.1.2
    """
    if value.expires and ctx.flavour.field_expiry == "redis":
        expire_at_ms = value.expires.get(field)
        if expire_at_ms is not None and expire_at_ms < ctx.now_ms:
            ctx.clock_reads += 1
            return None
    return value.get(field)


def delete_fields(ctx: Context, key: bytes, value: HashValue, fields: Argv) -> None:
    """Remove fields with their expire times; an empty hash leaves."""
    before = len(value)
    expires = value.expires
    for field in fields:
        if field in value:
            del value[field]
            if field in expires:
                del expires[field]
    if len(value) != before:
        ctx.changed_or_gone(key, value)


@TABLE.command(b"HSET", -4, self_checking=True)
def apply_hset(ctx: Context, argv: Argv) -> None:
    if len(argv) % 2 or len(argv) < 4:
        raise CommandRefused("ERR wrong number of arguments for 'hset' command")
    key = argv[1]
    value = hash_or_new(ctx, key)
    if len(argv) == 4:
        value[argv[2]] = argv[3]
        if value.expires:
            value.expires.pop(argv[2], None)
    else:
        fields = argv[2::2]
        value.update(zip(fields, argv[3::2], strict=True))
        if value.expires:
            for field in fields:
                value.expires.pop(field, None)
    ctx.db.changed.append(key)


@TABLE.command(b"HMSET", -4, self_checking=True)
def apply_hmset(ctx: Context, argv: Argv) -> None:
    apply_hset(ctx, argv)


@TABLE.command(b"HSETNX", 4)
def apply_hsetnx(ctx: Context, argv: Argv) -> None:
    value = hash_or_new(ctx, argv[1])
    if live_value(ctx, value, argv[2]) is None:
        value[argv[2]] = argv[3]
        value.expires.pop(argv[2], None)
        ctx.db.changed.append(argv[1])


@TABLE.command(b"HDEL", -3)
def apply_hdel(ctx: Context, argv: Argv) -> None:
    value = ctx.get(argv[1], HashValue)
    if value is not None:
        delete_fields(ctx, argv[1], value, argv[2:])


@TABLE.command(b"HINCRBY", 4)
def apply_hincrby(ctx: Context, argv: Argv) -> None:
    """Add to a field; its expire time stays, a past one too."""
    amount = parse_int(argv[3])
    value = ctx.get(argv[1], HashValue)
    old = None if value is None else live_value(ctx, value, argv[2])
    total = amount
    if old is not None:
        if not is_canonical_int64(old):
            raise CommandRefused("ERR hash value is not an integer")
        total += int(old)
        if not INT64_MIN <= total <= INT64_MAX:
            raise CommandRefused("ERR increment or decrement would overflow")
    hash_or_new(ctx, argv[1])[argv[2]] = b"%d" % total
    ctx.db.changed.append(argv[1])


@TABLE.command(b"HINCRBYFLOAT", 4)
def apply_hincrbyfloat(ctx: Context, argv: Argv) -> None:
    amount = parse_long_double(argv[3])
    value = ctx.get(argv[1], HashValue)
    old = None if value is None else live_value(ctx, value, argv[2])
    try:
        number = parse_long_double(b"0" if old is None else old)
    except CommandRefused:
        raise CommandRefused("ERR hash value is not a float") from None
    total = add_long_doubles(number, amount)
    hash_or_new(ctx, argv[1])[argv[2]] = format_long_double(total)
    ctx.db.changed.append(argv[1])
