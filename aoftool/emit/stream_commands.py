"""The commands that make a stream: entries, counters, groups, pending entries, consumers.

A pending entry whose stream entry was deleted cannot be claimed, and a server's own AOF-format rewrite
loses it. Here such an entry is added as a placeholder, claimed, and deleted again;
XSETID comes last then, so that all counters end as they were.
"""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.rdb.targets import Target
from aoftool.values import ConsumerGroup, StreamId, StreamValue

__all__ = ["stream_commands"]

Argv = tuple[bytes, ...]

_PLACEHOLDER = (b"x", b"y")
_UNKNOWN_READ = -1


def stream_commands(key: bytes, stream: StreamValue, target: Target) -> Iterator[Argv]:
    """Yield the commands in the order of a server's rewrite.

    Args:
        key: name of the stream.
        stream: entries ascending by ID.
        target: tells whether counters can be set (7.0 and later).
    """
    counters = target.stream_version >= 2
    gone = _gone(stream)
    yield from _entries(key, stream, gone)
    set_id = _set_id(key, stream, counters=counters)
    if not gone:
        yield set_id
    # Servers walk groups and consumers in byte order of their names.
    for name in sorted(stream.groups):
        yield from _group(key, name, stream.groups[name], counters=counters)
    if gone:
        yield from ((b"XDEL", key, entry.encode()) for entry in gone)
        yield set_id


def _gone(stream: StreamValue) -> list[StreamId]:
    """Return the IDs that are pending somewhere while their entries are no more, ascending.

    IDs above the stream's last one are no deleted entries and stay out.
    """
    pending = {entry for group in stream.groups.values() for entry in group.pel}
    return sorted(entry for entry in pending if entry not in stream.entries and entry <= stream.last_id)


def _entries(key: bytes, stream: StreamValue, gone: list[StreamId]) -> Iterator[Argv]:
    if not stream.entries and not gone:
        # Adds an entry and trims it away: the shortest way to an empty stream.
        yield (b"XADD", key, b"MAXLEN", b"0", b"0-1", *_PLACEHOLDER)
        return
    placeholders = iter([*gone, None])
    waiting = next(placeholders)
    for entry_id, pairs in stream.entries.items():
        while waiting is not None and waiting < entry_id:
            yield (b"XADD", key, waiting.encode(), *_PLACEHOLDER)
            waiting = next(placeholders)
        yield (b"XADD", key, entry_id.encode(), *(part for pair in pairs for part in pair))
    while waiting is not None:
        yield (b"XADD", key, waiting.encode(), *_PLACEHOLDER)
        waiting = next(placeholders)


def _set_id(key: bytes, stream: StreamValue, *, counters: bool) -> Argv:
    plain = (b"XSETID", key, stream.last_id.encode())
    if not counters:
        return plain
    added = b"%d" % stream.entries_added
    return (*plain, b"ENTRIESADDED", added, b"MAXDELETEDID", stream.max_deleted_id.encode())


def _group(key: bytes, name: bytes, group: ConsumerGroup, *, counters: bool) -> Iterator[Argv]:
    create = (b"XGROUP", b"CREATE", key, name, group.last_id.encode())
    read = _UNKNOWN_READ if group.entries_read is None else group.entries_read
    yield (*create, b"ENTRIESREAD", b"%d" % read) if counters else create
    owned: dict[bytes, list[StreamId]] = {consumer: [] for consumer in group.consumers}
    for entry_id in sorted(group.pel):
        owned.setdefault(group.pel[entry_id].consumer, []).append(entry_id)
    for consumer in sorted(owned):
        if not owned[consumer]:
            yield b"XGROUP", b"CREATECONSUMER", key, name, consumer
        for entry_id in owned[consumer]:
            yield _claim(key, name, consumer, entry_id, group)


def _claim(key: bytes, name: bytes, consumer: bytes, entry_id: StreamId, group: ConsumerGroup) -> Argv:
    pending = group.pel[entry_id]
    head = (b"XCLAIM", key, name, consumer, b"0", entry_id.encode())
    times = (b"TIME", b"%d" % pending.delivery_time_ms, b"RETRYCOUNT", b"%d" % pending.delivery_count)
    return (*head, *times, b"JUSTID", b"FORCE")
