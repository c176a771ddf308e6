"""Consumer groups: XGROUP and XACK. Delivering and claiming entries is in `stream_claims`."""

from __future__ import annotations

from aoftool.escape import excerpt, excerpt_key
from aoftool.keyspace.context import Argv, CannotFollow, Context
from aoftool.keyspace.numbers import parse_int
from aoftool.keyspace.refusal import CommandRefused
from aoftool.keyspace.registry import CommandTable
from aoftool.keyspace.stream_ids import ZERO_ID, parse_id
from aoftool.values import Consumer, ConsumerGroup, StreamId, StreamValue

__all__ = ["TABLE", "new_consumer"]

TABLE = CommandTable()

_NEEDS_KEY = (
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use "
    "the MKSTREAM option to create an empty stream automatically."
)
_BAD_SUBCOMMAND = "ERR unknown subcommand or wrong number of arguments. Try XGROUP HELP."
_KNOWN = frozenset({b"CREATE", b"SETID", b"DESTROY", b"CREATECONSUMER", b"DELCONSUMER", b"HELP"})


def new_consumer(ctx: Context, group: ConsumerGroup, name: bytes) -> Consumer:
    """Return the group's consumer of that name, created when missing."""
    consumer = group.consumers.get(name)
    if consumer is None:
        active = -1 if ctx.flavour.has((7, 2), (7, 2)) else None
        consumer = group.consumers[name] = Consumer(ctx.now_ms, active)
    return consumer


def _no_group(argv: Argv) -> CommandRefused:
    return CommandRefused(
        f"NOGROUP No such consumer group '{excerpt(argv[3])}' for key name '{excerpt_key(argv[2])}'"
    )


@TABLE.command(b"XGROUP", -2)
def apply_xgroup(ctx: Context, argv: Argv) -> None:
    word = argv[1].upper()
    if word not in _KNOWN or (word == b"CREATECONSUMER" and not ctx.flavour.has((6, 2), (7, 2))):
        if ctx.flavour.strict_subcommands:
            raise CannotFollow("unknown", "unknown subcommand of XGROUP")
        raise CommandRefused(_BAD_SUBCOMMAND)
    if word == b"HELP":
        return
    least = {b"DESTROY": 4}.get(word, 5)
    if len(argv) < least:
        if ctx.flavour.strict_arity:
            raise CannotFollow("arity", f"wrong number of arguments for 'xgroup|{word.decode().lower()}'")
        raise CommandRefused(_BAD_SUBCOMMAND)
    if word == b"CREATE":
        _create(ctx, argv)
    elif word == b"SETID":
        _set_id(ctx, argv)
    elif len(argv) != least:
        if ctx.flavour.strict_arity:
            raise CannotFollow("arity", f"wrong number of arguments for 'xgroup|{word.decode().lower()}'")
        raise CommandRefused(_BAD_SUBCOMMAND)
    elif word == b"DESTROY":
        _destroy(ctx, argv)
    else:
        _change_consumer(ctx, argv, create=word == b"CREATECONSUMER")


def _parse_group_options(ctx: Context, argv: Argv, *, creating: bool) -> tuple[bool, int | None]:
    """Return whether to make the stream, and ENTRIESREAD (None when unknown, the servers' -1)."""
    make = False
    entries_read: int | None = None
    at = 5
    while at < len(argv):
        word = argv[at].upper()
        if creating and word == b"MKSTREAM":
            make = True
            at += 1
        elif word == b"ENTRIESREAD" and ctx.flavour.stream_counters and at + 1 < len(argv):
            number = parse_int(argv[at + 1])
            if number < -1:
                raise CommandRefused("ERR value for ENTRIESREAD must be positive or -1")
            entries_read = None if number == -1 else number
            at += 2
        else:
            raise CommandRefused(_BAD_SUBCOMMAND)
    if len(argv) > (8 if creating else 7) or (len(argv) > 6 and not ctx.flavour.stream_counters):
        raise CommandRefused(_BAD_SUBCOMMAND)
    return make, entries_read


def _group_id(text: bytes, stream: StreamValue | None, *, strict: bool = True) -> StreamId:
    if text == b"$":
        return ZERO_ID if stream is None else stream.last_id
    return parse_id(text, strict=strict)


def _create(ctx: Context, argv: Argv) -> None:
    make, entries_read = _parse_group_options(ctx, argv, creating=True)
    stream = ctx.get(argv[2], StreamValue)
    if stream is None and not make:
        raise CommandRefused(_NEEDS_KEY)
    last_id = _group_id(argv[4], stream)
    if stream is None:
        stream = ctx.db.values[argv[2]] = StreamValue()
    elif argv[3] in stream.groups:
        raise CommandRefused("BUSYGROUP Consumer Group name already exists")
    stream.groups[argv[3]] = ConsumerGroup(last_id, _capped(ctx, stream, entries_read))
    ctx.db.changed.append(argv[2])


def _capped(ctx: Context, stream: StreamValue, entries_read: int | None) -> int | None:
    """Return a group's read counter as the server keeps it. Source: measured on Redis 8.2.3"""
    if entries_read is None or not ctx.flavour.caps_entries_read:
        return entries_read
    return min(entries_read, stream.entries_added)


def _stream(ctx: Context, argv: Argv) -> StreamValue:
    stream = ctx.get(argv[2], StreamValue)
    if stream is None:
        raise CommandRefused(_NEEDS_KEY)
    return stream


def _set_id(ctx: Context, argv: Argv) -> None:
    _, entries_read = _parse_group_options(ctx, argv, creating=False)
    stream = _stream(ctx, argv)
    group = stream.groups.get(argv[3])
    if group is None:
        raise _no_group(argv)
    group.last_id = _group_id(argv[4], stream, strict=False)
    group.entries_read = _capped(ctx, stream, entries_read)
    ctx.db.changed.append(argv[2])


def _destroy(ctx: Context, argv: Argv) -> None:
    if _stream(ctx, argv).groups.pop(argv[3], None) is not None:
        ctx.db.changed.append(argv[2])


def _change_consumer(ctx: Context, argv: Argv, *, create: bool) -> None:
    group = _stream(ctx, argv).groups.get(argv[3])
    if group is None:
        raise _no_group(argv)
    name = argv[4]
    if create == (name in group.consumers):
        return
    if create:
        new_consumer(ctx, group, name)
    else:
        del group.consumers[name]
        for entry_id in [i for i, pending in group.pel.items() if pending.consumer == name]:
            del group.pel[entry_id]
    ctx.db.changed.append(argv[2])


@TABLE.command(b"XACK", -4)
def apply_xack(ctx: Context, argv: Argv) -> None:
    stream = ctx.get(argv[1], StreamValue)
    group = None if stream is None else stream.groups.get(argv[2])
    if group is None:
        return
    acknowledged = [group.pel.pop(i, None) for i in [parse_id(text) for text in argv[3:]]]
    if any(pending is not None for pending in acknowledged):
        ctx.db.changed.append(argv[1])
