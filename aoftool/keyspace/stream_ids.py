"""Entry IDs in command arguments."""

from __future__ import annotations

from aoftool.keyspace.numbers import UINT64_MAX
from aoftool.keyspace.refusal import CommandRefused
from aoftool.regex import regex
from aoftool.values import StreamId

__all__ = ["MAX_ID", "ZERO_ID", "next_id", "parse_added_id", "parse_id", "parse_start_id"]

ZERO_ID = StreamId(0, 0)
MAX_ID = StreamId(UINT64_MAX, UINT64_MAX)

_INVALID = "ERR Invalid stream ID specified as stream command argument"
_LONGEST = 127
_CANONICAL = regex(rb"(0|[1-9]\d{0,18})-(0|[1-9]\d{0,18})")
# What strtoull takes where the strict parser does not: blanks, a sign, leading zeros.
_LENIENT = regex(rb"[ \t\n\v\f\r]*([+-]?)(\d+)")
_STRICT_NEGATIVE = regex(rb"-[1-9]\d*")


def _parse_uint64(text: bytes) -> int:
    """Return an unsigned 64-bit number.

    Source: Redis 7.0 src/util.c string2ull
    """
    match = _LENIENT.fullmatch(text)
    if match is None or _STRICT_NEGATIVE.fullmatch(text):
        raise CommandRefused(_INVALID)
    number = int(match[2])
    if number > UINT64_MAX:
        raise CommandRefused(_INVALID)
    return -number & UINT64_MAX if match[1] == b"-" else number


def parse_id(text: bytes, missing_seq: int = 0, *, strict: bool = True) -> StreamId:
    """Return an ID from `ms-seq` or `ms`; unless strict, `-` and `+` are the least and the greatest.

    Source: Redis 7.0 src/t_stream.c streamGenericParseIDOrReply
    """
    match = _CANONICAL.fullmatch(text)
    if match is not None:
        return StreamId(int(match[1]), int(match[2]))
    if len(text) > _LONGEST:
        raise CommandRefused(_INVALID)
    if not strict and text in (b"-", b"+"):
        return ZERO_ID if text == b"-" else MAX_ID
    ms, dash, seq = text.partition(b"-")
    return StreamId(_parse_uint64(ms), _parse_uint64(seq) if dash else missing_seq)


def parse_added_id(text: bytes, *, auto_seq: bool) -> tuple[StreamId, bool]:
    """Return the ID an XADD names and whether its sequence was given (`5-*` leaves it open)."""
    if auto_seq and text.endswith(b"-*") and text.count(b"-") == 1:
        if len(text) > _LONGEST:
            raise CommandRefused(_INVALID)
        return StreamId(_parse_uint64(text[:-2]), 0), False
    return parse_id(text), True


def parse_start_id(text: bytes) -> StreamId:
    """Return where an interval starts; `(` in front leaves the ID itself out."""
    if text[:1] == b"(" and len(text) > 1:
        start = parse_id(text[1:])
        if start == MAX_ID:
            raise CommandRefused("ERR invalid start ID for the interval")
        return next_id(start)
    return parse_id(text, strict=False)


def next_id(entry_id: StreamId) -> StreamId:
    """Return the ID that follows; the greatest is followed by 0-0, as in the servers."""
    if entry_id.seq < UINT64_MAX:
        return StreamId(entry_id.ms, entry_id.seq + 1)
    return StreamId(entry_id.ms + 1, 0) if entry_id.ms < UINT64_MAX else ZERO_ID
