"""The commands that make a stream: entries, counters, groups, pending entries, consumers.

A pending entry whose stream entry is gone cannot be claimed, and a server's own AOF-format rewrite loses
it. Here such entries are added as placeholders in front of all others, claimed, and trimmed away: unlike
XDEL, trimming leaves no trace in the counters. What no commands can say is told by `stream_needs_payload`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter

from aoftool.rdb.encode.targets import Target
from aoftool.releases import NAMES
from aoftool.values import IDMP_DURATION_S, IDMP_MAX_ENTRIES, ConsumerGroup, StreamId, StreamIdmp, StreamValue

__all__ = ["stream_commands", "stream_needs_payload"]

Argv = tuple[bytes, ...]

_PLACEHOLDER = (b"x", b"y")
_UNKNOWN_READ = -1
_COUNTERS_SINCE = 2
# Where a server claims entry by entry, placeholders are claimed together: what that saves is about what
# they cost, so that the result is as long as the server's.
_GONE_PER_CLAIM = 2


def stream_needs_payload(stream: StreamValue, target: Target) -> bool:
    """Tell whether commands cannot make the stream: XSETID refuses its counters, or no command sets them.

    A last ID below an ID deleted before comes from XSETID of Redis 7.0, more entries than were ever added
    from an RDB older than that. Of idempotent producers commands say what is remembered of entries that are
    there, and count just those.
    Source: Redis 7.0 src/t_stream.c xsetidCommand, Redis 8.6 src/aof.c rewriteStreamObject; measured on
    Redis 7.0.15 and 8.6.3 and on Valkey 9.1.2
    """
    if stream.idmp is not None and not _can_be_recorded(stream, stream.idmp):
        return True
    if target.stream_version < _COUNTERS_SINCE:
        return False
    read = max((group.entries_read or 0 for group in stream.groups.values()), default=0)
    if read > stream.entries_added and _caps_counters(target):
        return True
    return stream.last_id < stream.max_deleted_id or stream.entries_added < len(stream.entries)


def _caps_counters(target: Target) -> bool:
    """Tell whether XGROUP CREATE takes no read counter above the entries ever added.

    Source: measured on Redis 8.2.3 and 8.6.3; 8.0.6 takes any
    """
    return NAMES[target.name].has((8, 2), None)


def _can_be_recorded(stream: StreamValue, idmp: StreamIdmp) -> bool:
    """Tell whether XIDMPRECORD for every ID that is remembered gives the same state, counters included."""
    held = [entry for ids in idmp.producers.values() for entry in ids.values()]
    return (
        all(idmp.producers.values())
        and all(name and all(ids) for name, ids in idmp.producers.items())
        and all(entry in stream.entries for entry in held)
        and (idmp.iids_added, idmp.iids_duplicates) == (len(held), 0)
    )


def stream_commands(key: bytes, stream: StreamValue, target: Target) -> Iterator[Argv]:
    """Yield the commands in the order of a server's rewrite; what is gone and still pending comes first.

    Args:
        key: name of the stream.
        stream: entries ascending by ID.
        target: tells whether counters can be set (7.0 and later).
    """
    counters = target.stream_version >= _COUNTERS_SINCE
    # Servers walk groups in byte order of their names.
    groups = sorted(stream.groups.items(), key=itemgetter(0))
    gone = _gone(stream)
    if gone:
        added = stream.entries_added if counters and _caps_counters(target) else None
        yield from _gone_commands(key, groups, gone, counters=counters, added=added)
        if stream.entries and next(iter(stream.entries)) <= gone[-1]:
            yield b"XSETID", key, b"0-0"
    elif not stream.entries:
        # Adds an entry and trims it away: the shortest way to an empty stream.
        yield (b"XADD", key, b"MAXLEN", b"0", b"0-1", *_PLACEHOLDER)
    for entry_id, pairs in stream.entries.items():
        yield (b"XADD", key, entry_id.encode(), *(part for pair in pairs for part in pair))
    yield _set_id(key, stream, counters=counters)
    for name, group in groups:
        if not gone:
            yield _create(key, name, group, counters=counters)
        yield from _consumers(key, name, group, stream, target)
    if stream.idmp is not None:
        yield from _producers(key, stream.idmp)


def _producers(key: bytes, idmp: StreamIdmp) -> Iterator[Argv]:
    """Yield the settings, where they are not the shipped ones, and what is remembered, oldest first."""
    if (idmp.duration_s, idmp.max_entries) != (IDMP_DURATION_S, IDMP_MAX_ENTRIES):
        duration, size = b"%d" % idmp.duration_s, b"%d" % idmp.max_entries
        yield b"XCFGSET", key, b"IDMP-DURATION", duration, b"IDMP-MAXSIZE", size
    for producer, held in sorted(idmp.producers.items(), key=itemgetter(0)):
        for name, entry in held.items():
            yield b"XIDMPRECORD", key, producer, name, entry.encode()


def _gone(stream: StreamValue) -> list[StreamId]:
    """Return the IDs that are pending somewhere while their entries are no more, ascending."""
    pending = {entry for group in stream.groups.values() for entry in group.pel}
    return sorted(entry for entry in pending if entry not in stream.entries)


def _gone_commands(
    key: bytes,
    groups: Sequence[tuple[bytes, ConsumerGroup]],
    gone: Sequence[StreamId],
    *,
    counters: bool,
    added: int | None,
) -> Iterator[Argv]:
    """Yield what makes the groups with the pending entries that are gone, and leaves no entry behind.

    Args:
        added: entries ever added, to be known before the groups are made; None where that does not matter.
    """
    for entry in gone:
        yield (b"XADD", key, entry.encode(), *_PLACEHOLDER)
    if added is not None and added > len(gone):
        yield b"XSETID", key, gone[-1].encode(), b"ENTRIESADDED", b"%d" % added
    for name, group in groups:
        yield _create(key, name, group, counters=counters)
        alike: dict[tuple[bytes, int, int], list[StreamId]] = {}
        for entry in gone:
            if entry in group.pel:
                held = group.pel[entry]
                state = (held.consumer, held.delivery_time_ms, held.delivery_count)
                alike.setdefault(state, []).append(entry)
        for (consumer, *_), entries in alike.items():
            for at in range(0, len(entries), _GONE_PER_CLAIM):
                yield _claim(key, name, consumer, entries[at : at + _GONE_PER_CLAIM], group)
    yield b"XTRIM", key, b"MAXLEN", b"0"


def _consumers(
    key: bytes, name: bytes, group: ConsumerGroup, stream: StreamValue, target: Target
) -> Iterator[Argv]:
    """Yield the consumers of a group, in byte order, with those of their pending entries that are there."""
    owned: dict[bytes, list[StreamId]] = {consumer: [] for consumer in group.consumers}
    idle = set(owned)
    for entry_id in sorted(group.pel):
        consumer = group.pel[entry_id].consumer
        idle.discard(consumer)
        if entry_id in stream.entries:
            owned.setdefault(consumer, []).append(entry_id)
    for consumer in sorted(owned):
        if consumer in idle:
            yield _idle(key, name, consumer, target)
        for entry_id in owned[consumer]:
            yield _claim(key, name, consumer, [entry_id], group)


def _idle(key: bytes, name: bytes, consumer: bytes, target: Target) -> Argv:
    """Return the command that makes a consumer with nothing pending.

    Redis 6.0 has none for it, but makes one that reads what is pending for it. Source: measured on 6.0.16
    """
    if NAMES[target.name].has((6, 2), (7, 2)):
        return b"XGROUP", b"CREATECONSUMER", key, name, consumer
    return b"XREADGROUP", b"GROUP", name, consumer, b"STREAMS", key, b"0"


def _set_id(key: bytes, stream: StreamValue, *, counters: bool) -> Argv:
    plain = (b"XSETID", key, stream.last_id.encode())
    if not counters:
        return plain
    added = b"%d" % stream.entries_added
    return (*plain, b"ENTRIESADDED", added, b"MAXDELETEDID", stream.max_deleted_id.encode())


def _create(key: bytes, name: bytes, group: ConsumerGroup, *, counters: bool) -> Argv:
    create = (b"XGROUP", b"CREATE", key, name, group.last_id.encode())
    read = _UNKNOWN_READ if group.entries_read is None else group.entries_read
    return (*create, b"ENTRIESREAD", b"%d" % read) if counters else create


def _claim(
    key: bytes, name: bytes, consumer: bytes, entries: Sequence[StreamId], group: ConsumerGroup
) -> Argv:
    """Return the command that makes entries pending; they are alike but for their IDs."""
    pending = group.pel[entries[0]]
    head = (b"XCLAIM", key, name, consumer, b"0", *(entry.encode() for entry in entries))
    times = (b"TIME", b"%d" % pending.delivery_time_ms, b"RETRYCOUNT", b"%d" % pending.delivery_count)
    return (*head, *times, b"JUSTID", b"FORCE")
