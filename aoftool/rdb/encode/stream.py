"""Streams as RDB bytes: nodes of delta-coded entries, then counters, groups, PELs and consumers.

Knows how a server cuts a stream into nodes and in which order it writes groups. Deleted entries that
a server still keeps as tombstones are not known here and not written.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from aoftool.rdb.encode.encode import encode_length, encode_string, listpack_entries, stream_entries
from aoftool.rdb.encode.targets import Limits
from aoftool.values import Consumer, ConsumerGroup, StreamId, StreamIdmp, StreamValue

__all__ = ["NODE_LIMIT", "encode_stream"]

_UNKNOWN_READ = 2**64 - 1
_IDMP_SINCE = 4
_HEADER_AND_END = 7
_MAX_COUNT = 0xFFFF
# Source: Redis 7.0 src/t_stream.c STREAM_LISTPACK_MAX_SIZE
NODE_LIMIT = 1 << 30
"""Bytes of a node where no setting says less."""


def encode_stream(stream: StreamValue, version: int, limits: Limits, compress: bool) -> bytes:
    """Return the value bytes of a stream.

    Args:
        stream: entries ascending by ID.
        version: 1 (Redis 6.2), 2 (7.0), 3 (7.2 and later) or 4 (Redis 8.6).
        limits: bytes and entries of a node.
        compress: pack long strings with LZF.
    """
    nodes = list(_nodes(stream, limits))
    parts = [encode_length(len(nodes))]
    for first, blob in nodes:
        parts.append(encode_string(_raw_id(first), compress))
        parts.append(encode_string(blob, compress))
    parts.append(encode_length(len(stream.entries)))
    parts.append(_header_id(stream.last_id))
    if version >= 2:
        parts.append(_header_id(next(iter(stream.entries), StreamId(0, 0))))
        parts.append(_header_id(stream.max_deleted_id))
        parts.append(encode_length(stream.entries_added))
    parts.append(encode_length(len(stream.groups)))
    # Servers keep groups and consumers in a radix tree and walk it: names come in byte order.
    for name in sorted(stream.groups):
        parts += _group(name, stream.groups[name], version, compress)
    if version >= _IDMP_SINCE:
        parts += _idmp(stream.idmp or StreamIdmp(), compress)
    return b"".join(parts)


def _idmp(idmp: StreamIdmp, compress: bool) -> Iterator[bytes]:
    """Yield what producers sent. Source: files of Redis 8.6.3; it keeps producers in byte order."""
    yield encode_length(idmp.duration_s) + encode_length(idmp.max_entries)
    yield encode_length(len(idmp.producers))
    for name in sorted(idmp.producers):
        held = idmp.producers[name]
        yield encode_string(name, compress) + encode_length(len(held))
        for token, entry_id in held.items():
            yield encode_string(token, compress) + _header_id(entry_id)
    yield encode_length(idmp.iids_added) + encode_length(idmp.iids_duplicates)


# --- nodes ------------------------------------------------------------------------------------


def _nodes(stream: StreamValue, limits: Limits) -> Iterator[tuple[StreamId, bytes]]:
    """Cut the entries into nodes where XADD would have; yield the first ID and the listpack of each."""
    node_bytes = min(limits.stream_node_bytes or NODE_LIMIT, NODE_LIMIT)
    rows = list(stream.entries.items())
    at = 0
    while at < len(rows):
        first, pairs = rows[at]
        used, elements, body = stream_entries(rows, at, node_bytes, limits.stream_node_entries)
        names = [name for name, _ in pairs]
        head = listpack_entries([b"%d" % used, b"0", b"%d" % len(names), *names, b"0"])
        entries = head + body
        count = min(len(names) + 4 + elements, _MAX_COUNT)
        yield first, struct.pack("<IH", len(entries) + _HEADER_AND_END, count) + entries + b"\xff"
        at += used


# --- IDs and groups ---------------------------------------------------------------------------


def _raw_id(entry_id: StreamId) -> bytes:
    return struct.pack(">QQ", *entry_id)


def _header_id(entry_id: StreamId) -> bytes:
    return encode_length(entry_id.ms) + encode_length(entry_id.seq)


def _group(name: bytes, group: ConsumerGroup, version: int, compress: bool) -> Iterator[bytes]:
    yield encode_string(name, compress)
    yield _header_id(group.last_id)
    if version >= 2:
        yield encode_length(_UNKNOWN_READ if group.entries_read is None else group.entries_read)
    yield encode_length(len(group.pel))
    owned: dict[bytes, list[StreamId]] = {consumer: [] for consumer in group.consumers}
    for entry_id in sorted(group.pel):
        pending = group.pel[entry_id]
        owned.setdefault(pending.consumer, []).append(entry_id)
        yield _raw_id(entry_id) + struct.pack("<q", pending.delivery_time_ms)
        yield encode_length(pending.delivery_count)
    yield encode_length(len(owned))
    for consumer in sorted(owned):
        details = group.consumers.get(consumer) or Consumer()
        yield from _consumer(consumer, details, owned[consumer], version, compress)


def _consumer(
    name: bytes, consumer: Consumer, pending: list[StreamId], version: int, compress: bool
) -> Iterator[bytes]:
    yield encode_string(name, compress)
    yield struct.pack("<q", consumer.seen_time_ms)
    if version >= 3:
        # Older forms have one time only; servers take it for both when they load them.
        active = consumer.seen_time_ms if consumer.active_time_ms is None else consumer.active_time_ms
        yield struct.pack("<q", active)
    yield encode_length(len(pending))
    yield b"".join(map(_raw_id, pending))
