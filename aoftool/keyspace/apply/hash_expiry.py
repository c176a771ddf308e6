"""Expire times of hash fields: HPEXPIREAT and its kin, HSETEX, HGETEX, HGETDEL, HPERSIST.

Redis (7.4 and later) and Valkey (9) agree on the text of most of these and not on what they do to a
field whose time is past; see `live_value`. Nothing is removed while loading.
"""

from __future__ import annotations

from aoftool.dataclass import dataclass
from aoftool.keyspace.apply.hashes import delete_fields, hash_or_new, live_value
from aoftool.keyspace.context import Argv, Context
from aoftool.keyspace.numbers import INT64_MAX, parse_int
from aoftool.keyspace.refusal import INVALID_EXPIRE, SYNTAX, CommandRefused
from aoftool.keyspace.registry import CommandTable
from aoftool.values import HashValue

__all__ = ["TABLE"]

TABLE = CommandTable()

# HFE_MAX_ABS_TIME_MSEC: a quarter of the 48 bits that Redis keeps for a field's time.
_REDIS_LATEST_MS = 0x0000_FFFF_FFFF_FFFE >> 2
_TIMES = {b"EX": (1000, True), b"PX": (1, True), b"EXAT": (1000, False), b"PXAT": (1, False)}
_CONDITIONS = frozenset({b"NX", b"XX", b"GT", b"LT"})
# hash-max-listpack-entries and -value as every release ships them.
_MAX_SMALL_FIELDS = 512
_MAX_SMALL_BYTES = 64


def _deadline(ctx: Context, text: bytes, unit: int, *, relative: bool) -> int:
    """Return an absolute time in ms, which may be past but not negative."""
    latest = _REDIS_LATEST_MS if ctx.flavour.field_expiry == "redis" else INT64_MAX
    time = parse_int(text)
    if time < 0 or time > latest // unit:
        raise CommandRefused(INVALID_EXPIRE)
    deadline = time * unit
    if relative:
        deadline += ctx.clock()
    if deadline > latest:
        raise CommandRefused(INVALID_EXPIRE)
    return deadline


def _set_time(ctx: Context, value: HashValue, field: bytes, deadline: int) -> None:
    """Store a field's time. In Redis' small encoding 0 is how "no time" is written.

    Which encoding a hash has is told by what is in it now; one that was large before and shrank is
    taken for small. Servers never record a time of 0.

    Source: measured on 8.0.6
    """
    if not deadline and ctx.flavour.field_expiry == "redis" and _is_small(value):
        value.expires.pop(field, None)
    else:
        value.expires[field] = deadline


def _is_small(value: HashValue) -> bool:
    return len(value) <= _MAX_SMALL_FIELDS and all(
        len(name) <= _MAX_SMALL_BYTES and len(content) <= _MAX_SMALL_BYTES for name, content in value.items()
    )


def _fields(argv: Argv, at: int, size: int = 1) -> list[bytes]:
    """Return what follows `FIELDS n` at a position; each field takes `size` arguments."""
    if at >= len(argv) or argv[at].upper() != b"FIELDS":
        raise CommandRefused("ERR Mandatory argument FIELDS is missing or not at the right position")
    if at + 1 >= len(argv):
        raise CommandRefused(SYNTAX)
    count = parse_int(argv[at + 1])
    if count < 1:
        raise CommandRefused("ERR Parameter `numFields` should be greater than 0")
    if count * size != len(argv) - at - 2:
        raise CommandRefused("ERR The `numfields` parameter must match the number of arguments")
    return list(argv[at + 2 :])


def _expire(ctx: Context, argv: Argv, unit: int, *, relative: bool) -> None:
    value = ctx.get(argv[1], HashValue)
    deadline = _deadline(ctx, argv[2], unit, relative=relative)
    condition = argv[3].upper()
    conditional = condition in _CONDITIONS
    fields = _fields(argv, 4 if conditional else 3)
    if value is None:
        return
    changed = False
    for field in fields:
        if field in value and (not conditional or _meets(condition, value.expires.get(field), deadline)):
            _set_time(ctx, value, field, deadline)
            changed = True
    if changed:
        ctx.db.changed.append(argv[1])


def _meets(condition: bytes, old: int | None, deadline: int) -> bool:
    if condition == b"NX":
        return old is None
    if condition == b"XX":
        return old is not None
    if condition == b"GT":
        return old is not None and deadline > old
    return old is None or deadline < old


@TABLE.command(b"HPEXPIREAT", -6, redis=(7, 4), valkey=(9, 0))
def apply_hpexpireat(ctx: Context, argv: Argv) -> None:
    _expire(ctx, argv, 1, relative=False)


@TABLE.command(b"HEXPIREAT", -6, redis=(7, 4), valkey=(9, 0))
def apply_hexpireat(ctx: Context, argv: Argv) -> None:
    _expire(ctx, argv, 1000, relative=False)


@TABLE.command(b"HPEXPIRE", -6, redis=(7, 4), valkey=(9, 0))
def apply_hpexpire(ctx: Context, argv: Argv) -> None:
    _expire(ctx, argv, 1, relative=True)


@TABLE.command(b"HEXPIRE", -6, redis=(7, 4), valkey=(9, 0))
def apply_hexpire(ctx: Context, argv: Argv) -> None:
    _expire(ctx, argv, 1000, relative=True)


@TABLE.command(b"HPERSIST", -5, redis=(7, 4), valkey=(9, 0))
def apply_hpersist(ctx: Context, argv: Argv) -> None:
    value = ctx.get(argv[1], HashValue)
    fields = _fields(argv, 2)
    if value is not None:
        _persist(ctx, argv[1], value, fields)


def _persist(ctx: Context, key: bytes, value: HashValue, fields: Argv) -> None:
    changed = False
    for field in fields:
        if field in value.expires and live_value(ctx, value, field) is not None:
            del value.expires[field]
            changed = True
    if changed:
        ctx.db.changed.append(key)


@dataclass(slots=True)
class _Options:
    """The options of HSETEX and HGETEX, up to the word FIELDS."""

    end: int
    key_condition: bytes = b""
    field_condition: bytes = b""
    keep: bool = False
    persist: bool = False
    deadline: int | None = None

    def has_time(self) -> bool:
        return self.keep or self.persist or self.deadline is not None


def _parse_options(ctx: Context, argv: Argv, words: frozenset[bytes]) -> _Options:
    options = _Options(2)
    at = 2
    while at < len(argv) and (word := argv[at].upper()) != b"FIELDS":
        if word not in words:
            raise CommandRefused(SYNTAX)
        if word in (b"FNX", b"FXX"):
            if options.field_condition:
                raise CommandRefused(SYNTAX)
            options.field_condition = word
        elif word in (b"NX", b"XX"):
            if options.key_condition:
                raise CommandRefused(SYNTAX)
            options.key_condition = word
        else:
            if options.has_time():
                raise CommandRefused(SYNTAX)
            if word in _TIMES:
                at += 1
                if at == len(argv):
                    raise CommandRefused(SYNTAX)
                unit, relative = _TIMES[word]
                options.deadline = _deadline(ctx, argv[at], unit, relative=relative)
            else:
                options.keep = word == b"KEEPTTL"
                options.persist = word == b"PERSIST"
        at += 1
    options.end = at
    return options


_HSETEX_WORDS = frozenset({b"FNX", b"FXX", b"KEEPTTL", *_TIMES})
_HSETEX_WORDS_VALKEY = _HSETEX_WORDS | {b"NX", b"XX"}
_HGETEX_WORDS = frozenset({b"PERSIST", *_TIMES})


@TABLE.command(b"HSETEX", -6, redis=(8, 0), valkey=(9, 0))
def apply_hsetex(ctx: Context, argv: Argv) -> None:
    valkey = ctx.flavour.family == "valkey"
    options = _parse_options(ctx, argv, _HSETEX_WORDS_VALKEY if valkey else _HSETEX_WORDS)
    pairs = _fields(argv, options.end, 2)
    key = argv[1]
    old = ctx.get(key, HashValue)
    if not _hsetex_applies(ctx, old, options, pairs[::2]):
        return
    value = hash_or_new(ctx, key)
    for field, content in zip(pairs[::2], pairs[1::2], strict=True):
        value[field] = content
        if not options.keep:
            value.expires.pop(field, None)
    if options.deadline is not None:
        for field in pairs[::2]:
            _set_time(ctx, value, field, options.deadline)
    ctx.db.changed.append(key)


def _hsetex_applies(ctx: Context, value: HashValue | None, options: _Options, fields: list[bytes]) -> bool:
    if options.key_condition and (value is None) == (options.key_condition == b"XX"):
        return False
    if not options.field_condition:
        return True
    present = [value is not None and live_value(ctx, value, field) is not None for field in fields]
    return all(present) if options.field_condition == b"FXX" else not any(present)


@TABLE.command(b"HGETEX", -5, redis=(8, 0), valkey=(9, 0))
def apply_hgetex(ctx: Context, argv: Argv) -> None:
    options = _parse_options(ctx, argv, _HGETEX_WORDS)
    fields = _fields(argv, options.end)
    value = ctx.get(argv[1], HashValue)
    if value is None:
        return
    if options.persist:
        _persist(ctx, argv[1], value, fields)
    elif options.deadline is not None:
        changed = False
        for field in fields:
            if live_value(ctx, value, field) is not None:
                _set_time(ctx, value, field, options.deadline)
                changed = True
        if changed:
            ctx.db.changed.append(argv[1])


@TABLE.command(b"HGETDEL", -5, redis=(8, 0), valkey=(9, 1))
def apply_hgetdel(ctx: Context, argv: Argv) -> None:
    fields = _fields(argv, 2)
    value = ctx.get(argv[1], HashValue)
    if value is not None:
        found = [field for field in fields if live_value(ctx, value, field) is not None]
        delete_fields(ctx, argv[1], value, found)
