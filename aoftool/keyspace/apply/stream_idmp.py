"""Idempotent producers of Redis 8.6: what XADD with IDMP remembers, XCFGSET and XIDMPRECORD.

An idempotent ID is forgotten when its producer has too many, when the settings change, and by age. Age
counts on a running server only, and leaves no trace in the log: while loading nothing is too old.
"""

from __future__ import annotations

from aoftool.keyspace.algorithms.xxh3 import hash_128
from aoftool.keyspace.context import Argv, Context
from aoftool.keyspace.numbers import parse_int
from aoftool.keyspace.refusal import NO_SUCH_KEY, SYNTAX, CommandRefused
from aoftool.keyspace.registry import CommandTable
from aoftool.keyspace.stream_ids import parse_id
from aoftool.values import StreamId, StreamIdmp, StreamValue

__all__ = ["TABLE", "automatic_id", "is_duplicate", "remember"]

TABLE = CommandTable()

_M = (1 << 64) - 1
# Source: Redis 8.6 src/server.h CONFIG_STREAM_IDMP_MAX_DURATION, CONFIG_STREAM_IDMP_MAX_MAXSIZE
_LONGEST_S = 86_400
_MOST_ENTRIES = 10_000


def _producers(stream: StreamValue, producer: bytes) -> tuple[StreamIdmp, dict[bytes, StreamId]]:
    """Return what the stream remembers, and of one producer; asking makes room for it, as on the server."""
    idmp = stream.idmp
    if idmp is None:
        idmp = stream.idmp = StreamIdmp()
    return idmp, idmp.producers.setdefault(producer, {})


def is_duplicate(stream: StreamValue, producer: bytes, idempotent_id: bytes) -> bool:
    """Tell whether the producer has sent this before, and count it."""
    idmp, held = _producers(stream, producer)
    found = idempotent_id in held
    idmp.iids_duplicates += found
    return found


def remember(stream: StreamValue, producer: bytes, idempotent_id: bytes, entry_id: StreamId) -> None:
    """Keep the idempotent ID of an entry; the producer's oldest leaves when there are too many."""
    idmp, held = _producers(stream, producer)
    held[idempotent_id] = entry_id
    idmp.iids_added += 1
    if len(held) > idmp.max_entries:
        del held[next(iter(held))]


def automatic_id(pairs: Argv) -> bytes:
    """Return the idempotent ID that IDMPAUTO makes of fields and values, whatever their order.

    Source: Redis 8.6 src/t_stream.c createIdempotencyHash; measured on Redis 8.6.3
    """
    sums, mixed = [0, 0], [0, 0]
    for field, value in zip(pairs[::2], pairs[1::2], strict=True):
        halves = hash_128(field + len(field).to_bytes(8, "little") + value)
        for half in (0, 1):
            sums[half] = sums[half] + halves[half] & _M
            mixed[half] ^= halves[half]
    low = sums[0] ^ (mixed[1] << 1 | mixed[1] >> 63) & _M
    high = sums[1] ^ (mixed[0] << 1 | mixed[0] >> 63) & _M
    return low.to_bytes(8, "little") + high.to_bytes(8, "little")


@TABLE.command(b"XCFGSET", -2, redis=(8, 6), valkey=None)
def apply_xcfgset(ctx: Context, argv: Argv) -> None:
    """Change how long and how many idempotent IDs are remembered; a change forgets all of them."""
    stream = ctx.get(argv[1], StreamValue)
    if stream is None:
        raise CommandRefused(NO_SUCH_KEY)
    duration_s, max_entries = _parse_settings(argv)
    idmp = stream.idmp or StreamIdmp()
    changed = (duration_s or idmp.duration_s, max_entries or idmp.max_entries)
    if changed != (idmp.duration_s, idmp.max_entries):
        idmp.duration_s, idmp.max_entries = changed
        idmp.producers = {}
        stream.idmp = idmp
        ctx.db.changed.append(argv[1])


def _parse_settings(argv: Argv) -> tuple[int, int]:
    """Return duration and number of entries, 0 for what is not given.

    Source: Redis 8.6 src/t_stream.c xcfgsetCommand
    """
    found = {b"IDMP-DURATION": 0, b"IDMP-MAXSIZE": 0}
    limits = {b"IDMP-DURATION": (_LONGEST_S, "seconds"), b"IDMP-MAXSIZE": (_MOST_ENTRIES, "entries")}
    at = 2
    while at < len(argv):
        word = argv[at].upper()
        if word not in found or at + 1 == len(argv):
            raise CommandRefused(SYNTAX)
        name = word.decode()
        if found[word]:
            raise CommandRefused(f"ERR {name} specified multiple times")
        most, unit = limits[word]
        found[word] = parse_int(argv[at + 1])
        if not 1 <= found[word] <= most:
            raise CommandRefused(f"ERR {name} must be between 1 and {most} {unit}")
        at += 2
    if not any(found.values()):
        raise CommandRefused("ERR At least one parameter must be specified")
    return found[b"IDMP-DURATION"], found[b"IDMP-MAXSIZE"]


@TABLE.command(b"XIDMPRECORD", 5, redis=(8, 6), valkey=None)
def apply_xidmprecord(ctx: Context, argv: Argv) -> None:
    """Remember the idempotent ID of an entry that is there; a rewrite of the server writes it."""
    entry_id = parse_id(argv[4])
    if not argv[2]:
        raise CommandRefused("ERR producer ID must be non-empty")
    if not argv[3]:
        raise CommandRefused("ERR idempotent ID must be non-empty")
    stream = ctx.get(argv[1], StreamValue)
    if stream is None:
        raise CommandRefused(NO_SUCH_KEY)
    if entry_id not in stream.entries:
        raise CommandRefused("ERR No such message in stream")
    _, held = _producers(stream, argv[2])
    if argv[3] not in held:
        remember(stream, argv[2], argv[3], entry_id)
        ctx.db.changed.append(argv[1])
    elif held[argv[3]] != entry_id:
        raise CommandRefused("ERR IID already exists for this producer with a different stream ID")
