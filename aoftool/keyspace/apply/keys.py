"""Commands on whole keys and whole databases: deleting, renaming, copying, expire times, RESTORE.

Nothing expires while loading: a past time is stored like any other.
"""

from __future__ import annotations

from collections.abc import Callable

from aoftool.keyspace.context import Argv, CannotFollow, Context
from aoftool.keyspace.copies import copied
from aoftool.keyspace.database import Database
from aoftool.keyspace.numbers import INT64_MAX, INT64_MIN, parse_int
from aoftool.keyspace.payloads import target_of
from aoftool.keyspace.refusal import (
    INVALID_EXPIRE,
    NO_SUCH_KEY,
    SYNTAX,
    CommandRefused,
)
from aoftool.keyspace.registry import CommandTable
from aoftool.keyspace.zset_encoding import settle
from aoftool.rdb.encode.payload import decode_payload, restore_refusal
from aoftool.rdb.opcodes import Family
from aoftool.values import ZSetValue

__all__ = ["TABLE", "database_index"]

TABLE = CommandTable()

_BAD_DB = "ERR DB index is out of range"
# RDB value types of a sorted set in a ziplist and in a listpack.
_COMPACT_ZSETS = frozenset({12, 17})
_SAME_OBJECT = "ERR source and destination objects are the same"


def database_index(ctx: Context, text: bytes, refusal: str = _BAD_DB) -> int:
    """Return the number of an existing database."""
    index = parse_int(text, refusal)
    if not ctx.has_database(index):
        raise CommandRefused(_BAD_DB)
    return index


@TABLE.command(b"DEL", -2)
def apply_del(ctx: Context, argv: Argv) -> None:
    db = ctx.db
    values = db.values
    for key in argv[1:]:
        if key in values:
            del values[key]
            if key in db.expires:
                del db.expires[key]
            db.changed.append(key)


TABLE.command(b"UNLINK", -2)(apply_del)


def _move_entry(source: Database, key: bytes, target: Database, name: bytes) -> None:
    """Take a key with its expire time elsewhere, over whatever is there."""
    value = source.values[key]
    expire_at_ms = source.expires.get(key)
    source.delete(key)
    target.put(name, value, expire_at_ms)


def _rename(ctx: Context, argv: Argv, *, over: bool) -> None:
    db = ctx.db
    source, target = argv[1:3]
    if source not in db.values:
        raise CommandRefused(NO_SUCH_KEY)
    if source != target and (over or target not in db.values):
        _move_entry(db, source, db, target)


@TABLE.command(b"RENAME", 3)
def apply_rename(ctx: Context, argv: Argv) -> None:
    _rename(ctx, argv, over=True)


@TABLE.command(b"RENAMENX", 3)
def apply_renamenx(ctx: Context, argv: Argv) -> None:
    _rename(ctx, argv, over=False)


@TABLE.command(b"MOVE", 3)
def apply_move(ctx: Context, argv: Argv) -> None:
    target = ctx.databases[database_index(ctx, argv[2])]
    if target is ctx.db:
        raise CommandRefused(_SAME_OBJECT)
    if argv[1] in ctx.db.values and argv[1] not in target.values:
        _move_entry(ctx.db, argv[1], target, argv[1])


@TABLE.command(b"COPY", -3, redis=(6, 2))
def apply_copy(ctx: Context, argv: Argv) -> None:
    target = ctx.db
    replace = False
    at = 3
    while at < len(argv):
        word = argv[at].upper()
        if word == b"REPLACE":
            replace = True
        elif word == b"DB" and at + 1 < len(argv):
            at += 1
            target = ctx.databases[database_index(ctx, argv[at])]
        else:
            raise CommandRefused(SYNTAX)
        at += 1
    source, name = argv[1:3]
    if target is ctx.db and source == name:
        raise CommandRefused(_SAME_OBJECT)
    value = ctx.db.values.get(source)
    if value is not None and (replace or name not in target.values):
        copy = copied(value, stands_in=ctx.stands_in)
        if type(value) is not bytes:  # which cannot change, and is shared
            ctx.make(copy)
            ctx.member_times.share(value, copy)
        target.put(name, copy, ctx.db.expires.get(source))


@TABLE.command(b"SWAPDB", 3)
def apply_swapdb(ctx: Context, argv: Argv) -> None:
    first = parse_int(argv[1], "ERR invalid first DB index")
    second = parse_int(argv[2], "ERR invalid second DB index")
    if not (ctx.has_database(first) and ctx.has_database(second)):
        raise CommandRefused(_BAD_DB)
    if first != second:
        ctx.databases[first].swap(ctx.databases[second])


def _check_flush(argv: Argv) -> None:
    if len(argv) > 2 or (len(argv) == 2 and argv[1].upper() not in (b"SYNC", b"ASYNC")):
        raise CommandRefused(SYNTAX)


@TABLE.command(b"FLUSHDB", -1)
def apply_flushdb(ctx: Context, argv: Argv) -> None:
    _check_flush(argv)
    ctx.db.clear()


@TABLE.command(b"FLUSHALL", -1)
def apply_flushall(ctx: Context, argv: Argv) -> None:
    _check_flush(argv)
    for db in ctx.databases:
        db.clear()


@TABLE.command(b"PERSIST", 2)
def apply_persist(ctx: Context, argv: Argv) -> None:
    if ctx.db.expires.pop(argv[1], None) is not None:
        ctx.db.changed.append(argv[1])


def _set_deadline(ctx: Context, key: bytes, deadline: int) -> None:
    """Store a deadline as the server does when it is negative.

    Up to Valkey 8.1 a deadline of -1 cannot be told from none. Source: measured on 6.2.5 to 9.1.2
    """
    db = ctx.db
    if deadline < 0 and ctx.flavour.negative_expiry_is_zero:
        deadline = 0
    elif deadline < 0 and ctx.flavour.negative_expiry_harms:
        raise CannotFollow("crash", "a negative expire time damages the key and may end the server")
    if deadline == -1:
        db.expires.pop(key, None)
    else:
        db.expires[key] = deadline
    db.changed.append(key)


def _to_deadline(ctx: Context, text: bytes, unit: int, *, relative: bool) -> int:
    """Return an absolute time in ms; it may be negative.

    Source: Redis 7.0 src/expire.c expireGenericCommand
    """
    time = parse_int(text)
    base = ctx.clock() if relative else 0
    deadline = time * unit
    if not ctx.flavour.expire_conditions:
        return _wrapped_deadline(time, deadline, base)
    if not INT64_MIN <= deadline <= INT64_MAX or deadline + base > INT64_MAX:
        raise CommandRefused(INVALID_EXPIRE)
    return deadline + base


def _wrapped_deadline(time: int, deadline: int, base: int) -> int:
    """Return what 6.2 makes of it: it overflows first and looks afterwards.

    Source: Redis 6.2.5 src/expire.c expireGenericCommand
    """

    def wrap(number: int) -> int:
        return (number - INT64_MIN & (1 << 64) - 1) + INT64_MIN

    total = wrap(wrap(deadline) + base)
    if (total < 0 <= time) or (wrap(total - base) > 0 > time):
        raise CommandRefused(INVALID_EXPIRE)
    return total


def _condition(ctx: Context, words: Argv) -> Callable[[int | None, int], bool]:
    """Return the test of old and new deadline that NX, XX, GT, LT ask for."""
    if not ctx.flavour.expire_conditions:
        return lambda old, new: True
    asked = {word.upper() for word in words}
    if not asked <= {b"NX", b"XX", b"GT", b"LT"}:
        raise CommandRefused("ERR Unsupported option")
    if b"NX" in asked and len(asked) > 1:
        raise CommandRefused("ERR NX and XX, GT or LT options at the same time are not compatible")
    if {b"GT", b"LT"} <= asked:
        raise CommandRefused("ERR GT and LT options at the same time are not compatible")

    def holds(old: int | None, new: int) -> bool:
        if old is None:
            return not asked & {b"XX", b"GT"}
        return not (b"NX" in asked or (b"GT" in asked and new <= old) or (b"LT" in asked and new >= old))

    return holds


def _expire(ctx: Context, argv: Argv, unit: int, *, relative: bool) -> None:
    if len(argv) == 3 or not ctx.flavour.expire_conditions:
        if len(argv) > 3 and ctx.flavour.strict_arity:
            raise CommandRefused(SYNTAX)
        deadline = _to_deadline(ctx, argv[2], unit, relative=relative)
        if argv[1] in ctx.db.values:
            _set_deadline(ctx, argv[1], deadline)
        return
    holds = _condition(ctx, argv[3:])
    deadline = _to_deadline(ctx, argv[2], unit, relative=relative)
    if argv[1] in ctx.db.values and holds(ctx.db.expires.get(argv[1]), deadline):
        _set_deadline(ctx, argv[1], deadline)


@TABLE.command(b"PEXPIREAT", -3)
def apply_pexpireat(ctx: Context, argv: Argv) -> None:
    _expire(ctx, argv, 1, relative=False)


@TABLE.command(b"EXPIREAT", -3)
def apply_expireat(ctx: Context, argv: Argv) -> None:
    _expire(ctx, argv, 1000, relative=False)


@TABLE.command(b"PEXPIRE", -3)
def apply_pexpire(ctx: Context, argv: Argv) -> None:
    _expire(ctx, argv, 1, relative=True)


@TABLE.command(b"EXPIRE", -3)
def apply_expire(ctx: Context, argv: Argv) -> None:
    _expire(ctx, argv, 1000, relative=True)


@TABLE.command(b"RESTORE", -4)
def apply_restore(ctx: Context, argv: Argv) -> None:
    replace, absolute = _parse_restore_options(argv[4:])
    if not replace and argv[1] in ctx.db.values:
        raise CommandRefused("BUSYKEY Target key name already exists.")
    ttl = parse_int(argv[2])
    if ttl < 0:
        raise CommandRefused("ERR Invalid TTL value, must be >= 0")
    target = target_of(ctx.flavour)
    refusal = restore_refusal(argv[3], target)
    if refusal:
        raise CommandRefused(f"ERR {refusal}")
    value = decode_payload(argv[3], Family(target.flavour))
    if type(value) is ZSetValue:
        settle(value, ctx.flavour, compact=argv[3][0] in _COMPACT_ZSETS)
    ctx.unpack(value, len(argv[3]))
    if ttl and not absolute:
        ttl += ctx.clock()
    ctx.db.put(argv[1], value, ttl or None)


TABLE.command(b"RESTORE-ASKING", -4)(apply_restore)


def _parse_restore_options(words: Argv) -> tuple[bool, bool]:
    """Return whether REPLACE and ABSTTL are there; IDLETIME and FREQ are only checked.

    Source: Redis 7.0 src/cluster.c restoreCommand
    """
    replace = absolute = False
    usage = b""
    at = 0
    while at < len(words):
        word = words[at].upper()
        if word == b"REPLACE":
            replace = True
        elif word == b"ABSTTL":
            absolute = True
        elif word in (b"IDLETIME", b"FREQ") and at + 1 < len(words) and usage in (b"", word):
            usage = word
            at += 1
            number = parse_int(words[at])
            if number < 0 or (word == b"FREQ" and number > 255):
                raise CommandRefused(f"ERR Invalid {word.decode()} value")
        else:
            raise CommandRefused(SYNTAX)
        at += 1
    return replace, absolute
