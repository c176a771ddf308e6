"""Which commands bear on a key, and under which names the key went.

A value can come from another key (RENAME, COPY, SUNIONSTORE, ...), whose value may come from a third. The
log is sieved for the names known so far until no command brings in another; mostly that is once. A key
is then shown from the first command on the name it came from to the last on the one it went to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

from aoftool.analysis.clock.model import Hit
from aoftool.aof.ending import note_stop
from aoftool.aof.ending_model import ListingEnd
from aoftool.aof.log import LogPart, read_parts
from aoftool.aof.model import Log
from aoftool.commands.roles import keys_of
from aoftool.commands.table import all_commands, lookup
from aoftool.commands.wrapped import unwrapped
from aoftool.dataclass import dataclass, field
from aoftool.errors import UnsupportedError
from aoftool.progress import Progress, no_progress
from aoftool.resp.sieve import SieveReader
from aoftool.resp.watch import Watch

__all__ = ["OPAQUE", "WHOLE_DATABASE", "Lineage", "is_opaque", "trace_lineage"]

# Reach a key without naming it.
WHOLE_DATABASE = frozenset(b"FLUSHALL FLUSHDB SWAPDB SFLUSH TRIMSLOTS".split())
# May have done anything to any key.
OPAQUE = frozenset(b"EVAL EVALSHA FCALL CLUSTER MIGRATE".split())
# Several keys in one command, and none has to do with another.
_INDEPENDENT = frozenset(b"DEL UNLINK MSET MSETNX MSETEX TOUCH EXISTS PFCOUNT".split())
_MOST_KEYS = 10_000
_MOST_PASSES = 32
_HELD_BYTES = 64 << 20
_NAMES_ONLY = 64 * 1024


@dataclass(slots=True)
class Lineage:
    """What a trace found.

    Attributes:
        asked: keys that were asked for, those that a pattern found included.
        keys: every name that matters for their values.
        moves: (file, offset, from, to, is a copy) of every RENAME and COPY among them, in order.
        open_txns: (file, transaction) without EXEC at the end of its file.
        opaque: commands whose effect nobody can know.
        everything: a value depends on keys that no command names (SORT with patterns), so that all
            commands and all keys matter.
        held: the commands, None when they are too large to hold and are read again.
    """

    asked: set[bytes]
    keys: set[bytes]
    moves: list[tuple[int, int, bytes, bytes, bool]] = field(default_factory=list)
    open_txns: set[tuple[int, int]] = field(default_factory=set)
    opaque: int = 0
    everything: bool = False
    end: ListingEnd = field(default_factory=ListingEnd)
    held: list[Hit] | None = None
    _read: Callable[[], Iterator[Hit]] = field(default=lambda: iter(()))

    def hits(self) -> Iterable[Hit]:
        """Give every command that bears on the keys, in order, with whole arguments."""
        return self._read() if self.held is None else self.held


def trace_lineage(
    log: Log,
    asked: set[bytes],
    admits: Callable[[bytes], bool],
    candidates: Watch,
    *,
    workers: int = 1,
    progress: Progress = no_progress,
) -> Lineage:
    """Find the commands that bear on keys.

    Args:
        asked: keys by name; those of the RDB part that a pattern admits included.
        admits: tells whether a pattern asks for a key too.
        candidates: finds the commands in which such keys may be; empty without a pattern.

    Raises:
        UnsupportedError: the values depend on more than 10,000 keys.
    """
    lineage = Lineage(asked, set(asked))
    for _ in range(_MOST_PASSES):
        before, had_all = len(lineage.keys), lineage.everything
        _one_pass(log, lineage, admits, candidates, workers, progress)
        if len(lineage.keys) > _MOST_KEYS:
            raise UnsupportedError(
                f"the values depend on more than {_MOST_KEYS:,} keys", hint="ask for fewer keys"
            )
        if lineage.everything and not had_all:
            continue
        only_asked = bool(candidates.literal) and lineage.keys == lineage.asked
        found_all = had_all or candidates.min_length == 1 or only_asked
        if len(lineage.keys) == before or found_all:
            break
    watch = _watch(lineage, candidates)
    lineage._read = lambda: _read(log, watch, ListingEnd(), None, workers, no_progress, lambda *_: None)
    return lineage


def _has_pattern(argv: list[bytes]) -> bool:
    """Tell whether a SORT reads keys that it does not name."""
    return any(word.upper() in (b"BY", b"GET") and b"*" in argument for word, argument in pairwise(argv[2:]))


def is_opaque(name: bytes) -> bool:
    """Tell whether nobody can know what a command of this upper-case name does."""
    return name in OPAQUE or lookup(name) is None


def _watch(lineage: Lineage, candidates: Watch) -> Watch:
    known = frozenset(spec.name for spec in all_commands()) - OPAQUE
    return Watch(
        keys=frozenset(lineage.keys),
        names=WHOLE_DATABASE,
        known=known,
        literal=candidates.literal,
        at_start=candidates.at_start,
        min_length=1 if lineage.everything else candidates.min_length,
    )


def _one_pass(
    log: Log,
    lineage: Lineage,
    admits: Callable[[bytes], bool],
    candidates: Watch,
    workers: int,
    progress: Progress,
) -> None:
    """Sieve the log once for the names known so far; hold the commands where they are not too many."""
    held: list[Hit] | None = []
    size = 0
    lineage.moves, lineage.open_txns, lineage.opaque, lineage.end = [], set(), 0, ListingEnd()

    def note_open(file: int, txn: int) -> None:
        lineage.open_txns.add((file, txn))

    watch = _watch(lineage, candidates)
    for hit in _read(log, watch, lineage.end, _HELD_BYTES, workers, progress, note_open):
        command = hit.command
        keys = keys_of(command.argv)
        lineage.asked.update(filter(admits, keys))
        lineage.keys |= lineage.asked
        _note_hit(lineage, hit, keys)
        size += command.length
        if size > _HELD_BYTES:
            held = None
        if held is not None:
            held.append(hit)
    lineage.held = held


def _note_hit(lineage: Lineage, hit: Hit, keys: list[bytes]) -> None:
    command = hit.command
    name = command.name
    if is_opaque(name):
        lineage.opaque += 1
        return
    if lineage.keys.isdisjoint(keys) or name in _INDEPENDENT:
        return
    lineage.keys.update(keys)
    if name == b"SORT" and _has_pattern(command.argv):
        lineage.everything = True
    if name in (b"RENAME", b"RENAMENX", b"COPY") and len(keys) == 2:
        lineage.moves.append((hit.file, command.offset, keys[0], keys[1], name == b"COPY"))


def _read(
    log: Log,
    watch: Watch,
    end: ListingEnd,
    keep: int | None,
    workers: int,
    progress: Progress,
    note_open: Callable[[int, int], object],
) -> Iterator[Hit]:
    for number, part in enumerate(read_parts(log)):
        if part.tail_start is None:
            return  # what is wrong with the RDB part, whoever reads its keys says
        for hit in _read_part(number, part, part.tail_start, watch, end, keep, workers, progress, note_open):
            yield from _unwrapped(hit, watch)
        if end.damage is not None:
            return


def _unwrapped(hit: Hit, watch: Watch) -> Iterator[Hit]:
    """Yield what bears on the keys of what stands inside a command of KeyDB; other commands as they are."""
    for command in unwrapped(hit.command):
        if command is hit.command:
            yield hit
        elif watch.wants_name(command.name) or any(map(watch.wants_argument, command.argv[1:])):
            yield Hit(hit.file, command)


def _read_part(
    number: int,
    part: LogPart,
    start: int,
    watch: Watch,
    end: ListingEnd,
    keep: int | None,
    workers: int,
    progress: Progress,
    note_open: Callable[[int, int], object],
) -> Iterator[Hit]:
    if part.source.seekable:
        reader = SieveReader(part.source, watch, start=start, keep=keep, workers=workers, progress=progress)
        for command in reader:
            yield Hit(number, command)
        note_stop(end, part, reader.stop, reader.state.unclosed_at)
        if reader.state.is_open:
            note_open(number, reader.state.txn)
        return
    slow = part.commands()
    txn = 0
    for command in slow:
        txn = command.txn or txn
        if any(map(watch.wants_argument, command.argv[1:])) or watch.wants_name(command.name):
            yield Hit(number, command)
    note_stop(end, part, slow.tally().stop, slow.tally().transactions.open_offset)
    if slow.tally().transactions.open_offset is not None:
        note_open(number, txn)
