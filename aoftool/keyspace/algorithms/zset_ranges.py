"""Ranges of a sorted set by rank, score or bytes, as ranks: pairs of (start, stop), half-open."""

from __future__ import annotations

import math

from aoftool.keyspace.context import CannotFollow
from aoftool.keyspace.flavour import Flavour
from aoftool.keyspace.numbers import parse_int, strtod
from aoftool.keyspace.refusal import CommandRefused
from aoftool.namedtuple import NamedTuple
from aoftool.values import ZSetValue

__all__ = ["LexBound", "lex_ranks", "parse_lex", "parse_score_bound", "rank_range", "score_ranks"]

_NOT_A_RANGE = "ERR min or max is not a float"
_NOT_A_LEX_RANGE = "ERR min or max not valid string range item"


class ScoreBound(NamedTuple):
    """One end of a range of scores."""

    score: float
    exclusive: bool


class LexBound(NamedTuple):
    """One end of a range of member bytes; `side` is -1 and 1 for the words `-` and `+`."""

    member: bytes
    exclusive: bool
    side: int = 0


def parse_score_bound(text: bytes, flavour: Flavour) -> ScoreBound:
    """Read `5`, `(5` or `-inf`; what strtod takes is taken, an empty text as 0.

    Source: Redis 7.0 src/t_zset.c zslParseRange
    """
    exclusive = text[:1] == b"("
    number = text[exclusive:]
    score = strtod(number, plain=flavour.plain_floats)
    if score is None:
        raise CommandRefused(_NOT_A_RANGE)
    return ScoreBound(score, exclusive)


def score_ranks(value: ZSetValue, low: ScoreBound, high: ScoreBound) -> tuple[int, int]:
    """Return the ranks of members with scores between two bounds."""
    ranking = value.ranking()

    def rank_of(score: float, above: bool) -> int:
        if not above:
            return ranking.first_at_least((score,))
        if score == math.inf:
            return len(ranking)
        return ranking.first_at_least((math.nextafter(score, math.inf),))

    start = rank_of(low.score, low.exclusive)
    stop = rank_of(high.score, not high.exclusive)
    return start, max(start, stop)


def parse_lex(text: bytes) -> LexBound:
    """Read `[abc`, `(abc`, `-` or `+`."""
    if text in (b"-", b"+"):
        return LexBound(b"", True, 1 if text == b"+" else -1)
    if text[:1] not in (b"(", b"["):
        raise CommandRefused(_NOT_A_LEX_RANGE)
    return LexBound(text[1:], text[:1] == b"(")


def lex_ranks(value: ZSetValue, low: LexBound, high: LexBound) -> tuple[int, int]:
    """Return the ranks of members between two bounds.

    With unequal scores the order of the set is not that of its members. The small encoding then
    takes the first run of members that fits; the large one descends by chance.
    """
    if _is_empty(low, high):
        return 0, 0
    ranking = value.ranking()
    if not len(ranking):
        return 0, 0
    (first,), (last,) = ranking.between(0, 1), ranking.between(len(ranking) - 1, len(ranking))
    if first[0] != last[0]:
        return _first_run(value, low, high)
    score = first[0]

    def rank_of(bound: LexBound, above: bool) -> int:
        if bound.side:
            return len(ranking) if bound.side > 0 else 0
        pair = (score, bound.member)
        return ranking.first_above(pair) if above else ranking.first_at_least(pair)

    start = rank_of(low, low.exclusive)
    return start, max(start, rank_of(high, not high.exclusive))


def _is_empty(low: LexBound, high: LexBound) -> bool:
    if low.side or high.side:
        return low.side > 0 or high.side < 0
    return low.member > high.member or (low.member == high.member and (low.exclusive or high.exclusive))


def _not_below(member: bytes, low: LexBound) -> bool:
    if low.side:
        return low.side < 0
    return member > low.member if low.exclusive else member >= low.member


def _not_above(member: bytes, high: LexBound) -> bool:
    if high.side:
        return high.side > 0
    return member < high.member if high.exclusive else member <= high.member


def _first_run(value: ZSetValue, low: LexBound, high: LexBound) -> tuple[int, int]:
    if value.is_skiplist:
        raise CannotFollow("random", "a range by bytes over unequal scores depends on chance")
    members = [member for _, member in value.ranking()]
    if not _not_below(members[-1], low) or not _not_above(members[0], high):
        return 0, 0
    start = next(at for at, member in enumerate(members) if _not_below(member, low))
    stop = start
    while stop < len(members) and _not_above(members[stop], high):
        stop += 1
    return start, stop


def rank_range(start_text: bytes, end_text: bytes, length: int) -> tuple[int, int]:
    """Return (start, stop) for ranks as clients give them: inclusive, negative from the end."""
    start, end = parse_int(start_text), parse_int(end_text)
    start = max(start + length if start < 0 else start, 0)
    end = min(end + length if end < 0 else end, length - 1)
    return (start, end + 1) if start <= end else (0, 0)
