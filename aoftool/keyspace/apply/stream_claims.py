"""Delivery of stream entries: XCLAIM, XAUTOCLAIM and XREADGROUP as a loader runs them.

Servers record every delivery as XCLAIM; the other two come from files made by hand.
"""

from __future__ import annotations

from aoftool.dataclass import dataclass, field
from aoftool.escape import excerpt, excerpt_key
from aoftool.keyspace.apply.blocking import check_timeout
from aoftool.keyspace.apply.stream_groups import new_consumer
from aoftool.keyspace.context import Argv, Context
from aoftool.keyspace.numbers import parse_int
from aoftool.keyspace.refusal import SYNTAX, CommandRefused
from aoftool.keyspace.registry import CommandTable
from aoftool.keyspace.stream_ids import ZERO_ID, next_id, parse_id, parse_start_id
from aoftool.values import ConsumerGroup, PendingEntry, StreamId, StreamValue

__all__ = ["TABLE"]

TABLE = CommandTable()

_ATTEMPTS_PER_COUNT = 10
_LARGEST_COUNT = (2**63 - 1) // 16


@dataclass(slots=True)
class _Claim:
    """The arguments of an XCLAIM after the minimum idle time."""

    ids: list[StreamId] = field(default_factory=list)
    delivery_time_ms: int | None = None
    delivery_count: int | None = None
    force: bool = False
    just_id: bool = False
    last_id: StreamId = ZERO_ID


def _parse_claim(ctx: Context, argv: Argv) -> _Claim:
    """Read the IDs, then the options.

    Source: Redis 7.0 src/t_stream.c xclaimCommand
    """
    claim = _Claim()
    at = 5
    while at < len(argv):
        try:
            claim.ids.append(parse_id(argv[at]))
        except CommandRefused:
            break
        at += 1
    while at < len(argv):
        word, more = argv[at].upper(), at + 1 < len(argv)
        if word == b"FORCE":
            claim.force = True
        elif word == b"JUSTID":
            claim.just_id = True
        elif word in (b"IDLE", b"TIME", b"RETRYCOUNT", b"LASTID") and more:
            at += 1
            _parse_claim_value(ctx, claim, word, argv[at])
        else:
            raise CommandRefused(f"ERR Unrecognized XCLAIM option '{excerpt(argv[at])}'")
        at += 1
    return claim


def _parse_claim_value(ctx: Context, claim: _Claim, word: bytes, text: bytes) -> None:
    if word == b"LASTID":
        claim.last_id = parse_id(text)
        return
    number = parse_int(text, f"ERR Invalid {word.decode()} option argument for XCLAIM")
    if word == b"RETRYCOUNT":
        claim.delivery_count = number if number >= 0 else None
    else:
        claim.delivery_time_ms = ctx.clock() - number if word == b"IDLE" else number


def _group(ctx: Context, key: bytes, name: bytes) -> tuple[StreamValue, ConsumerGroup]:
    stream = ctx.get(key, StreamValue)
    group = None if stream is None else stream.groups.get(name)
    if stream is None or group is None:
        raise CommandRefused(f"NOGROUP No such key '{excerpt_key(key)}' or consumer group '{excerpt(name)}'")
    return stream, group


@TABLE.command(b"XCLAIM", -6)
def apply_xclaim(ctx: Context, argv: Argv) -> None:
    stream, group = _group(ctx, argv[1], argv[2])
    min_idle_ms = max(
        parse_int(argv[4], "ERR Invalid min-idle-time argument for XCLAIM"),
        0,
    )
    claim = _parse_claim(ctx, argv)
    if claim.last_id > group.last_id:
        group.last_id = claim.last_id
    time_ms = claim.delivery_time_ms
    if time_ms is None or not 0 <= time_ms <= ctx.now_ms:
        time_ms = ctx.clock()
    if ctx.flavour.xclaim_always_creates:
        new_consumer(ctx, group, argv[3])
    for entry_id in claim.ids:
        pending = group.pel.get(entry_id)
        if entry_id not in stream.entries:
            if ctx.flavour.xclaim_drops_deleted:
                group.pel.pop(entry_id, None)
                continue
            if pending is None:
                continue
        if pending is None:
            if not claim.force:
                continue
            pending = group.pel[entry_id] = PendingEntry(argv[3], time_ms, 1)
        elif min_idle_ms and ctx.clock() - pending.delivery_time_ms < min_idle_ms:
            continue
        _deliver(ctx, group, pending, argv[3], time_ms)
        if claim.delivery_count is not None:
            pending.delivery_count = claim.delivery_count
        elif not claim.just_id:
            pending.delivery_count += 1
    ctx.db.changed.append(argv[1])


def _deliver(ctx: Context, group: ConsumerGroup, pending: PendingEntry, name: bytes, time_ms: int) -> None:
    """Hand a pending entry to a consumer."""
    consumer = new_consumer(ctx, group, name)
    if consumer.active_time_ms is not None:
        consumer.active_time_ms = ctx.now_ms
    pending.consumer = name
    pending.delivery_time_ms = time_ms


@TABLE.command(b"XAUTOCLAIM", -6, redis=(6, 2))
def apply_xautoclaim(ctx: Context, argv: Argv) -> None:
    min_idle_ms = max(parse_int(argv[4], "ERR Invalid min-idle-time argument for XAUTOCLAIM"), 0)
    start = parse_start_id(argv[5])
    count, just_id = _parse_autoclaim_options(argv)
    stream, group = _group(ctx, argv[1], argv[2])
    now = ctx.clock()
    if ctx.flavour.xclaim_always_creates:
        new_consumer(ctx, group, argv[3])
    ids = sorted(entry_id for entry_id in group.pel if entry_id >= start)
    for entry_id in ids[: count * _ATTEMPTS_PER_COUNT]:
        if not count:
            break
        pending = group.pel[entry_id]
        if ctx.flavour.xclaim_drops_deleted and entry_id not in stream.entries:
            del group.pel[entry_id]
            count -= 1
            continue
        if min_idle_ms and now - pending.delivery_time_ms < min_idle_ms:
            continue
        _deliver(ctx, group, pending, argv[3], now)
        pending.delivery_count += not just_id
        count -= 1
    ctx.db.changed.append(argv[1])


def _parse_autoclaim_options(argv: Argv) -> tuple[int, bool]:
    count, just_id = 100, False
    at = 6
    while at < len(argv):
        word = argv[at].upper()
        if word == b"COUNT" and at + 1 < len(argv):
            at += 1
            count = parse_int(argv[at], "ERR COUNT must be > 0")
            if not 0 < count <= _LARGEST_COUNT:
                raise CommandRefused("ERR COUNT must be > 0")
        elif word == b"JUSTID":
            just_id = True
        else:
            raise CommandRefused(SYNTAX)
        at += 1
    return count, just_id


@dataclass(slots=True)
class _Read:
    """The arguments of an XREADGROUP."""

    group: bytes | None = None
    consumer: bytes = b""
    count: int = 0
    no_ack: bool = False
    keys: Argv = ()
    ids: Argv = ()


def _parse_read(argv: Argv) -> _Read:
    """Read the options up to STREAMS, which ends them.

    Source: Redis 7.0 src/t_stream.c xreadCommand
    """
    read = _Read()
    at = 1
    while at < len(argv):
        word, more = argv[at].upper(), len(argv) - at - 1
        if word == b"BLOCK" and more:
            at += 1
            check_timeout(argv[at])
            parse_int(argv[at], "ERR timeout is not an integer or out of range")
        elif word == b"COUNT" and more:
            at += 1
            read.count = max(parse_int(argv[at]), 0)
        elif word == b"GROUP" and more >= 2:
            read.group, read.consumer = argv[at + 1], argv[at + 2]
            at += 2
        elif word == b"NOACK":
            read.no_ack = True
        elif word == b"STREAMS" and more:
            half, odd = divmod(more, 2)
            if odd:
                raise CommandRefused("ERR Unbalanced 'xreadgroup' list of streams")
            read.keys, read.ids = argv[at + 1 : at + 1 + half], argv[at + 1 + half :]
            break
        else:
            raise CommandRefused(SYNTAX)
        at += 1
    if not read.keys:
        raise CommandRefused(SYNTAX)
    if read.group is None:
        raise CommandRefused("ERR Missing GROUP option for XREADGROUP")
    return read


@TABLE.command(b"XREADGROUP", -7)
def apply_xreadgroup(ctx: Context, argv: Argv) -> None:
    read = _parse_read(argv)
    plans = []
    for key, text in zip(read.keys, read.ids, strict=True):
        stream, group = _group(ctx, key, read.group or b"")
        plans.append((key, stream, group, None if text == b">" else parse_id(text)))
    for key, stream, group, after in plans:
        fresh = [i for i in stream.entries if i > group.last_id] if after is None else []
        if ctx.flavour.xclaim_always_creates or fresh or after is not None:
            new_consumer(ctx, group, read.consumer)
        if after is not None:
            _deliver_history(ctx, stream, group, read, after)
        for entry_id in fresh[: read.count or None]:
            _deliver_fresh(ctx, stream, group, read, entry_id)
        ctx.db.changed.append(key)


def _deliver_history(
    ctx: Context, stream: StreamValue, group: ConsumerGroup, read: _Read, after: StreamId
) -> None:
    start = next_id(after)
    own = sorted(i for i, p in group.pel.items() if p.consumer == read.consumer and i >= start)
    for entry_id in own[: read.count or None]:
        if entry_id in stream.entries:
            group.pel[entry_id].delivery_time_ms = ctx.clock()
            group.pel[entry_id].delivery_count += 1


def _deliver_fresh(
    ctx: Context, stream: StreamValue, group: ConsumerGroup, read: _Read, entry_id: StreamId
) -> None:
    _advance(ctx, stream, group, entry_id)
    if read.no_ack:
        return
    pending = group.pel.setdefault(entry_id, PendingEntry(read.consumer, 0, 1))
    pending.delivery_count = 1
    _deliver(ctx, group, pending, read.consumer, ctx.clock())


def _advance(ctx: Context, stream: StreamValue, group: ConsumerGroup, entry_id: StreamId) -> None:
    """Move a group's last ID to an entry above it, and its read counter if that can be known.

    Newer servers count on only if the old last ID is not before the first entry, and they look for
    tombstones behind it; the others look behind the new one.

    Source: Redis 7.2 src/t_stream.c streamReplyWithRange; measured on Redis 7.0.15 and 8.0.6 and on
    Valkey 8.1.1 and 9.1.2
    """
    newer = ctx.flavour.has((7, 4), (8, 0))
    since = group.last_id if newer else entry_id
    counts = group.entries_read is not None and not _has_tombstones(stream, since, newer)
    if newer and group.last_id < (stream.first_id_held() or ZERO_ID):
        counts = False
    if group.entries_read is not None and counts:
        group.entries_read += 1
    elif stream.entries_added:
        group.entries_read = _distance(stream, entry_id, newer)
    group.last_id = entry_id


def _has_tombstones(stream: StreamValue, since: StreamId, newer: bool) -> bool:
    first = stream.first_id_held()
    if first is None or stream.max_deleted_id == ZERO_ID:
        return False
    if not newer and first > stream.max_deleted_id:
        return False
    return since <= stream.max_deleted_id


def _distance(stream: StreamValue, entry_id: StreamId, newer: bool) -> int | None:
    """Return how many entries there ever were up to an existing one, None when unknown."""
    if newer and entry_id < stream.max_deleted_id:
        return None
    if entry_id == stream.last_id:
        return stream.entries_added
    first = stream.first_id_held() or ZERO_ID
    if entry_id == first and (stream.max_deleted_id == ZERO_ID or stream.max_deleted_id < first):
        return stream.entries_added - len(stream.entries) + 1
    return None
