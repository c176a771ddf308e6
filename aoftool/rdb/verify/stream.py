"""Check streams: nodes, order of IDs, counters, groups, pending entries.

No server checks most of this at load: a wrong node key shifts every ID, a low last ID lets IDs come
twice; measured on Redis 7.0.15 and Valkey 9.1.2.
"""

from __future__ import annotations

import struct

from aoftool.dataclass import dataclass
from aoftool.rdb.blobs import listpack
from aoftool.rdb.damage import EncodingDamage, damage
from aoftool.rdb.decode.stream import STREAM_VERSIONS, StreamNode, split_node
from aoftool.rdb.decode.strings import read_length, read_lengths, read_string
from aoftool.rdb.verify.issues import IssueList, open_blob
from aoftool.values import StreamId

__all__ = ["check_stream"]

_ID = struct.Struct(">QQ")


@dataclass(slots=True)
class _Seen:
    """What the nodes held.

    Attributes:
        complete: False when a node could not be read, so that counts mean nothing.
    """

    live: int = 0
    first_live: StreamId | None = None
    greatest: StreamId | None = None
    complete: bool = True


def check_stream(type_id: int, raw: bytes | memoryview, issues: IssueList) -> None:
    """Check a stream of any version."""
    version = STREAM_VERSIONS[type_id]
    seen = _Seen()
    nodes, at = read_length(raw, 0)
    for _ in range(nodes):
        at = _check_node(raw, at, seen, issues)
    at = _check_counters(raw, at, version, seen, issues)
    groups, at = read_length(raw, at)
    names: set[bytes] = set()
    for _ in range(groups):
        name, after = read_string(raw, at)
        if name in names:
            issues.add("stream-group", at)
        names.add(name)
        at = _check_group(raw, after, version, issues)


def _check_node(raw: bytes | memoryview, at: int, seen: _Seen, issues: IssueList) -> int:
    key, place = read_string(raw, at)
    blob = open_blob(raw, place)
    try:
        if len(key) != _ID.size:
            raise damage("stream-key", at)
        issues.add_blob(blob, listpack.check(blob.data))
        node = split_node(StreamId(*_ID.unpack(key)), blob.data)
    except EncodingDamage as found:
        key_wrong = found.code == "stream-key"
        issues.add(found.code, at if key_wrong else blob.place(found.offset or 0))
        seen.complete = False
        return blob.after
    _check_entries(node, at, blob.at, seen, issues)
    return blob.after


def _check_entries(node: StreamNode, at: int, blob_at: int, seen: _Seen, issues: IssueList) -> None:
    live = [entry for entry in node.entries if not entry.deleted]
    if (node.live, node.deleted) != (len(live), len(node.entries) - len(live)):
        issues.add("stream-node-count", blob_at)
    if node.entries and node.entries[0].id != node.id:
        issues.add("stream-node-key", at)
    if any(entry.stated_count != entry.true_count for entry in node.entries):
        issues.add("stream-entry-count", blob_at)
    for entry in node.entries:
        if seen.greatest is not None and entry.id <= seen.greatest:
            issues.add("stream-order", blob_at)
            break
        seen.greatest = entry.id
    seen.live += len(live)
    if live and seen.first_live is None:
        seen.first_live = live[0].id


def _check_counters(raw: bytes | memoryview, at: int, version: int, seen: _Seen, issues: IssueList) -> int:
    numbers, after = read_lengths(raw, at, 3 if version < 2 else 8)
    length, last_id = numbers[0], StreamId(numbers[1], numbers[2])
    if not seen.complete:
        return after
    if length != seen.live:
        issues.add("stream-length", at)
    if seen.greatest is not None and last_id < seen.greatest:
        issues.add("stream-last-id", at)
    if version < 2:
        return after
    first_id, max_deleted = StreamId(*numbers[3:5]), StreamId(*numbers[5:7])
    # The first ID of an empty stream means nothing.
    if seen.first_live is not None and first_id != seen.first_live:
        issues.add("stream-first-id", at)
    if max_deleted > last_id:
        issues.add("stream-max-deleted", at)
    if numbers[7] < seen.live:
        issues.add("stream-entries-added", at)
    return after


def _read_ids(raw: bytes | memoryview, at: int) -> tuple[list[StreamId], int]:
    count, at = read_length(raw, at)
    end = at + 16 * count
    if end > len(raw):
        raise damage("rdb-truncated", at)
    return [StreamId(*_ID.unpack_from(raw, place)) for place in range(at, end, 16)], end


def _check_group(raw: bytes | memoryview, at: int, version: int, issues: IssueList) -> int:
    start = at
    _, at = read_lengths(raw, at, 3 if version >= 2 else 2)
    pending, at = _read_pending(raw, at)
    unowned = set(pending)
    if len(unowned) != len(pending):
        issues.add("stream-pel-twice", start)
    listed = frozenset(unowned)
    consumers, at = read_length(raw, at)
    names: set[bytes] = set()
    for _ in range(consumers):
        name, after = read_string(raw, at)
        if name in names:
            issues.add("stream-consumer", at)
        names.add(name)
        held, after = _read_ids(raw, after + (16 if version >= 3 else 8))
        _check_held(held, listed, unowned, at, issues)
        at = after
    if version >= 5:
        nacked, after = _read_ids(raw, at)
        _check_held(nacked, listed, unowned, at, issues)
        at = after
    if unowned:
        issues.add("stream-pel-owner", start)
    return at


def _read_pending(raw: bytes | memoryview, at: int) -> tuple[list[StreamId], int]:
    """Read a group's PEL: ID, delivery time, delivery count."""
    count, at = read_length(raw, at)
    pending = []
    for _ in range(count):
        if at + 24 > len(raw):
            raise damage("rdb-truncated", at)
        pending.append(StreamId(*_ID.unpack_from(raw, at)))
        _, at = read_length(raw, at + 24)
    return pending, at


def _check_held(
    held: list[StreamId], listed: frozenset[StreamId], unowned: set[StreamId], at: int, issues: IssueList
) -> None:
    for entry_id in held:
        if entry_id not in listed:
            issues.add("stream-pel-unknown", at)
            return
        if entry_id not in unowned:
            issues.add("stream-pel-twice", at)
            return
        unowned.discard(entry_id)
