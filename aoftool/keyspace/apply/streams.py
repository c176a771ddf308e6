"""Streams: XADD, XDEL, XTRIM, XSETID. Groups and consumers are in `stream_groups`.

A stream without entries stays; it remembers its last ID.
"""

from __future__ import annotations

from aoftool.dataclass import dataclass
from aoftool.keyspace.apply.stream_idmp import automatic_id, is_duplicate, remember
from aoftool.keyspace.apply.stream_refs import REFERENCES, trim_with_references
from aoftool.keyspace.context import Argv, CannotFollow, Context
from aoftool.keyspace.flavour import Flavour
from aoftool.keyspace.numbers import UINT64_MAX, parse_int
from aoftool.keyspace.refusal import NO_SUCH_KEY, SYNTAX, CommandRefused
from aoftool.keyspace.registry import CommandTable
from aoftool.keyspace.stream_ids import MAX_ID, ZERO_ID, next_id, parse_added_id, parse_id
from aoftool.values import StreamId, StreamValue

__all__ = ["TABLE"]

TABLE = CommandTable()

_TOO_SMALL = "ERR The ID specified in XADD is equal or smaller than the target stream top item"
_ARITY = "ERR wrong number of arguments for 'xadd' command"
# Both halves below 10^18, far from the 64-bit limit.
_SHORT_ID = 20
_INT32_MAX = (1 << 31) - 1
# stream-node-max-entries as every release ships it.
_NODE_ENTRIES = 100
_EXHAUSTED = "ERR The stream has exhausted the last possible ID, unable to add more items"


@dataclass(slots=True)
class _Trim:
    """What XADD and XTRIM shall cut off the front."""

    max_length: int | None = None
    min_id: StreamId | None = None
    approximate: bool = False
    limit: int = 0
    references: bytes = b""

    def is_set(self) -> bool:
        return self.max_length is not None or self.min_id is not None

    def run(self, stream: StreamValue, flavour: Flavour) -> bool:
        """Trim; tell whether entries went."""
        if self.references in (b"DELREF", b"ACKED"):
            return trim_with_references(stream, self.references, self.max_length, self.min_id)
        if self.max_length is not None:
            excess = max(len(stream.entries) - self.max_length, 0)
        else:
            min_id = self.min_id or ZERO_ID
            if flavour.short_id_differences and not self.approximate and _far_apart(stream, min_id):
                raise CannotFollow("random", "IDs too far apart for some releases to tell which is smaller")
            excess = stream.count_below(min_id)
        if not excess:
            return False
        if self.approximate:
            # Servers record trims with "="; how much "~" cuts depends on how entries lie in nodes.
            raise CannotFollow("random", "an approximate trim depends on the server's stream nodes")
        stream.drop_first(excess)
        return True


def _far_apart(stream: StreamValue, min_id: StreamId) -> bool:
    """Tell whether IDs that may share a node differ by more than 32 bits, up to where a trim stops.

    How entries lie in nodes is not known, so any run of them counts that is short enough. Nor is it known
    which entries that are gone still hold a node's first place: these are not seen.

    Source: Redis 6.2.5 src/t_stream.c streamTrim (ms_delta, seq_delta); 6.2.7 reads them as 64 bits
    """
    ids = stream.ids_up_to(min_id, _NODE_ENTRIES)
    return any(max(half) - min(half) > _INT32_MAX for half in zip(*ids, strict=True))


@dataclass(slots=True)
class _Options:
    """The options of XADD and XTRIM, and where they end.

    Attributes:
        trim: what to cut off.
        no_create: NOMKSTREAM was there.
        producer: ID of an idempotent producer, None without IDMP and IDMPAUTO.
        idempotent_id: what IDMP names; None where IDMPAUTO makes one.
        end: position behind the options.
    """

    trim: _Trim
    no_create: bool = False
    producer: bytes | None = None
    idempotent_id: bytes | None = None
    end: int = 2


def _parse_options(argv: Argv, flavour: Flavour, *, adding: bool) -> _Options:
    """Read the options.

    A loader takes LIMIT with any form of trim and gives it no meaning.

    Source: Redis 7.0 src/t_stream.c streamParseAddOrTrimArgsOrReply
    """
    trim = _Trim()
    options = _Options(trim)
    references = REFERENCES if flavour.has((8, 2), None) else frozenset()
    idmp = adding and flavour.has((8, 6), None)
    at = 2
    last = len(argv) - 1
    while at <= last:
        word = argv[at].upper()
        if adding and word == b"*":
            break
        if word in (b"MAXLEN", b"MINID") and at < last:
            if trim.is_set():
                raise CommandRefused(
                    "ERR syntax error, MAXLEN and MINID options at the same time are not compatible"
                )
            if last - at >= 2 and argv[at + 1] in (b"~", b"="):
                at += 1
                trim.approximate = argv[at] == b"~"
            at += 1
            if word == b"MAXLEN":
                trim.max_length = _not_negative(argv[at], "The MAXLEN argument must be >= 0.")
            else:
                trim.min_id = parse_id(argv[at])
        elif word == b"LIMIT" and at < last:
            at += 1
            trim.limit = _not_negative(argv[at], "The LIMIT argument must be >= 0.")
        elif word in references and not trim.references:
            trim.references = word
        elif adding and word == b"NOMKSTREAM":
            options.no_create = True
        elif idmp and ((word == b"IDMPAUTO" and at < last) or (word == b"IDMP" and at < last - 1)):
            at = _parse_idmp(argv, at, options)
        elif adding:
            break
        else:
            raise CommandRefused(SYNTAX)
        at += 1
    options.end = at
    return options


def _parse_idmp(argv: Argv, at: int, options: _Options) -> int:
    """Read IDMP with its two arguments or IDMPAUTO with its one; return the position of the last."""
    automatic = argv[at].upper() == b"IDMPAUTO"
    word = "IDMPAUTO" if automatic else "IDMP"
    if options.producer is not None:
        raise CommandRefused("ERR syntax error, IDMP/IDMPAUTO specified multiple times")
    if not argv[at + 1]:
        raise CommandRefused(f"ERR syntax error, {word} requires a non-empty producer ID")
    options.producer = argv[at + 1]
    if automatic:
        return at + 1
    if not argv[at + 2]:
        raise CommandRefused("ERR syntax error, IDMP requires a non-empty idempotent ID")
    options.idempotent_id = argv[at + 2]
    return at + 2


def _not_negative(text: bytes, message: str) -> int:
    number = parse_int(text)
    if number < 0:
        raise CommandRefused(f"ERR {message}")
    return number


def _check_trim(trim: _Trim, *, adding: bool) -> None:
    if trim.limit and not trim.is_set():
        raise CommandRefused("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy")
    if not adding and not trim.is_set():
        raise CommandRefused("ERR syntax error, XTRIM must be called with a trimming strategy")


_PLAIN = _Options(_Trim())


@TABLE.command(b"XADD", -5)
def apply_xadd(ctx: Context, argv: Argv) -> None:
    """Add an entry. Most have a whole ID and no option; they are told apart without parsing."""
    ms, dash, seq = argv[2].partition(b"-")
    if dash and ms.isdigit() and seq.isdigit() and len(argv[2]) < _SHORT_ID:
        # Half the time of StreamId(ms, seq), whose generated constructor is Python code.
        wanted = tuple.__new__(StreamId, (int(ms), int(seq)))
        _add(ctx, argv, _PLAIN, wanted, True)
        return
    options = _parse_options(argv, ctx.flavour, adding=True)
    named: StreamId | None = None
    with_seq = True
    if options.end >= len(argv):
        raise CommandRefused(_ARITY)
    if argv[options.end] != b"*":
        named, with_seq = parse_added_id(argv[options.end], auto_seq=ctx.flavour.stream_counters)
    _check_trim(options.trim, adding=True)
    _add(ctx, argv, options, named, with_seq)


def _add(ctx: Context, argv: Argv, options: _Options, wanted: StreamId | None, with_seq: bool) -> None:
    """Add the entry whose ID stands behind the options, then trim."""
    at = options.end
    count = len(argv) - at - 1
    if count & 1 or not count:
        raise CommandRefused(_ARITY)
    if wanted == ZERO_ID and with_seq:
        raise CommandRefused("ERR The ID specified in XADD must be greater than 0-0")
    key = argv[1]
    stream = ctx.get(key, StreamValue)
    idempotent_id = b""
    if stream is not None and options.producer is not None:
        idempotent_id = options.idempotent_id or automatic_id(argv[at + 1 :])
        if is_duplicate(stream, options.producer, idempotent_id):
            ctx.db.changed.append(key)
            return
    if stream is None:
        if options.no_create:
            return
        entry_id = _id_to_add(ctx, ZERO_ID, wanted, with_seq)
        stream = ctx.db.values[key] = StreamValue()
    else:
        entry_id = _id_to_add(ctx, stream.last_id, wanted, with_seq)
    if count == 2:
        stream.append(entry_id, ((argv[at + 1], argv[at + 2]),))
    else:
        stream.append(entry_id, tuple(zip(argv[at + 1 :: 2], argv[at + 2 :: 2], strict=True)))
    stream.last_id = entry_id
    stream.entries_added += 1
    ctx.db.changed.append(key)
    if options is _PLAIN:
        return
    if options.producer is not None:
        name = idempotent_id or options.idempotent_id or automatic_id(argv[at + 1 :])
        remember(stream, options.producer, name, entry_id)
    if options.trim.is_set():
        options.trim.run(stream, ctx.flavour)


def _id_to_add(ctx: Context, last: StreamId, wanted: StreamId | None, with_seq: bool) -> StreamId:
    """Return the ID of a new entry, which must be above the stream's last one."""
    if wanted is not None and with_seq and wanted > last:
        return wanted
    if last == MAX_ID:
        raise CommandRefused(_EXHAUSTED)
    if wanted is None:
        now = ctx.clock()
        return StreamId(now, 0) if now > last.ms else next_id(last)
    if not with_seq and wanted.ms == last.ms:
        if last.seq == UINT64_MAX:
            raise CommandRefused(_TOO_SMALL)
        return next_id(last)
    if wanted <= last:
        raise CommandRefused(_TOO_SMALL)
    return wanted


@TABLE.command(b"XTRIM", -4)
def apply_xtrim(ctx: Context, argv: Argv) -> None:
    trim = _parse_options(argv, ctx.flavour, adding=False).trim
    _check_trim(trim, adding=False)
    stream = ctx.get(argv[1], StreamValue)
    if stream is not None and trim.run(stream, ctx.flavour):
        ctx.db.changed.append(argv[1])


@TABLE.command(b"XDEL", -3)
def apply_xdel(ctx: Context, argv: Argv) -> None:
    stream = ctx.get(argv[1], StreamValue)
    if stream is None:
        return
    changed = False
    for entry_id in [parse_id(text) for text in argv[2:]]:
        if entry_id in stream.entries:
            del stream.entries[entry_id]
            stream.max_deleted_id = max(stream.max_deleted_id, entry_id)
            changed = True
    if changed:
        ctx.db.changed.append(argv[1])


@TABLE.command(b"XSETID", -3)
def apply_xsetid(ctx: Context, argv: Argv) -> None:
    """Set the last ID, and the counters of 7.0 and later."""
    if not ctx.flavour.stream_counters:
        argv = argv[:3]
    last_id = parse_id(argv[2])
    added, max_deleted = _parse_counters(argv, last_id)
    stream = ctx.get(argv[1], StreamValue)
    if stream is None:
        raise CommandRefused(NO_SUCH_KEY)
    if ctx.flavour.has((7, 2), (7, 2)) and last_id < stream.max_deleted_id:
        raise CommandRefused("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id")
    if stream.entries:
        if last_id < next(reversed(stream.entries)):
            raise CommandRefused("ERR The ID specified in XSETID is smaller than the target stream top item")
        if added is not None and len(stream.entries) > added:
            raise CommandRefused(
                "ERR The entries_added specified in XSETID is smaller than the target stream length"
            )
    stream.last_id = last_id
    if added is not None:
        stream.entries_added = added
    if max_deleted != ZERO_ID:
        stream.max_deleted_id = max_deleted
    ctx.db.changed.append(argv[1])


def _parse_counters(argv: Argv, last_id: StreamId) -> tuple[int | None, StreamId]:
    added: int | None = None
    max_deleted = ZERO_ID
    for at in range(3, len(argv), 2):
        word = argv[at].upper()
        if at + 1 == len(argv) or word not in (b"ENTRIESADDED", b"MAXDELETEDID"):
            raise CommandRefused(SYNTAX)
        if word == b"ENTRIESADDED":
            added = _not_negative(argv[at + 1], "entries_added must be positive")
        else:
            max_deleted = parse_id(argv[at + 1])
            if last_id < max_deleted:
                raise CommandRefused(
                    "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id"
                )
    return added, max_deleted
