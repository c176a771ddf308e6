"""Sorted set values: text scores, binary scores, ziplist, listpack."""

from __future__ import annotations

import re
import struct

from aoftool.rdb.blobs import listpack, ziplist
from aoftool.rdb.damage import damage
from aoftool.rdb.decode.strings import read_length, read_string
from aoftool.regex import regex
from aoftool.values import ZSetValue

__all__ = ["decode_zset", "parse_score", "read_text_score"]

# Scores as decimal text, as eight bytes, in a blob; what is none of these is type 17, a listpack.
_TEXT, _BINARY, _ZIPLIST = 3, 5, 12
_DOUBLE = struct.Struct("<d")
# Length bytes of a text score that stand for a value. Source: Redis 6.2 src/rdb.c rdbLoadDoubleValue.
_SPECIAL = {253: float("nan"), 254: float("inf"), 255: float("-inf")}
_NUMBER = regex(rb"[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|inf(?:inity)?|nan)", re.I)


def decode_zset(type_id: int, raw: bytes | memoryview) -> ZSetValue:
    """Return the sorted set in the value bytes of types 3, 5, 12 and 17, in stored order.

    A score in a blob that is no number becomes 0, as in every server.

    Raises:
        EncodingDamage: with the offset in `raw`, or in the blob for what is wrong inside one.
    """
    if type_id == _BINARY:
        return _binary(raw)
    if type_id == _TEXT:
        return _text(raw)
    blob, _ = read_string(raw, 0)
    entries = ziplist.decode(blob) if type_id == _ZIPLIST else listpack.decode(blob)
    if len(entries) % 2:
        raise damage("hash-odd", 0)
    return ZSetValue(zip(entries[::2], map(_lenient, entries[1::2]), strict=True))


def _binary(raw: bytes | memoryview) -> ZSetValue:
    value = ZSetValue()
    count, at = read_length(raw, 0)
    for _ in range(count):
        member, at = read_string(raw, at)
        if at + 8 > len(raw):
            raise damage("rdb-truncated", at)
        value[member] = _DOUBLE.unpack_from(raw, at)[0]
        at += 8
    return value


def _text(raw: bytes | memoryview) -> ZSetValue:
    value = ZSetValue()
    count, at = read_length(raw, 0)
    for _ in range(count):
        member, at = read_string(raw, at)
        value[member], at = read_text_score(raw, at)
    return value


def read_text_score(raw: bytes | memoryview, at: int) -> tuple[float, int]:
    """Return (score, offset after it) of a score as type 3 stores it.

    Raises:
        EncodingDamage: `rdb-truncated` or `score-text`.
    """
    if at >= len(raw):
        raise damage("rdb-truncated", at)
    # One plain byte, not a length as everywhere else.
    size = raw[at]
    if size in _SPECIAL:
        return _SPECIAL[size], at + 1
    end = at + 1 + size
    if end > len(raw):
        raise damage("rdb-truncated", at)
    score = parse_score(bytes(raw[at + 1 : end]))
    if score is None:
        raise damage("score-text", at)
    return score, end


def parse_score(text: bytes) -> float | None:
    """Return the number a score's text stands for, None when it is none (hexadecimal included)."""
    try:
        score = float(text)
    except ValueError:
        return None
    # Python takes blanks around a number and underscores in it, servers do not.
    return score if text.isdigit() or _NUMBER.fullmatch(text) else None


def _lenient(text: bytes) -> float:
    score = parse_score(text)
    return 0.0 if score is None else score
