"""Sorted sets: adding, removing and popping. The commands that store a result are in `zset_stores`."""

from __future__ import annotations

import math

from aoftool.keyspace.algorithms.zset_ranges import (
    lex_ranks,
    parse_lex,
    parse_score_bound,
    rank_range,
    score_ranks,
)
from aoftool.keyspace.apply.blocking import check_timeout
from aoftool.keyspace.context import Argv, Context
from aoftool.keyspace.numbers import parse_float, parse_int, parse_positive
from aoftool.keyspace.refusal import SYNTAX, WRONG_TYPE, CommandRefused
from aoftool.keyspace.registry import CommandTable
from aoftool.keyspace.zset_encoding import MAX_SMALL_MEMBER_BYTES, MAX_SMALL_MEMBERS, add_member
from aoftool.namedtuple import NamedTuple
from aoftool.values import ZSetValue

__all__ = ["TABLE"]

TABLE = CommandTable()

_NAN = "ERR resulting score is not a number (NaN)"


class _AddOptions(NamedTuple):
    """The words between the key of a ZADD and its first score."""

    end: int
    nx: bool = False
    xx: bool = False
    gt: bool = False
    lt: bool = False
    incr: bool = False


_ADD_WORDS = frozenset({b"NX", b"XX", b"GT", b"LT", b"CH", b"INCR"})
_NO_OPTIONS = _AddOptions(2)
_INCR_OPTION = _AddOptions(2, incr=True)


def _parse_add_options(argv: Argv, *, incr: bool) -> _AddOptions:
    """Read and check the options.

    Source: Redis 7.0 src/t_zset.c zaddGenericCommand
    """
    end = 2
    words = set()
    while end < len(argv) and (word := argv[end].upper()) in _ADD_WORDS:
        words.add(word)
        end += 1
    pairs, odd = divmod(len(argv) - end, 2)
    if odd or not pairs:
        raise CommandRefused(SYNTAX)
    nx, xx, gt, lt = (word in words for word in (b"NX", b"XX", b"GT", b"LT"))
    incr = incr or b"INCR" in words
    if nx and xx:
        raise CommandRefused("ERR XX and NX options at the same time are not compatible")
    if (nx and (gt or lt)) or (gt and lt):
        raise CommandRefused("ERR GT, LT, and/or NX options at the same time are not compatible")
    if incr and pairs > 1:
        raise CommandRefused("ERR INCR option supports a single increment-element pair")
    return _AddOptions(end, nx, xx, gt, lt, incr)


def _zset_for_adding(ctx: Context, key: bytes, members: Argv) -> ZSetValue:
    """Return the sorted set to add to, in the encoding that the whole command asks for.

    Source: Valkey 8.0 src/t_zset.c zsetTypeMaybeConvert; measured on 7.0.15, 8.0.6, 8.1.1 and 9.1.2
    """
    db = ctx.db
    value = db.values.get(key)
    if value is None:
        value = db.values[key] = ZSetValue()
    elif type(value) is not ZSetValue:
        raise CommandRefused(WRONG_TYPE)
    flavour = ctx.flavour
    if flavour.zset_hints and not value.is_skiplist:
        value.is_skiplist = len(members) > MAX_SMALL_MEMBERS or (
            flavour.zset_length_hints and max(map(len, members)) > MAX_SMALL_MEMBER_BYTES
        )
    return value


@TABLE.command(b"ZADD", -4)
def apply_zadd(ctx: Context, argv: Argv) -> None:
    if len(argv) == 4:
        score = parse_float(argv[2], hexadecimal=ctx.flavour.hex_scores)
        value = _zset_for_adding(ctx, argv[1], argv[3:])
        if add_member(value, argv[3], score, ctx.flavour):
            ctx.db.changed.append(argv[1])
        return
    if argv[2].upper() in _ADD_WORDS:
        _add_with_options(ctx, argv, _parse_add_options(argv, incr=False))
    elif len(argv) % 2:
        raise CommandRefused(SYNTAX)
    else:
        _add_pairs(ctx, argv, _NO_OPTIONS)


def _scores(ctx: Context, argv: Argv, start: int) -> list[float]:
    hexadecimal = ctx.flavour.hex_scores
    return [parse_float(text, hexadecimal=hexadecimal) for text in argv[start::2]]


def _add_pairs(ctx: Context, argv: Argv, options: _AddOptions) -> None:
    scores = _scores(ctx, argv, options.end)
    members = argv[options.end + 1 :: 2]
    value = _zset_for_adding(ctx, argv[1], members)
    changed = False
    for member, score in zip(members, scores, strict=True):
        changed |= add_member(value, member, score, ctx.flavour)
    if changed:
        ctx.db.changed.append(argv[1])


def _add_with_options(ctx: Context, argv: Argv, options: _AddOptions) -> None:
    scores = _scores(ctx, argv, options.end)
    key = argv[1]
    value = ctx.get(key, ZSetValue)
    if value is None and options.xx:
        return
    if options.incr and value is not None and argv[options.end + 1] in value and not options.nx:
        scores = [scores[0] + value[argv[options.end + 1]]]
        if math.isnan(scores[0]):
            raise CommandRefused(_NAN)
    members = argv[options.end + 1 :: 2]
    value = _zset_for_adding(ctx, key, members)
    changed = False
    for member, score in zip(members, scores, strict=True):
        old = value.get(member)
        if options.xx if old is None else _is_kept(options, old, score):
            continue
        changed |= add_member(value, member, score, ctx.flavour)
    if changed:
        ctx.db.changed.append(key)


def _is_kept(options: _AddOptions, old: float, score: float) -> bool:
    """Tell whether the options keep a member's score as it is."""
    return options.nx or (options.lt and score >= old) or (options.gt and score <= old)


@TABLE.command(b"ZINCRBY", 4)
def apply_zincrby(ctx: Context, argv: Argv) -> None:
    if argv[2].upper() in _ADD_WORDS:
        raise CommandRefused(SYNTAX)
    _add_with_options(ctx, argv, _INCR_OPTION)


@TABLE.command(b"ZREM", -3)
def apply_zrem(ctx: Context, argv: Argv) -> None:
    value = ctx.get(argv[1], ZSetValue)
    if value is None:
        return
    before = len(value)
    for member in argv[2:]:
        value.drop(member)
    if len(value) != before:
        ctx.changed_or_gone(argv[1], value)


def _cut(ctx: Context, key: bytes, value: ZSetValue, start: int, stop: int) -> None:
    if stop > start and value.cut(start, stop):
        ctx.changed_or_gone(key, value)


@TABLE.command(b"ZREMRANGEBYRANK", 4)
def apply_zremrangebyrank(ctx: Context, argv: Argv) -> None:
    parse_int(argv[2])
    parse_int(argv[3])
    value = ctx.get(argv[1], ZSetValue)
    if value is not None:
        _cut(ctx, argv[1], value, *rank_range(argv[2], argv[3], len(value)))


@TABLE.command(b"ZREMRANGEBYSCORE", 4)
def apply_zremrangebyscore(ctx: Context, argv: Argv) -> None:
    low, high = (parse_score_bound(text, ctx.flavour) for text in argv[2:4])
    value = ctx.get(argv[1], ZSetValue)
    if value is not None:
        _cut(ctx, argv[1], value, *score_ranks(value, low, high))


@TABLE.command(b"ZREMRANGEBYLEX", 4)
def apply_zremrangebylex(ctx: Context, argv: Argv) -> None:
    low, high = parse_lex(argv[2]), parse_lex(argv[3])
    value = ctx.get(argv[1], ZSetValue)
    if value is not None:
        _cut(ctx, argv[1], value, *lex_ranks(value, low, high))


def _pop_first(ctx: Context, keys: Argv, count: int, *, highest: bool) -> None:
    """Pop from the first of the keys that exists; a wrong type there or before is an error."""
    for key in keys:
        value = ctx.get(key, ZSetValue)
        if value is None:
            continue
        length = len(value)
        count = min(count, length)
        start = length - count if highest else 0
        _cut(ctx, key, value, start, start + count)
        return


def _pop(ctx: Context, argv: Argv, *, highest: bool) -> None:
    if len(argv) > 3:
        raise CommandRefused(SYNTAX)
    count = parse_positive(argv[2]) if len(argv) == 3 else 1
    _pop_first(ctx, argv[1:2], count, highest=highest)


@TABLE.command(b"ZPOPMIN", -2)
def apply_zpopmin(ctx: Context, argv: Argv) -> None:
    _pop(ctx, argv, highest=False)


@TABLE.command(b"ZPOPMAX", -2)
def apply_zpopmax(ctx: Context, argv: Argv) -> None:
    _pop(ctx, argv, highest=True)


@TABLE.command(b"BZPOPMIN", -3)
def apply_bzpopmin(ctx: Context, argv: Argv) -> None:
    check_timeout(argv[-1])
    _pop_first(ctx, argv[1:-1], 1, highest=False)


@TABLE.command(b"BZPOPMAX", -3)
def apply_bzpopmax(ctx: Context, argv: Argv) -> None:
    check_timeout(argv[-1])
    _pop_first(ctx, argv[1:-1], 1, highest=True)


def _pop_many(ctx: Context, argv: Argv, at: int) -> None:
    """Run the tail of ZMPOP and BZMPOP: `numkeys key.. MIN|MAX [COUNT n]`."""
    numkeys = parse_int(argv[at], "ERR numkeys should be greater than 0")
    if numkeys <= 0:
        raise CommandRefused("ERR numkeys should be greater than 0")
    side = at + 1 + numkeys
    if side >= len(argv) or argv[side].upper() not in (b"MIN", b"MAX"):
        raise CommandRefused(SYNTAX)
    count = 1
    if len(argv) > side + 1:
        if len(argv) != side + 3 or argv[side + 1].upper() != b"COUNT":
            raise CommandRefused(SYNTAX)
        count = parse_int(argv[side + 2], "ERR count should be greater than 0")
        if count <= 0:
            raise CommandRefused("ERR count should be greater than 0")
    _pop_first(ctx, argv[at + 1 : side], count, highest=argv[side].upper() == b"MAX")


@TABLE.command(b"ZMPOP", -4, redis=(7, 0))
def apply_zmpop(ctx: Context, argv: Argv) -> None:
    _pop_many(ctx, argv, 1)


@TABLE.command(b"BZMPOP", -5, redis=(7, 0))
def apply_bzmpop(ctx: Context, argv: Argv) -> None:
    check_timeout(argv[1])
    _pop_many(ctx, argv, 2)
