"""Commands that servers refuse, skip or die of, by place.

The scanner counts by name; this finds where the questionable ones stand. Names and subcommands no
server knows, wrong numbers of arguments, and commands that hurt a loader. A second pass over the
columns of a stretch, made only where the counts give reason to, and for numbers of arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from aoftool.check.dissect import Stretch
from aoftool.check.reader import Reader
from aoftool.check.shapes import read_shape
from aoftool.check.targets import TARGETS
from aoftool.check.vocabulary import unknown_to, wrong_arity
from aoftool.commands.table import CONTAINERS, lookup
from aoftool.files.source import Source
from aoftool.resp._native import Scan
from aoftool.resp.grammar import ScanOptions
from aoftool.resp.scanner import BUFFER_BYTES, go_to

__all__ = ["MAX_SPOTS", "Census", "Spot", "SpotKind", "census"]

MAX_SPOTS = 100_000


class SpotKind:
    """Kinds of questionable commands, as short strings."""

    UNKNOWN = "unknown-command"
    SUBCOMMAND = "unknown-subcommand"
    ARITY = "wrong-arity"
    HURTFUL = "hurtful"


@dataclass(frozen=True)
class Spot:
    """One questionable command.

    Attributes:
        kind: see `SpotKind`.
        start, end: its span.
        index: its number among the commands of its stretch.
        name, subcommand: as the scanner counts it, in upper case.
        argc: number of its arguments, its name included.
        txn: it stands in a transaction.
        targets: names of the servers concerned.
    """

    kind: str
    start: int
    end: int
    index: int
    name: bytes
    subcommand: bytes | None
    argc: int
    txn: bool
    targets: frozenset[str]


@dataclass
class Census:
    """All spots of one file, by offset; `omitted` counts those beyond the limit."""

    spots: list[Spot] = field(default_factory=list)
    omitted: int = 0

    def of(self, kind: str) -> list[Spot]:
        """Return the spots of one kind."""
        return [spot for spot in self.spots if spot.kind == kind]


_ALL = frozenset(target.name for target in TARGETS)
# Redis 8.0 fails an assertion on VADD with CAS for a set that has elements, outside a transaction.
# Source: measured on Redis 8.0.2 and 8.0.6.
_CAS_TARGETS = frozenset({"redis-8.0"})
_HURT: dict[bytes, frozenset[str]] = {}
for _target in TARGETS:
    for _name, _detail in _target.kills:
        _HURT[_name] = _HURT.get(_name, frozenset()) | {_target.name}


@dataclass(frozen=True)
class _Suspicion:
    """What is questionable about every command of one name, and its limits of arguments."""

    kind: str | None
    targets: frozenset[str]
    least: int
    most: int


_NO_LIMIT = 1 << 62


def _suspect(name: bytes, subcommand: bytes | None) -> _Suspicion:
    missing = frozenset(target.name for target in unknown_to(name))
    if missing:
        return _Suspicion(SpotKind.UNKNOWN, missing, 0, _NO_LIMIT)
    if name in CONTAINERS and subcommand is not None:
        lacking = frozenset(target.name for target in unknown_to(name, subcommand))
        if lacking:
            return _Suspicion(SpotKind.SUBCOMMAND, lacking, 0, _NO_LIMIT)
    spec = lookup(name, subcommand) if name in CONTAINERS and subcommand is not None else lookup(name)
    least, most = 0, _NO_LIMIT
    if spec is not None:
        least, most = (spec.arity, spec.arity) if spec.arity > 0 else (-spec.arity, _NO_LIMIT)
    hurt = _HURT.get(name)
    return _Suspicion(SpotKind.HURTFUL if hurt else None, hurt or frozenset(), least, most)


def _arity_proved(stretch: Stretch) -> bool:
    """Tell whether the tally itself shows that all numbers of arguments are right."""
    for key, row in stretch.tally.rows.items():
        least = getattr(row, "least_argc", None)
        if least is None:
            return False
        if wrong_arity(key.name, key.subcommand, least) or wrong_arity(
            key.name, key.subcommand, getattr(row, "most_argc", least)
        ):
            return False
    return True


def needs_look(stretch: Stretch) -> bool:
    """Tell whether a stretch holds anything questionable, or may."""
    if any(_suspect(key.name, key.subcommand).kind for key in stretch.tally.rows):
        return True
    return stretch.tally.capped or not _arity_proved(stretch)


def census(source: Source, stretches: list[Stretch], progress: Callable[[int], None] | None = None) -> Census:
    """Find the questionable commands of all stretches of a file."""
    result = Census()
    for stretch in stretches:
        if stretch.tally.commands and needs_look(stretch):
            _look(source, stretch, result)
    _find_cas(source, result)
    return result


def _find_cas(source: Source, result: Census) -> None:
    """Turn the VADD commands that a server dies of into spots of their own."""
    adds = [spot for spot in result.spots if spot.name == b"VADD" and spot.kind == SpotKind.UNKNOWN]
    if not adds or not source.seekable:
        return
    reader = Reader(source)
    seen: set[bytes] = set()
    for spot in adds:
        shape = read_shape(reader, spot.start)
        if shape is None or len(shape.arguments) < 2:
            continue
        words = [reader.at(argument.payload_start, min(argument.length, 512)) for argument in shape.arguments]
        if words[1] in seen and not spot.txn and b"CAS" in map(bytes.upper, words[4:]):
            hurt = replace(spot, kind=SpotKind.HURTFUL, targets=_CAS_TARGETS)
            result.spots.append(hurt)
            return
        seen.add(words[1])


def _look(source: Source, stretch: Stretch, result: Census) -> None:
    options = ScanOptions(
        start=stretch.start,
        limit=stretch.end,
        containers=CONTAINERS,
        known_state=stretch.tally.edge.known,
        rows=True,
    )
    scan = Scan(options)
    go_to(source, stretch.start)
    index = 0
    buffer = memoryview(bytearray(BUFFER_BYTES))
    while not scan.halted:
        room = min(len(buffer), stretch.end - scan.offset)
        count = source.read_into(buffer[:room]) if room > 0 else 0
        if not count:
            scan.finish()
        else:
            scan.feed(buffer[:count])
            ahead = min(scan.skippable, stretch.end - scan.offset)
            if ahead >= len(buffer):
                scan.skip(source.skip(ahead))
        index += _take(scan, index, result)


def _column(raw: bytes) -> np.ndarray:
    return np.frombuffer(raw, dtype=np.int64)


def _take(scan: Scan, index: int, result: Census) -> int:
    """Look through the rows that have gathered; return how many there were."""
    rows = scan.take_rows()
    commands, argc = _column(rows.command), _column(rows.argc)
    if not len(commands):
        return 0
    names = scan.names()
    doubts = [_suspect(name, subcommand) for name, subcommand in names]
    kinds = np.array([doubt.kind is not None for doubt in doubts], dtype=bool)
    least = np.array([doubt.least for doubt in doubts], dtype=np.int64)
    most = np.array([doubt.most for doubt in doubts], dtype=np.int64)
    odd = (argc < least[commands]) | (argc > most[commands])
    offsets, lengths, txn = _column(rows.offset), _column(rows.length), _column(rows.txn)
    for at in np.flatnonzero(odd | kinds[commands]):
        if len(result.spots) >= MAX_SPOTS:
            result.omitted += 1
            continue
        number = int(commands[at])
        doubt, (name, subcommand) = doubts[number], names[number]
        kind = SpotKind.ARITY if odd[at] else doubt.kind or ""
        targets = _ALL if odd[at] else doubt.targets
        start = int(offsets[at])
        spot = Spot(
            kind,
            start,
            start + int(lengths[at]),
            index + int(at),
            name,
            subcommand,
            int(argc[at]),
            bool(txn[at]),
            targets,
        )
        result.spots.append(spot)
    return len(commands)
