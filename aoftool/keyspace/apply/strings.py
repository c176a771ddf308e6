"""Strings: SET and its kin, counters, APPEND and SETRANGE.

Bits are in `bitmaps`, HyperLogLogs in `hyperloglog`; both are strings to the database.
"""

from __future__ import annotations

from aoftool.dataclass import dataclass
from aoftool.keyspace.apply.conditions import CONDITIONS, condition_holds
from aoftool.keyspace.context import Argv, Context
from aoftool.keyspace.flavour import Flavour
from aoftool.keyspace.made import BUFFER_FROM
from aoftool.keyspace.numbers import (
    INT64_MAX,
    INT64_MIN,
    add_long_doubles,
    format_long_double,
    parse_int,
    parse_long_double,
)
from aoftool.keyspace.refusal import (
    INVALID_EXPIRE,
    NOT_AN_INTEGER,
    SYNTAX,
    WRONG_TYPE,
    CommandRefused,
)
from aoftool.keyspace.registry import CommandTable

__all__ = ["TABLE", "expire_deadline"]

TABLE = CommandTable()

_TIMES = {b"EX": (1000, True), b"PX": (1, True), b"EXAT": (1000, False), b"PXAT": (1, False)}


@dataclass(slots=True)
class _Options:
    """The options of SET, GETEX and MSETEX."""

    nx: bool = False
    xx: bool = False
    get: bool = False
    keep: bool = False
    persist: bool = False
    condition: bytes = b""
    match: bytes = b""
    time_word: bytes | None = None
    time: bytes = b""

    def deadline(self, ctx: Context) -> int | None:
        """Return the absolute expire time asked for, if any."""
        if self.time_word is None:
            return None
        unit, relative = _TIMES[self.time_word]
        return expire_deadline(ctx, self.time, unit, relative=relative)


def expire_deadline(ctx: Context, text: bytes, unit: int, *, relative: bool) -> int:
    """Return an absolute expire time in ms from an option's argument, which must be positive.

    Source: Redis 7.0 src/t_string.c getExpireMillisecondsOrReply
    """
    time = parse_int(text)
    if time <= 0 or time > INT64_MAX // unit:
        raise CommandRefused(INVALID_EXPIRE)
    deadline = time * unit
    if relative:
        deadline += ctx.clock()
    if deadline > INT64_MAX:
        raise CommandRefused(INVALID_EXPIRE)
    return deadline


def _parse_options(ctx: Context, argv: Argv, start: int, allowed: frozenset[bytes]) -> _Options:
    """Read options in any order, refusing the pairs the servers refuse.

    A time may be given twice in the same unit (the last one counts) but not in two units.

    Source: Redis 7.0 src/t_string.c parseExtendedStringArgumentsOrReply
    """
    options = _Options()
    words = iter(range(start, len(argv)))
    for at in words:
        word = argv[at].upper()
        if word not in allowed or not _fits(options, word, ctx.flavour):
            raise CommandRefused(SYNTAX)
        if word == b"NX":
            options.nx = True
        elif word == b"XX":
            options.xx = True
        elif word == b"GET":
            options.get = True
        elif word == b"KEEPTTL":
            options.keep = True
        elif word == b"PERSIST":
            options.persist = True
        else:
            if at + 1 == len(argv):
                raise CommandRefused(SYNTAX)
            next(words)
            if word in CONDITIONS:
                options.condition, options.match = word, argv[at + 1]
            else:
                options.time_word, options.time = word, argv[at + 1]
    return options


def _fits(options: _Options, word: bytes, flavour: Flavour) -> bool:
    if word == b"NX":
        return (
            not options.xx
            and not _stands_alone(options, flavour)
            and (flavour.get_with_nx or not options.get)
        )
    if word == b"XX":
        return not options.nx and not _stands_alone(options, flavour)
    if word == b"GET":
        return flavour.get_with_nx or not options.nx
    if word in CONDITIONS:
        alone = not options.nx and not options.xx and not _stands_alone(options, flavour)
        return alone and options.condition in (b"", word)
    if word in (b"KEEPTTL", b"PERSIST"):
        return options.time_word is None
    return not options.keep and not options.persist and options.time_word in (None, word)


def _stands_alone(options: _Options, flavour: Flavour) -> bool:
    """Tell whether nothing may follow a condition that was given: Redis lets it come again, and NX behind it.

    Source: Redis 8.6 src/t_string.c parseExtendedStringArgumentsOrReply
    """
    return bool(options.condition) and flavour.family == "valkey"


_SET_WORDS = frozenset({b"NX", b"XX", b"GET", b"KEEPTTL", *_TIMES})
_SET_WORDS_IFEQ = _SET_WORDS | {b"IFEQ"}
_SET_WORDS_84 = _SET_WORDS | CONDITIONS
_GETEX_WORDS = frozenset({b"PERSIST", *_TIMES})
_MSETEX_WORDS = frozenset({b"NX", b"XX", b"KEEPTTL", *_TIMES})


@TABLE.command(b"SET", -3)
def apply_set(ctx: Context, argv: Argv) -> None:
    db = ctx.db
    key = argv[1]
    if len(argv) == 3:
        db.values[key] = argv[2]
        if key in db.expires:
            del db.expires[key]
        db.changed.append(key)
        return
    if len(argv) == 5 and argv[3] == b"PXAT":
        deadline = expire_deadline(ctx, argv[4], 1, relative=False)
        db.values[key] = argv[2]
        db.expires[key] = deadline
        db.changed.append(key)
        return
    _set_with_options(ctx, argv)


def _set_with_options(ctx: Context, argv: Argv) -> None:
    db = ctx.db
    key = argv[1]
    options = _parse_options(ctx, argv, 3, _set_words(ctx.flavour))
    expire_at_ms = options.deadline(ctx)
    if options.get:
        ctx.string(key)
    found = key in db.values
    if (options.nx and found) or (options.xx and not found):
        return
    if options.condition and not condition_holds(ctx, key, options.condition, options.match):
        return
    if options.keep:
        expire_at_ms = db.expires.get(key)
    db.put(key, argv[2], expire_at_ms)


def _set_words(flavour: Flavour) -> frozenset[bytes]:
    if flavour.set_ifeq:
        return _SET_WORDS_IFEQ
    return _SET_WORDS_84 if flavour.has((8, 4), None) else _SET_WORDS


@TABLE.command(b"SETNX", 3)
def apply_setnx(ctx: Context, argv: Argv) -> None:
    if argv[1] not in ctx.db.values:
        ctx.db.put(argv[1], argv[2])


def _set_for(ctx: Context, argv: Argv, unit: int) -> None:
    ctx.db.put(argv[1], argv[3], expire_deadline(ctx, argv[2], unit, relative=True))


@TABLE.command(b"SETEX", 4)
def apply_setex(ctx: Context, argv: Argv) -> None:
    _set_for(ctx, argv, 1000)


@TABLE.command(b"PSETEX", 4)
def apply_psetex(ctx: Context, argv: Argv) -> None:
    _set_for(ctx, argv, 1)


@TABLE.command(b"GETSET", 3)
def apply_getset(ctx: Context, argv: Argv) -> None:
    ctx.string(argv[1])
    ctx.db.put(argv[1], argv[2])


@TABLE.command(b"GETDEL", 2, redis=(6, 2))
def apply_getdel(ctx: Context, argv: Argv) -> None:
    ctx.string(argv[1])
    ctx.db.delete(argv[1])


@TABLE.command(b"GETEX", -2, redis=(6, 2))
def apply_getex(ctx: Context, argv: Argv) -> None:
    options = _parse_options(ctx, argv, 2, _GETEX_WORDS)
    db = ctx.db
    key = argv[1]
    if ctx.string(key) is None:
        return
    deadline = options.deadline(ctx)
    if deadline is not None:
        db.expires[key] = deadline
        db.changed.append(key)
    elif options.persist and key in db.expires:
        del db.expires[key]
        db.changed.append(key)


@TABLE.command(b"MSET", -3)
def apply_mset(ctx: Context, argv: Argv) -> None:
    if len(argv) % 2 == 0:
        raise CommandRefused("ERR wrong number of arguments for 'mset' command")
    put = ctx.db.put
    for at in range(1, len(argv), 2):
        put(argv[at], argv[at + 1])


@TABLE.command(b"MSETNX", -3)
def apply_msetnx(ctx: Context, argv: Argv) -> None:
    if len(argv) % 2 == 0:
        raise CommandRefused("ERR wrong number of arguments for 'msetnx' command")
    if not any(key in ctx.db.values for key in argv[1::2]):
        apply_mset(ctx, argv)


@TABLE.command(b"MSETEX", -4, redis=(8, 4), valkey=(9, 1))
def apply_msetex(ctx: Context, argv: Argv) -> None:
    count = parse_int(argv[1], "ERR invalid numkeys value")
    if count <= 0 or count > (len(argv) - 2) // 2:
        raise CommandRefused(
            "ERR wrong number of key-value pairs" if count > 0 else "ERR invalid numkeys value"
        )
    end = 2 + 2 * count
    options = _parse_options(ctx, argv, end, _MSETEX_WORDS)
    expire_at_ms = options.deadline(ctx)
    db = ctx.db
    keys = argv[2:end:2]
    if (options.nx and any(key in db.values for key in keys)) or (
        options.xx and not all(key in db.values for key in keys)
    ):
        return
    for at in range(2, end, 2):
        db.put(argv[at], argv[at + 1], db.expires.get(argv[at]) if options.keep else expire_at_ms)


def _add(ctx: Context, key: bytes, amount: int) -> None:
    db = ctx.db
    value = db.values.get(key)
    if value is None:
        total = amount
    else:
        if type(value) is not bytes and type(value) is not bytearray:
            raise CommandRefused(WRONG_TYPE)
        try:
            number = int(value)
        except ValueError:
            raise CommandRefused(NOT_AN_INTEGER) from None
        if b"%d" % number != value or not INT64_MIN <= number <= INT64_MAX:
            raise CommandRefused(NOT_AN_INTEGER)
        total = number + amount
        if not INT64_MIN <= total <= INT64_MAX:
            raise CommandRefused("ERR increment or decrement would overflow")
    db.values[key] = b"%d" % total
    db.changed.append(key)


@TABLE.command(b"INCR", 2)
def apply_incr(ctx: Context, argv: Argv) -> None:
    _add(ctx, argv[1], 1)


@TABLE.command(b"DECR", 2)
def apply_decr(ctx: Context, argv: Argv) -> None:
    _add(ctx, argv[1], -1)


@TABLE.command(b"INCRBY", 3)
def apply_incrby(ctx: Context, argv: Argv) -> None:
    _add(ctx, argv[1], parse_int(argv[2]))


@TABLE.command(b"DECRBY", 3)
def apply_decrby(ctx: Context, argv: Argv) -> None:
    amount = -parse_int(argv[2])
    if amount > INT64_MAX:
        if ctx.flavour.has((7, 0), (7, 2)):
            raise CommandRefused("ERR decrement would overflow")
        # 6.2 negates the least number into itself.
        amount = INT64_MIN
    _add(ctx, argv[1], amount)


@TABLE.command(b"INCRBYFLOAT", 3)
def apply_incrbyfloat(ctx: Context, argv: Argv) -> None:
    value = ctx.string(argv[1])
    number = parse_long_double(b"0" if value is None else value)
    total = add_long_doubles(number, parse_long_double(argv[2]))
    ctx.db.values[argv[1]] = format_long_double(total)
    ctx.db.changed.append(argv[1])


@TABLE.command(b"APPEND", 3)
def apply_append(ctx: Context, argv: Argv) -> None:
    db = ctx.db
    key, more = argv[1], argv[2]
    value = ctx.string(key)
    if value is None:
        db.values[key] = more
    else:
        ctx.check_length(len(value) + len(more))
        if type(value) is bytearray:
            value += more
        elif len(value) < BUFFER_FROM:
            db.values[key] = value + more
        else:
            buffer = db.values[key] = ctx.buffer(value, 0)
            buffer += more
    db.changed.append(key)


@TABLE.command(b"SETRANGE", 4)
def apply_setrange(ctx: Context, argv: Argv) -> None:
    offset = parse_int(argv[2])
    if offset < 0:
        raise CommandRefused("ERR offset is out of range")
    db = ctx.db
    key, piece = argv[1], argv[3]
    value = ctx.string(key)
    if not piece:
        return
    end = offset + len(piece)
    ctx.check_length(end)
    buffer = ctx.buffer(value, end)
    buffer[offset:end] = piece
    db.values[key] = buffer if len(buffer) >= BUFFER_FROM else bytes(buffer)
    db.changed.append(key)
