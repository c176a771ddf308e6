"""Sorted sets computed from others: ZUNIONSTORE, ZINTERSTORE, ZDIFFSTORE, ZRANGESTORE.

Sums are made in the servers' order, smallest input first, because doubles are not associative.

Source: Redis 7.0 src/t_zset.c zunionInterDiffGenericCommand, zrangeGenericCommand
"""

from __future__ import annotations

import math

from aoftool.dataclass import dataclass
from aoftool.escape import excerpt
from aoftool.keyspace.algorithms.zset_ranges import (
    lex_ranks,
    parse_lex,
    parse_score_bound,
    rank_range,
    score_ranks,
)
from aoftool.keyspace.context import Argv, Context
from aoftool.keyspace.numbers import parse_float, parse_int
from aoftool.keyspace.refusal import SYNTAX, WRONG_TYPE, CommandRefused
from aoftool.keyspace.registry import CommandTable
from aoftool.keyspace.zset_encoding import MAX_SMALL_MEMBERS, add_member, settle
from aoftool.values import SetValue, ZSetValue
from aoftool.values.ranking import Pair

__all__ = ["TABLE"]

TABLE = CommandTable()

Scores = dict[bytes, float]


@dataclass(slots=True)
class _Source:
    """An input: members to scores (a set counts 1 each) and its weight."""

    scores: Scores
    weight: float = 1.0


def _aggregate(word: bytes, total: float, score: float) -> float:
    if word == b"SUM":
        total += score
        return 0.0 if math.isnan(total) else total
    if word == b"MIN":
        return score if score < total else total
    return score if score > total else total


def _read_sources(ctx: Context, keys: Argv) -> list[_Source]:
    sources = []
    for key in keys:
        value = ctx.db.values.get(key)
        if value is None:
            sources.append(_Source({}))
        elif type(value) is ZSetValue:
            sources.append(_Source(value))
        elif type(value) is SetValue:
            sources.append(_Source(dict.fromkeys(value, 1.0)))
        else:
            raise CommandRefused(WRONG_TYPE)
    return sources


def _parse(ctx: Context, argv: Argv, *, weighted: bool) -> tuple[list[_Source], bytes]:
    """Read `numkeys key.. [WEIGHTS w..] [AGGREGATE how]`; return the inputs and the way to add."""
    count = parse_int(argv[2])
    if count < 1:
        name = excerpt(argv[0].lower())
        raise CommandRefused(f"ERR at least 1 input key is needed for '{name}' command")
    at = 3 + count
    if at > len(argv):
        raise CommandRefused(SYNTAX)
    sources = _read_sources(ctx, argv[3:at])
    how = b"SUM"
    while at < len(argv):
        word, left = argv[at].upper(), len(argv) - at
        if weighted and word == b"WEIGHTS" and left > count:
            for source, text in zip(sources, argv[at + 1 : at + 1 + count], strict=True):
                source.weight = parse_float(
                    text,
                    hexadecimal=ctx.flavour.hex_scores,
                    refusal="ERR weight value is not a float",
                )
            at += 1 + count
        elif weighted and word == b"AGGREGATE" and left >= 2:
            how = argv[at + 1].upper()
            if how not in (b"SUM", b"MIN", b"MAX"):
                raise CommandRefused(SYNTAX)
            at += 2
        else:
            raise CommandRefused(SYNTAX)
    return sources, how


def _weighted(source: _Source, score: float) -> float:
    product = source.weight * score
    return 0.0 if math.isnan(product) else product


def _union(sources: list[_Source], how: bytes) -> ZSetValue:
    result = ZSetValue()
    for source in sorted(sources, key=lambda s: len(s.scores)):
        for member, score in source.scores.items():
            product = _weighted(source, score)
            old = result.get(member)
            result[member] = product if old is None else _aggregate(how, old, product)
    return result


def _intersection(sources: list[_Source], how: bytes) -> ZSetValue:
    result = ZSetValue()
    smallest, *others = sorted(sources, key=lambda s: len(s.scores))
    for member, score in smallest.scores.items():
        total = _weighted(smallest, score)
        for other in others:
            found = other.scores.get(member)
            if found is None:
                break
            total = _aggregate(how, total, found * other.weight)
        else:
            result[member] = total
    return result


def _difference(sources: list[_Source]) -> ZSetValue:
    first, *others = sources
    return ZSetValue(
        {
            member: score
            for member, score in first.scores.items()
            if not any(member in other.scores for other in others)
        }
    )


def _store(ctx: Context, target: bytes, result: ZSetValue) -> None:
    if result:
        ctx.make(result)
        settle(result, ctx.flavour)
        ctx.db.put(target, result)
    else:
        ctx.db.delete(target)


@TABLE.command(b"ZUNIONSTORE", -4)
def apply_zunionstore(ctx: Context, argv: Argv) -> None:
    sources, how = _parse(ctx, argv, weighted=True)
    ctx.spend(sum(len(source.scores) for source in sources))
    _store(ctx, argv[1], _union(sources, how))


@TABLE.command(b"ZINTERSTORE", -4)
def apply_zinterstore(ctx: Context, argv: Argv) -> None:
    sources, how = _parse(ctx, argv, weighted=True)
    ctx.spend(min(len(source.scores) for source in sources) * len(sources))
    _store(ctx, argv[1], _intersection(sources, how))


@TABLE.command(b"ZDIFFSTORE", -4, redis=(6, 2))
def apply_zdiffstore(ctx: Context, argv: Argv) -> None:
    sources = _parse(ctx, argv, weighted=False)[0]
    ctx.spend(len(sources[0].scores) * len(sources))
    _store(ctx, argv[1], _difference(sources))


@dataclass(slots=True)
class _RangeOptions:
    """The options of ZRANGESTORE."""

    by: bytes = b""
    reverse: bool = False
    offset: int = 0
    limit: int = -1


def _parse_range_options(words: Argv) -> _RangeOptions:
    options = _RangeOptions()
    at = 0
    while at < len(words):
        word = words[at].upper()
        if word == b"LIMIT" and at + 2 < len(words):
            options.offset, options.limit = parse_int(words[at + 1]), parse_int(words[at + 2])
            at += 2
        elif word == b"REV" and not options.reverse:
            options.reverse = True
        elif word in (b"BYLEX", b"BYSCORE") and not options.by:
            options.by = word
        else:
            raise CommandRefused(SYNTAX)
        at += 1
    if options.limit != -1 and not options.by:
        raise CommandRefused(
            "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
        )
    return options


def _limited(start: int, stop: int, options: _RangeOptions, from_end: bool) -> tuple[int, int]:
    """Apply LIMIT within a range of ranks.

    A negative offset leaves nothing, or counts from the end of the range. A negative count is all.
    """
    length = stop - start
    offset = options.offset
    if offset < 0:
        if not from_end:
            return 0, 0
        offset += length
    if not 0 <= offset < length:
        return 0, 0
    taken = length - offset
    if options.limit >= 0:
        taken = min(taken, options.limit)
    if options.reverse:
        return stop - offset - taken, stop - offset
    return start + offset, start + offset + taken


@TABLE.command(b"ZRANGESTORE", -5, redis=(6, 2))
def apply_zrangestore(ctx: Context, argv: Argv) -> None:
    options = _parse_range_options(argv[5:])
    low_text, high_text = argv[3], argv[4]
    if options.by and options.reverse:
        low_text, high_text = high_text, low_text
    if options.by == b"BYSCORE":
        scores = [parse_score_bound(text, ctx.flavour) for text in (low_text, high_text)]
    elif options.by == b"BYLEX":
        lex = [parse_lex(text) for text in (low_text, high_text)]
    else:
        rank_range(low_text, high_text, 0)
    value = ctx.get(argv[2], ZSetValue)
    if value is None:
        ctx.db.delete(argv[1])
        return
    from_end = value.is_skiplist and ctx.flavour.nth_from_end
    if options.by == b"BYSCORE":
        start, stop = _limited(*score_ranks(value, *scores), options, from_end)
    elif options.by == b"BYLEX":
        start, stop = _limited(*lex_ranks(value, *lex), options, from_end)
    else:
        start, stop = rank_range(low_text, high_text, len(value))
        if options.reverse:
            start, stop = len(value) - stop, len(value) - start
    known_length = stop - start if not options.by else 0
    ctx.spend(max(stop - start, 0))
    pairs = value.ranking().between(start, stop)
    if options.reverse:
        pairs.reverse()
    _store_range(ctx, argv[1], pairs, known_length)


def _store_range(ctx: Context, target: bytes, pairs: list[Pair], known_length: int) -> None:
    """Store pairs in the order they were found: the set grows one by one into its large encoding.

    Args:
        known_length: how many there are, if the server knew that beforehand.
    """
    result = ZSetValue()
    result.is_skiplist = known_length > MAX_SMALL_MEMBERS and ctx.flavour.zset_hints
    for score, member in pairs:
        add_member(result, member, score, ctx.flavour)
    if result:
        ctx.make(result)
        ctx.db.put(target, result)
    else:
        ctx.db.delete(target)
