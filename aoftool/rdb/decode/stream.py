"""Stream values of all versions: nodes, counters, consumer groups, pending entries.

Decoding is as lenient as servers are: counters are taken as they stand. What they should be is the
business of `aoftool.rdb.verify.stream`.
Source: Valkey 9.1 src/rdb.c rdbLoadObject, src/t_stream.c streamIteratorGetID.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterator

from aoftool.kernels import kernel
from aoftool.namedtuple import NamedTuple
from aoftool.rdb.blobs import listpack
from aoftool.rdb.damage import damage
from aoftool.rdb.decode.strings import read_length, read_lengths, read_string
from aoftool.values import Consumer, ConsumerGroup, PendingEntry, StreamId, StreamIdmp, StreamValue

__all__ = ["STREAM_VERSIONS", "NodeEntry", "StreamNode", "decode_stream", "read_node", "split_node"]

Pairs = tuple[tuple[bytes, bytes], ...]
# Reads sound nodes; everything else is answered by `read_node`.
_add_sound_node: Callable[[dict[StreamId, Pairs], bytes | memoryview, int], int] | None
_add_sound_node = getattr(kernel("aoftool.rdb.decode._values_cy", sys.modules[__name__]), "add_node", None)

# RDB type to version of the stream layout.
STREAM_VERSIONS = {15: 1, 19: 2, 21: 3, 26: 4, 27: 5}
_ID = struct.Struct(">QQ")
_TIME = struct.Struct("<q")
_MASK = (1 << 64) - 1
# Flags of an entry in a node. Source: Valkey 9.1 src/t_stream.c STREAM_ITEM_FLAG_DELETED.
_DELETED = 1
_SAME_FIELDS = 2


class NodeEntry(NamedTuple):
    """One entry of a node, deleted ones included; `stated_count` is its lp-count field."""

    id: StreamId
    deleted: bool
    pairs: Pairs
    stated_count: int
    true_count: int


class StreamNode(NamedTuple):
    """A node: its ID, the counters of its master entry, and its entries."""

    id: StreamId
    live: int
    deleted: int
    entries: list[NodeEntry]


def decode_stream(type_id: int, raw: bytes | memoryview) -> StreamValue:
    """Return the stream in the value bytes of types 15, 19, 21, 26 and 27.

    Raises:
        EncodingDamage: with the offset in `raw`, or in the blob for what is wrong inside a node.
    """
    version = STREAM_VERSIONS[type_id]
    value = StreamValue()
    # Nodes, counters, groups: each part was added behind what there was. Source: rdb.c, rdbSaveObject.
    nodes, at = read_length(raw, 0)
    for _ in range(nodes):
        at = _add_node(value.entries, raw, at)
    at = _read_counters(value, raw, at, version)
    groups, at = read_length(raw, at)
    for _ in range(groups):
        name, at = read_string(raw, at)
        group, nacked, at = _read_group(raw, at, version)
        if version < 2:
            group.entries_read = _estimate_read(value, group.last_id)
        value.groups[name] = group
        value.tail += nacked
    if version >= 4:
        idmp, at = _read_idmp(raw, at)
        value.idmp = None if idmp.is_plain() else idmp
    return value


def _read_idmp(raw: bytes | memoryview, at: int) -> tuple[StreamIdmp, int]:
    """Return what producers sent, and the offset behind it.

    Source: measured on Redis 8.6.3 (type 26); type 27 has the same, by public parsers.
    """
    (duration, size, producers), at = read_lengths(raw, at, 3)
    idmp = StreamIdmp(duration, size)
    for _ in range(producers):
        name, at = read_string(raw, at)
        count, at = read_length(raw, at)
        held = idmp.producers.setdefault(name, {})
        for _ in range(count):
            token, at = read_string(raw, at)
            held[token], at = _read_id(raw, at)
    (idmp.iids_added, idmp.iids_duplicates), at = read_lengths(raw, at, 2)
    return idmp, at


def _add_node(entries: dict[StreamId, Pairs], raw: bytes | memoryview, at: int) -> int:
    """Add the live entries of the node at `at` and return the offset after it."""
    if _add_sound_node is not None and (after := _add_sound_node(entries, raw, at)) >= 0:
        return after
    node, after = read_node(raw, at)
    for entry in node.entries:
        if not entry.deleted:
            entries[entry.id] = entry.pairs
    return after


def read_node(raw: bytes | memoryview, at: int) -> tuple[StreamNode, int]:
    """Return (node, offset after it); raises as `decode_stream`."""
    # The key of a node is the ID that the entries in it are told from, as two big-endian numbers.
    key, after = read_string(raw, at)
    if len(key) != _ID.size:
        raise damage("stream-key", at)
    blob, after = read_string(raw, after)
    return split_node(StreamId(*_ID.unpack(key)), blob), after


def split_node(node_id: StreamId, blob: bytes) -> StreamNode:
    """Return the node of a listpack.

    Raises:
        EncodingDamage: the listpack is damaged, or `stream-node` when its entries do not add up.
    """
    items = listpack.decode_items(blob)
    try:
        # The master entry: live, deleted, how many names, the names, and a 0 where entries have their size.
        live, deleted, count = items[:3]
        names = [_as_text(item) for item in items[3 : 3 + _number(count)]]
        if len(names) != count or items[3 + len(names)] != 0:
            raise ValueError
        entries = list(_entries(items, 4 + len(names), node_id, names))
        return StreamNode(node_id, _number(live), _number(deleted), entries)
    except (IndexError, ValueError):
        raise damage("stream-node", 0) from None


def _number(item: bytes | int) -> int:
    if not isinstance(item, int):
        raise ValueError
    return item


def _as_text(item: bytes | int) -> bytes:
    return b"%d" % item if isinstance(item, int) else item


def _entries(items: list[bytes | int], at: int, node_id: StreamId, names: list[bytes]) -> Iterator[NodeEntry]:
    total = len(items)
    while at < total:
        start = at
        flags = _number(items[at])
        # Differences are signed 64-bit and wrap around.
        entry_id = StreamId(
            (node_id.ms + _number(items[at + 1])) & _MASK, (node_id.seq + _number(items[at + 2])) & _MASK
        )
        at += 3
        # The names are those of the master entry, and so is their count: only values follow.
        if flags & _SAME_FIELDS:
            stop = at + len(names)
            pairs = tuple(zip(names, map(_as_text, items[at:stop]), strict=True))
        else:
            stop = at + 1 + 2 * _number(items[at])
            texts = [_as_text(item) for item in items[at + 1 : stop]]
            pairs = tuple(zip(texts[::2], texts[1::2], strict=True))
        if not at <= stop < total:
            raise ValueError
        # Behind an entry stands how many items it took, by which servers walk back.
        yield NodeEntry(entry_id, bool(flags & _DELETED), pairs, _number(items[stop]), stop - start)
        at = stop + 1


def _read_id(raw: bytes | memoryview, at: int) -> tuple[StreamId, int]:
    ms, at = read_length(raw, at)
    seq, at = read_length(raw, at)
    return StreamId(ms, seq), at


def _read_counters(value: StreamValue, raw: bytes | memoryview, at: int, version: int) -> int:
    numbers, at = read_lengths(raw, at, 3 if version < 2 else 8)
    value.last_id = StreamId(numbers[1], numbers[2])
    if version < 2:
        # What servers assume for a stream of Redis 5 and 6; measured on 7.0.15 and 9.1.2.
        value.entries_added = numbers[0]
        return at
    value.first_id = StreamId(numbers[3], numbers[4])
    value.max_deleted_id = StreamId(numbers[5], numbers[6])
    value.entries_added = numbers[7]
    return at


def _estimate_read(value: StreamValue, last_id: StreamId) -> int | None:
    """Return the read counter that servers give a group of a stream that stores none.

    Source: Redis 7.0 src/t_stream.c streamEstimateDistanceFromFirstEverEntry, for a stream without
    known deletions; measured on Redis 7.0.15.
    """
    if not value.entries_added or last_id == value.last_id:
        return value.entries_added
    first_id = next(iter(value.entries), None)
    if first_id is None or last_id > first_id:
        return None
    return int(last_id == first_id)


def _fixed(raw: bytes | memoryview, at: int, size: int) -> int:
    if at + size > len(raw):
        raise damage("rdb-truncated", at)
    return at + size


def _read_group(raw: bytes | memoryview, at: int, version: int) -> tuple[ConsumerGroup, bytes, int]:
    """Return (group, IDs given back and owned by nobody, offset behind it)."""
    group = ConsumerGroup()
    group.last_id, at = _read_id(raw, at)
    if version >= 2:
        entries_read, at = read_length(raw, at)
        # -1 for a group that does not know; SCG_INVALID_ENTRIES_READ of t_stream.c.
        group.entries_read = None if entries_read == _MASK else entries_read
    pending, at = read_length(raw, at)
    for _ in range(pending):
        # The ID as it is in a radix tree, big-endian; the time of delivery is little-endian.
        after = _fixed(raw, at, 24)
        entry_id = StreamId(*_ID.unpack_from(raw, at))
        delivered = _TIME.unpack_from(raw, at + 16)[0]
        count, at = read_length(raw, after)
        group.pel[entry_id] = PendingEntry(b"", delivered, count)
    consumers, at = read_length(raw, at)
    for _ in range(consumers):
        at = _read_consumer(group, raw, at, version)
    if version < 5:
        return group, b"", at
    # Entries that were given back and belong to nobody: they are in the PEL already.
    nacked, at = read_length(raw, at)
    end = _fixed(raw, at, 16 * nacked)
    return group, bytes(raw[at:end]), end


def _read_consumer(group: ConsumerGroup, raw: bytes | memoryview, at: int, version: int) -> int:
    name, at = read_string(raw, at)
    after = _fixed(raw, at, 16 if version >= 3 else 8)
    seen = _TIME.unpack_from(raw, at)[0]
    active = _TIME.unpack_from(raw, at + 8)[0] if version >= 3 else None
    group.consumers[name] = Consumer(seen, active)
    pending, at = read_length(raw, after)
    # IDs alone: time and count of each stand in the list of the group, which comes before.
    end = _fixed(raw, at, 16 * pending)
    for place in range(at, end, 16):
        entry = group.pel.get(StreamId(*_ID.unpack_from(raw, place)))
        if entry is not None:
            entry.consumer = name
    return end
