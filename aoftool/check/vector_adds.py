"""VADD commands with CAS that a server dies of: they add an element to a vector set that has some.

With CAS a server looks for neighbours in a thread and adds the element afterwards; while it loads a log, that
ends in a failed assertion, on every release that has vector sets. Inside a transaction, in a set without
elements, and for an element that the set has already, it does without the thread and lives.

Source: measured on Redis 8.0.6, 8.2.3 and 8.6.3, each case by itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from aoftool.check.exam_model import FileExam, LogExam, Spot, SpotKind
from aoftool.check.loaders.targets import TARGETS
from aoftool.check.stream.wounds import Stretch
from aoftool.errors import SourceError
from aoftool.files.source import STDIN, open_source
from aoftool.rdb.damage import EncodingDamage
from aoftool.resp.commands import commands
from aoftool.resp.model import Command

__all__ = ["cas_place", "find_cas_adds"]

_VADD = b"VADD"
_CAS = b"CAS"
_MOST_SPOTS = 100_000
# What is remembered of elements; a set of more is taken for one that has elements, and not this one.
_MOST_ELEMENTS = 1_000_000
_MODULE = "vectorset"
_ARGUMENT_BYTES = 1 << 16
_TARGETS = frozenset(target.name for target in TARGETS if target.dies_of_cas)
_Key = tuple[int, bytes]


def find_cas_adds(exam: LogExam) -> None:
    """Make spots of the VADD commands in a log that its server dies of."""
    sets = _VectorSets()
    for file in exam.files:
        with contextlib.suppress(SourceError):
            _one(file, sets)


def _one(file: FileExam, sets: _VectorSets) -> None:
    path = file.plain_path or file.path
    if path == STDIN:
        return
    if file.rdb is not None and any(module.name == _MODULE for module in file.rdb.walk.modules):
        _load(path, sets)
    for stretch in [] if file.tail is None else file.tail.stretches:
        for spot in _in_stretch(path, stretch, sets):
            if len(file.census.spots) >= _MOST_SPOTS:
                file.census.omitted += 1
                continue
            file.census.spots.append(spot)
            if file.tail is not None and spot.start < file.tail.first.good_end:
                file.loader_spots.append(spot)


def _load(path: str, sets: _VectorSets) -> None:
    """Take note of the vector sets in an RDB part; their elements stay unknown."""
    from aoftool.rdb.records.reader import records
    from aoftool.values import ModuleValue

    with open_source(path) as source:
        for record in records(source, 0):
            if record.type_name != "module":
                continue
            with contextlib.suppress(EncodingDamage):
                value = record.value()
                if isinstance(value, ModuleValue) and value.module_name == _MODULE:
                    sets.elements[record.db, record.key] = None


def _in_stretch(path: str, stretch: Stretch, sets: _VectorSets) -> Iterator[Spot]:
    with open_source(path) as source:
        if not source.seekable:
            return
        names = frozenset((*_ACTS, _VADD))
        reader = commands(source, stretch.start, end=stretch.end, names=names, limit=_ARGUMENT_BYTES)
        for command in reader:
            if command.name != _VADD:
                _ACTS[command.name](sets, command)
            elif sets.add(command):
                end = command.offset + command.length
                yield Spot(
                    SpotKind.HURTFUL,
                    command.offset,
                    end,
                    command.index,
                    _VADD,
                    None,
                    len(command.argv),
                    False,
                    _TARGETS,
                )


class _VectorSets:
    """The vector sets there are at a place of a log, as far as it tells.

    Attributes:
        elements: of each set, None where they are not known.
    """

    def __init__(self) -> None:
        self.elements: dict[_Key, set[bytes] | None] = {}
        self._count = 0

    def add(self, command: Command) -> bool:
        """Take a VADD in; tell whether a server dies of it."""
        at = element_place(command.argv)
        if at is None:
            return False
        key, element = (command.db, command.argv[1]), command.argv[at]
        known = self.elements.get(key, set())
        fatal = (
            cas_place(command.argv) is not None
            and not command.txn
            and (known is None or (bool(known) and element not in known))
        )
        if known is not None and self._count < _MOST_ELEMENTS:
            self._count += 1
            known.add(element)
            self.elements[key] = known
        else:
            self.elements[key] = None
        return fatal

    def take_out(self, command: Command) -> None:
        """Take a VREM in."""
        key = (command.db, command.argv[1])
        known = self.elements.get(key)
        if known is not None and len(command.argv) > 2:
            known.discard(command.argv[2])

    def forget(self, command: Command) -> None:
        """Take a command in that removes its keys, or writes others in their place."""
        last = 2 if command.name == b"SET" else None
        for key in command.argv[1:last]:
            self.elements.pop((command.db, key), None)

    def flush(self, command: Command) -> None:
        """Take a FLUSHDB or FLUSHALL in."""
        every = command.name == b"FLUSHALL"
        self.elements = {
            key: held for key, held in self.elements.items() if not every and key[0] != command.db
        }

    def rename(self, command: Command) -> None:
        """Take a RENAME in; RENAMENX is only logged where it did something."""
        if len(command.argv) > 2:
            self._move((command.db, command.argv[1]), (command.db, command.argv[2]))

    def move(self, command: Command) -> None:
        """Take a MOVE in."""
        if len(command.argv) > 2 and command.argv[2].isdigit():
            self._move((command.db, command.argv[1]), (int(command.argv[2]), command.argv[1]))

    def swap(self, command: Command) -> None:
        """Take a SWAPDB in."""
        if len(command.argv) > 2 and all(word.isdigit() for word in command.argv[1:3]):
            one, other = int(command.argv[1]), int(command.argv[2])
            turned = {one: other, other: one}
            self.elements = {(turned.get(db, db), key): held for (db, key), held in self.elements.items()}

    def _move(self, old: _Key, new: _Key) -> None:
        if old in self.elements:
            self.elements[new] = self.elements.pop(old)
        else:
            self.elements.pop(new, None)


_ACTS: dict[bytes, Callable[[_VectorSets, Command], None]] = {
    b"VREM": _VectorSets.take_out,
    b"DEL": _VectorSets.forget,
    b"UNLINK": _VectorSets.forget,
    b"SET": _VectorSets.forget,
    b"FLUSHDB": _VectorSets.flush,
    b"FLUSHALL": _VectorSets.flush,
    b"RENAME": _VectorSets.rename,
    b"RENAMENX": _VectorSets.rename,
    b"MOVE": _VectorSets.move,
    b"SWAPDB": _VectorSets.swap,
}


def element_place(argv: Sequence[bytes]) -> int | None:
    """Return which argument of a VADD is the element: behind the vector, which is a blob or numbers."""
    at = 4 if len(argv) > 4 and argv[2].upper() == b"REDUCE" else 2
    if len(argv) <= at:
        return None
    form = argv[at].upper()
    if form == b"FP32":
        at += 2
    elif form == b"VALUES" and len(argv) > at + 1 and argv[at + 1].isdigit():
        at += 2 + int(argv[at + 1])
    else:
        return None
    return at if at < len(argv) else None


def cas_place(argv: Sequence[bytes]) -> int | None:
    """Return which argument of a VADD is the word CAS; None for none."""
    at = element_place(argv)
    if at is None:
        return None
    at += 1
    while at < len(argv):
        if argv[at].upper() == _CAS:
            return at
        at += 2 if argv[at].upper() in _WITH_VALUE else 1
    return None


# Source: Redis 8.6 modules/vector-sets/vset.c parseVectorOptions: VADD takes these with a value behind.
_WITH_VALUE = frozenset({b"EF", b"M", b"SETATTR"})
