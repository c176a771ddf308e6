"""Entries and the groups that refer to them: KEEPREF, DELREF and ACKED of Redis 8.2 and later.

A group refers to an entry that it has not read yet, and to one that is pending in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile

from aoftool.dataclass import dataclass
from aoftool.keyspace.context import Argv, CannotFollow, Context
from aoftool.keyspace.numbers import parse_int
from aoftool.keyspace.refusal import SYNTAX, CommandRefused
from aoftool.keyspace.registry import CommandTable
from aoftool.keyspace.stream_ids import parse_id
from aoftool.values import StreamId, StreamValue

__all__ = ["REFERENCES", "TABLE", "trim_with_references"]

TABLE = CommandTable()

REFERENCES = frozenset({b"KEEPREF", b"DELREF", b"ACKED"})
"""What becomes of the references to an entry that goes: they stay, they go too, or they hold it."""

# A stream of no more entries in its life, and of no more bytes, lies in one node.
# Source: stream-node-max-entries and stream-node-max-bytes (4096) as every release ships them
_NODE_ENTRIES = 100
_NODE_BYTES = 2048
_ENTRY_BYTES = 32


def _is_referenced(stream: StreamValue, entry_id: StreamId) -> bool:
    """Tell whether a group still refers to an entry.

    Source: Redis 8.2 src/t_stream.c streamEntryIsReferenced
    """
    return any(entry_id > group.last_id or entry_id in group.pel for group in stream.groups.values())


def _unlink(stream: StreamValue, entry_id: StreamId) -> bool:
    """Remove an entry from what is pending, in every group; tell whether it was there."""
    found = [group.pel.pop(entry_id, None) for group in stream.groups.values()]
    return any(row is not None for row in found)


def trim_with_references(
    stream: StreamValue, references: bytes, max_length: int | None, min_id: StreamId | None
) -> bool:
    """Trim as DELREF and ACKED do; tell whether anything changed.

    Raises:
        CannotFollow: which entries go depends on how they lie in the server's nodes.

    Source: Redis 8.2 src/t_stream.c streamTrim
    """
    ids: Iterable[StreamId] = list(stream.entries)
    if max_length is None:
        ids = takewhile(lambda entry_id: min_id is not None and entry_id < min_id, ids)
    left = len(stream.entries) - max_length if max_length is not None else len(stream.entries)
    going: list[StreamId] = []
    held = False
    for entry_id in ids:
        if len(going) >= left:
            break
        if references == b"ACKED" and _is_referenced(stream, entry_id):
            held = True
            continue
        if held and max_length and not _in_one_node(stream):
            # A node that holds more entries than are to go is the last one looked at.
            raise CannotFollow("random", "a trim with ACKED depends on the server's stream nodes")
        going.append(entry_id)
    for entry_id in going:
        if references == b"DELREF":
            _unlink(stream, entry_id)
        del stream.entries[entry_id]
    return bool(going)


def _in_one_node(stream: StreamValue) -> bool:
    if stream.entries_added > _NODE_ENTRIES or len(stream.entries) != stream.entries_added:
        return False
    sizes = (len(part) for fields in stream.entries.values() for pair in fields for part in pair)
    return sum(sizes) + _ENTRY_BYTES * len(stream.entries) < _NODE_BYTES


@dataclass(slots=True)
class _Chosen:
    """The options of XDELEX and XACKDEL."""

    references: bytes = b""
    first: int = 0
    count: int = 0


def _parse(argv: Argv, start: int) -> _Chosen:
    """Read the options, in any order. Source: Redis 8.2 src/t_stream.c streamParseAckDelArgsOrReply"""
    chosen = _Chosen()
    at = start
    while at < len(argv):
        word = argv[at].upper()
        if word in REFERENCES and not chosen.references:
            chosen.references = word
            at += 1
        elif word == b"IDS" and at + 1 < len(argv):
            chosen.count = parse_int(argv[at + 1], "ERR Number of IDs must be a positive integer")
            if chosen.count < 1:
                raise CommandRefused("ERR Number of IDs must be a positive integer")
            if chosen.count > len(argv) - at - 2:
                raise CommandRefused("ERR The `numids` parameter must match the number of arguments")
            chosen.first = at + 2
            at += 2 + chosen.count
        else:
            raise CommandRefused(SYNTAX)
    if not chosen.first:
        raise CommandRefused("ERR IDS option is required")
    return chosen


def _ids(argv: Argv, chosen: _Chosen) -> list[StreamId]:
    return [parse_id(text) for text in argv[chosen.first : chosen.first + chosen.count]]


def _delete(stream: StreamValue, entry_id: StreamId, references: bytes) -> bool:
    """Delete an entry if its references allow it; tell whether anything changed."""
    changed = False
    if references == b"ACKED" and _is_referenced(stream, entry_id):
        return False
    if references == b"DELREF":
        changed = _unlink(stream, entry_id)
    if entry_id not in stream.entries:
        return changed
    del stream.entries[entry_id]
    stream.max_deleted_id = max(stream.max_deleted_id, entry_id)
    return True


@TABLE.command(b"XDELEX", -5, redis=(8, 2), valkey=None)
def apply_xdelex(ctx: Context, argv: Argv) -> None:
    stream = ctx.get(argv[1], StreamValue)
    chosen = _parse(argv, 2)
    if stream is None:
        return
    changed = [_delete(stream, entry_id, chosen.references) for entry_id in _ids(argv, chosen)]
    if any(changed):
        ctx.db.changed.append(argv[1])


@TABLE.command(b"XACKDEL", -6, redis=(8, 2), valkey=None)
def apply_xackdel(ctx: Context, argv: Argv) -> None:
    """Acknowledge entries of a group and delete those; what is not pending there stays as it is."""
    stream = ctx.get(argv[1], StreamValue)
    chosen = _parse(argv, 3)
    group = None if stream is None else stream.groups.get(argv[2])
    if stream is None or group is None:
        return
    changed = False
    for entry_id in _ids(argv, chosen):
        if group.pel.pop(entry_id, None) is not None:
            _delete(stream, entry_id, chosen.references)
            changed = True
    if changed:
        ctx.db.changed.append(argv[1])
