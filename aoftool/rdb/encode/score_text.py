"""The text servers print a score as.

Two habits: 17 significant digits (Redis up to 7.0) and the shortest digits that read back (Redis 7.2
and later, Valkey). Measured against the AOF-format rewrite of Redis 6.2.5, 7.0.15 and 8.0.6 and of
Valkey 8.1.1 and 9.1.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.kernels import kernel

__all__ = ["WHOLE_LISTPACK", "packed_score", "score_text"]

WHOLE_LISTPACK = 1 << 62
"""Whole scores up to this size are integers inside a listpack. Source: Redis 7.0 src/util.c double2ll

A score of -0 stays text there, which keeps its sign; servers from 7.0 on would lose it.
"""

# The same inside a ziplist. Source: Redis 6.2 src/util.c d2string
_WHOLE_ZIPLIST = 1 << 52

if TYPE_CHECKING:

    def score_text(score: float, *, shortest: bool) -> bytes:
        """Return the text of a score in a command: `inf`, `-inf`, `1.5`, `1e+30`.

        Args:
            score: not NaN, which no sorted set holds.
            shortest: the shortest digits that read back, else 17 digits.
        """

else:
    score_text = kernel("aoftool.rdb.encode._score_cy").score_text


def packed_score(score: float) -> bytes:
    """Return the text of a score inside a ziplist: whole numbers without an exponent."""
    if score != 0 and -_WHOLE_ZIPLIST <= score <= _WHOLE_ZIPLIST and score == int(score):
        return b"%d" % int(score)
    return score_text(score, shortest=False)
