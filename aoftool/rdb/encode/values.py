"""Values as RDB bytes, in the encodings a target server would choose.

Knows the choice between compact and plain forms and the bytes of each; streams are in
`aoftool.rdb.encode.stream`. Refuses what the target cannot hold, by saying why, rather than losing it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from aoftool.namedtuple import NamedTuple
from aoftool.rdb.blobs import intset
from aoftool.rdb.encode.encode import (
    encode_length,
    encode_scored,
    encode_string,
    encode_strings,
    encode_ziplist,
    integers,
    listpack_entries,
    pack_list,
    score_entries,
)
from aoftool.rdb.encode.score_text import WHOLE_LISTPACK, packed_score, score_text
from aoftool.rdb.encode.stream import encode_stream
from aoftool.rdb.encode.targets import Limits, Target
from aoftool.rdb.encode.ziplist_nodes import pack_ziplists
from aoftool.values import (
    ArrayValue,
    HashValue,
    ListValue,
    ModuleValue,
    SetValue,
    StreamValue,
    Value,
    ZSetValue,
)

__all__ = ["EncodedValue", "ValueEncoder", "plain_above", "wrap_listpack"]

STRING = 0
SET, HASH, ZSET = 2, 4, 5
MODULE = 7
SET_INTSET, ZSET_ZIPLIST, HASH_ZIPLIST, LIST_ZIPLISTS = 11, 12, 13, 14
HASH_LISTPACK, ZSET_LISTPACK, LIST_LISTPACKS, SET_LISTPACK = 16, 17, 18, 20
VALKEY_HASH_TTL = 22
REDIS_HASH_TTL, REDIS_HASH_LISTPACK_TTL = 24, 25
STREAMS = {1: 15, 2: 19, 3: 21, 4: 26}

_NO_FIELD_TTL = -1
_UNKNOWN_COUNT = 0xFFFF
# A listpack states its size in 32 bits, and servers stop a compact value at 1 GB.
# Source: Redis 7.0 src/listpack.c LISTPACK_MAX_SAFETY_LIMIT
_COMPACT_BYTES = 1 << 30


class EncodedValue(NamedTuple):
    """The value type byte and the bytes that follow the key."""

    type_id: int
    data: bytes


def plain_above(target: Target, limits: Limits) -> int:
    """Return the bytes above which an element of a list has a node of its own."""
    return limits.list_node_bytes if target.plain_nodes else _COMPACT_BYTES


def wrap_listpack(entries: bytes, count: int) -> bytes:
    """Return a whole listpack around encoded entries."""
    return struct.pack("<IH", len(entries) + 7, min(count, _UNKNOWN_COUNT)) + entries + b"\xff"


class ValueEncoder:
    """Encode values for one target.

    Args:
        target: the server that will load the bytes.
        limits: settings that choose between compact and plain forms.
        compress: pack long strings with LZF, as servers do by default.
    """

    def __init__(self, target: Target, limits: Limits | None = None, *, compress: bool = True) -> None:
        self._target = target
        self._limits = limits or Limits()
        self._compress = compress
        self._score_text = partial(score_text, shortest=target.shortest_scores)
        self._encoders: dict[type, Callable[[Any], EncodedValue]] = {
            bytes: self._string,
            ListValue: self._list,
            SetValue: self._set,
            ZSetValue: self._zset,
            HashValue: self._hash,
            StreamValue: self._stream,
            ModuleValue: self._module,
            ArrayValue: self._array,
        }

    def refusal(self, value: Value) -> str:
        """Return why the target cannot hold the value, empty when it can."""
        return self._target.refusal(value)

    def encode(self, value: Value) -> EncodedValue:
        """Return the type byte and the bytes of a value that the target can hold.

        Raises:
            ValueError: an aggregate without elements, which no server holds, or an array.
        """
        if not value and not isinstance(value, (bytes, StreamValue)):
            raise ValueError("an aggregate without elements cannot be stored")
        return self._encoders[type(value)](value)

    # -- the types ---------------------------------------------------------------------------

    def _string(self, value: bytes) -> EncodedValue:
        return EncodedValue(STRING, encode_string(value, self._compress))

    def _stream(self, value: StreamValue) -> EncodedValue:
        version = self._target.stream_version
        return EncodedValue(STREAMS[version], encode_stream(value, version, self._limits, self._compress))

    def _module(self, value: ModuleValue) -> EncodedValue:
        return EncodedValue(MODULE, value.raw)

    def _array(self, value: ArrayValue) -> EncodedValue:
        raise ValueError("no target has arrays")

    def _list(self, value: ListValue) -> EncodedValue:
        node_bytes = self._limits.list_node_bytes
        if not self._target.listpacks:
            count, nodes = pack_ziplists(value, node_bytes, self._compress)
            return EncodedValue(LIST_ZIPLISTS, encode_length(count) + nodes)
        count, nodes = pack_list(value, node_bytes, plain_above(self._target, self._limits), self._compress)
        return EncodedValue(LIST_LISTPACKS, encode_length(count) + nodes)

    def _set(self, value: SetValue) -> EncodedValue:
        limits = self._limits
        if len(value) <= limits.set_intset_entries:
            numbers = integers(value)
            if numbers is not None:
                return EncodedValue(SET_INTSET, self._blob(intset.encode(numbers)))
        if self._target.set_listpack and _fits(value, limits.set_entries, limits.set_value_bytes):
            return EncodedValue(SET_LISTPACK, self._blob(wrap_listpack(listpack_entries(value), len(value))))
        return EncodedValue(SET, encode_length(len(value)) + encode_strings(value, self._compress))

    def _zset(self, value: ZSetValue) -> EncodedValue:
        ranked = value.ranked()
        if _fits(value, self._limits.zset_entries, self._limits.zset_value_bytes):
            if self._target.listpacks:
                entries = score_entries(ranked, WHOLE_LISTPACK, self._score_text)
                return EncodedValue(ZSET_LISTPACK, self._blob(wrap_listpack(entries, 2 * len(ranked))))
            scores = [packed_score(score) for score, _ in ranked]
            items = [part for (_, name), text in zip(ranked, scores, strict=True) for part in (name, text)]
            return EncodedValue(ZSET_ZIPLIST, self._compact(items))
        # Servers walk the skip list from its tail: loading is cheapest in that order.
        ranked.reverse()
        return EncodedValue(ZSET, encode_length(len(ranked)) + encode_scored(ranked, self._compress))

    def _hash(self, value: HashValue) -> EncodedValue:
        limits = self._limits
        compact = len(value) <= limits.hash_entries and _fits_pairs(value, limits.hash_value_bytes)
        if value.expires:
            return self._expiring_hash(value, compact)
        items = [part for pair in value.items() for part in pair]
        if compact:
            type_id = HASH_LISTPACK if self._target.listpacks else HASH_ZIPLIST
            return EncodedValue(type_id, self._compact(items))
        return EncodedValue(HASH, encode_length(len(value)) + encode_strings(items, self._compress))

    def _expiring_hash(self, value: HashValue, compact: bool) -> EncodedValue:
        if self._target.flavour == "valkey":
            return EncodedValue(VALKEY_HASH_TTL, self._valkey_pairs(value))
        least = min(value.expires.values())
        head = struct.pack("<q", least)
        if compact:
            return EncodedValue(REDIS_HASH_LISTPACK_TTL, head + self._triples(value))
        parts = [head, encode_length(len(value))]
        for field, text in value.items():
            at = value.expires.get(field)
            # The difference to the least time plus one, because 0 says "no expire time".
            parts.append(encode_length(0 if at is None else at - least + 1))
            parts.append(encode_strings((field, text), self._compress))
        return EncodedValue(REDIS_HASH_TTL, b"".join(parts))

    def _valkey_pairs(self, value: HashValue) -> bytes:
        parts = [encode_length(len(value))]
        for field, text in value.items():
            parts.append(encode_strings((field, text), self._compress))
            parts.append(struct.pack("<q", value.expires.get(field, _NO_FIELD_TTL)))
        return b"".join(parts)

    def _triples(self, value: HashValue) -> bytes:
        """Return (field, value, expire time) by expire time, those without one last, time 0."""
        never = max(value.expires.values()) + 1
        order = sorted(value, key=lambda field: value.expires.get(field, never))
        items = [
            part for field in order for part in (field, value[field], b"%d" % value.expires.get(field, 0))
        ]
        return self._compact(items)

    # -- blobs -------------------------------------------------------------------------------

    def _compact(self, items: list[bytes]) -> bytes:
        if not self._target.listpacks:
            return self._blob(encode_ziplist(items))
        return self._blob(wrap_listpack(listpack_entries(items), len(items)))

    def _blob(self, blob: bytes) -> bytes:
        return encode_string(blob, self._compress)


def _fits(items: Collection[bytes], entries: int, longest: int) -> bool:
    """Tell whether so few and so short items get a compact form."""
    return len(items) <= entries and max(map(len, items)) <= longest


def _fits_pairs(pairs: Mapping[bytes, bytes], longest: int) -> bool:
    return max(map(len, pairs)) <= longest and max(map(len, pairs.values())) <= longest
