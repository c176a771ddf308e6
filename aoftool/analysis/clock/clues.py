"""Commands that give away when they ran, in a log without annotations.

An entry ID that a server gave is its clock in milliseconds. An expire time that a server made of a time to
live lay ahead when the command ran. Both can come from a client as well, so they are clues; `time_bounds`
holds them against each other. A client's expire time that is over is logged as a deletion, but for SET with
PXAT or EXAT on Redis: measured on Redis 6.2.5, 7.0.15, 8.0.6, Valkey 8.1.1, 9.1.2.

Not the whole log is searched for them, only what stands around the commands in question.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from aoftool.analysis.clock.model import EARLIEST_MS, LATEST_MS, TimeSource
from aoftool.aof.log import open_log_file
from aoftool.aof.model import Log
from aoftool.commands.roles import entry_id_of
from aoftool.dataclass import dataclass
from aoftool.files import Source
from aoftool.resp.model import Command
from aoftool.resp.pieces.resync import boundaries
from aoftool.resp.sieve import SieveReader
from aoftool.resp.watch import Watch

if TYPE_CHECKING:
    from aoftool.analysis.clock.model import Hit

__all__ = ["CLUE_WATCH", "Clue", "clue_of", "clue_words", "find_clues", "inferred_note"]

_MS = {b"PEXPIREAT": 1, b"HPEXPIREAT": 1, b"EXPIREAT": 1000, b"HEXPIREAT": 1000}
_WORDS = {b"PXAT": 1, b"EXAT": 1000}
CLUE_WATCH = Watch(keys=frozenset((*_WORDS, *map(bytes.lower, _WORDS))), names=frozenset((b"XADD", *_MS)))
"""Finds the commands that `clue_of` knows."""

_SAID = {TimeSource.STREAM: "entry IDs of streams", TimeSource.DEADLINE: "expire times"}
# A few places tell whether there are clues at all, and how far apart.
_SCOUTS = 8
_PLACES = 64
_NEAR_BYTES = 32 * 1024
_FAR_BYTES = 256 * 1024
_KEPT_BYTES = 256
_DIGITS_MOST = 15


@dataclass(frozen=True, slots=True, order=True)
class Clue:
    """A command that ran at about a time: at it (`STREAM`), within its second (`ANNOTATION`), before it
    (`DEADLINE`).

    Attributes:
        file: number of its file in load order.
    """

    file: int
    offset: int
    time_ms: int
    kind: TimeSource


def clue_of(file: int, command: Command) -> Clue | None:
    """Return what a command gives away about its time, None for nothing."""
    name, argv = command.name, command.argv
    if name == b"XADD":
        text, kind, unit = entry_id_of(argv).partition(b"-")[0], TimeSource.STREAM, 1
    elif name in _MS:
        text, kind, unit = argv[2] if len(argv) > 2 else b"", TimeSource.DEADLINE, _MS[name]
    elif name == b"SET":
        text, unit = _given_with_set(argv)
        kind = TimeSource.DEADLINE
    else:
        return None
    if not text.isdigit() or len(text) > _DIGITS_MOST:
        return None
    time_ms = int(text) * unit
    return Clue(file, command.offset, time_ms, kind) if EARLIEST_MS <= time_ms < LATEST_MS else None


def _given_with_set(argv: Sequence[bytes]) -> tuple[bytes, int]:
    for word, text in pairwise(argv[3:]):
        unit = _WORDS.get(word.upper())
        if unit is not None:
            return text, unit
    return b"", 1


def clue_words(sources: Iterable[TimeSource]) -> str:
    """Return in words which clues are among sources; empty for none."""
    found = set(sources)
    return " and ".join(words for source, words in _SAID.items() if source in found)


def inferred_note(sources: Iterable[TimeSource]) -> str:
    """Return what is to be known of commands chosen by inferred times; empty where no clue was used."""
    known = frozenset(sources)
    clues = clue_words(known)
    if not clues and TimeSource.ANNOTATION in known:
        return "commands before the first #TS have no time: here is every one that may have run then"
    if not clues:
        return ""
    return (
        f"without #TS times are inferred from {clues}, and hold if no client chose those: here is"
        " every command that may have run then"
    )


def find_clues(log: Log, hits: Sequence[Hit]) -> list[Clue]:
    """Return the clues in and around commands of a log, in no order; none where all of them are annotated.

    Reads at most some megabytes, and no stream.
    """
    untimed = [hit for hit in hits if hit.command.time_s < 0]
    if not untimed:
        return []
    found = [clue for hit in hits for clue in _of_hit(hit)]
    scouts = _spread(untimed, _SCOUTS)
    for looked, reach in ((_around, _NEAR_BYTES), (_behind, _FAR_BYTES)):
        if any(True for _ in looked(log, scouts, reach)):
            return [*found, *_around(log, _spread(untimed, _PLACES), reach)]
    return found


def _of_hit(hit: Hit) -> Iterator[Clue]:
    if hit.command.time_s >= 0:
        yield Clue(hit.file, hit.command.offset, hit.command.time_s * 1000, TimeSource.ANNOTATION)
        return
    clue = clue_of(hit.file, hit.command)
    if clue is not None:
        yield clue


def _spread(hits: Sequence[Hit], most: int) -> list[Hit]:
    """Return so many of them, the first and the last included."""
    if len(hits) <= most:
        return list(hits)
    return [hits[number * (len(hits) - 1) // (most - 1)] for number in range(most)]


def _behind(log: Log, hits: Sequence[Hit], reach: int) -> Iterator[Clue]:
    """Yield the clues at most so many bytes behind commands."""
    for hit in hits:
        with open_log_file(log.files[hit.file]) as source:
            if source.seekable:
                end = hit.command.offset + hit.command.length
                yield from _between(source, hit.file, end, end + reach)


def _around(log: Log, hits: Sequence[Hit], reach: int) -> Iterator[Clue]:
    """Yield the clues at most so many bytes before and behind commands in order."""
    for file in dict.fromkeys(hit.file for hit in hits):
        with open_log_file(log.files[file]) as source:
            if not source.seekable:
                continue
            passed = 0
            for command in (hit.command for hit in hits if hit.file == file):
                start = max(command.offset - reach, passed)
                chain = next((b for b in boundaries(source, start, command.offset) if b.reaches_end), None)
                behind = command.offset + command.length
                if chain is not None:
                    yield from _between(source, file, chain.offset, command.offset)
                yield from _between(source, file, behind, behind + reach)
                passed = command.offset


def _between(source: Source, file: int, start: int, end: int) -> Iterator[Clue]:
    """Yield the clues from a boundary up to an offset; the last annotation holds for what follows it."""
    reader = SieveReader(source, CLUE_WATCH, start=start, until=end, keep=_KEPT_BYTES, part_bytes=end - start)
    for command in reader:
        clue = clue_of(file, command)
        if clue is not None:
            yield clue
    if reader.state.time_s >= 0:
        yield Clue(file, reader.end, reader.state.time_s * 1000, TimeSource.ANNOTATION)
