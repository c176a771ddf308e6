"""Where two logs of one history part: how long their commands are the same, and what each did after.

Compared are the commands in their databases. SELECT, MULTI, EXEC and annotations do not count, nor the case
of names, nor DEL against UNLINK: a primary and its replica may differ in these and hold the same data.
"""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.analysis.diff.model import Parting
from aoftool.aof.log import read_parts
from aoftool.aof.model import Log, LogFile
from aoftool.commands.framing import FRAMING
from aoftool.commands.roles import keys_of
from aoftool.resp.model import Command
from aoftool.resp.sieve import SieveReader
from aoftool.resp.watch import Watch

__all__ = ["find_parting"]

_EVERYTHING = Watch(min_length=1)
_PART_BYTES = 1 << 20
_MOST_KEYS = 2_000_000
_EXAMPLES = 5

_Item = tuple[LogFile, Command]


def find_parting(left: Log, right: Log) -> Parting:
    """Compare two logs command by command until they differ; memory is that of the keys written behind."""
    ours, theirs = _commands(left), _commands(right)
    common = 0
    one, two = next(ours, None), next(theirs, None)
    while one is not None and two is not None and _same(one[1], two[1]):
        common += 1
        one, two = next(ours, None), next(theirs, None)
    left_behind, left_keys = _behind(one, ours)
    right_behind, right_keys = _behind(two, theirs)
    both = None if left_keys is None or right_keys is None else sorted(left_keys & right_keys)
    return Parting(
        common,
        _place(one),
        _place(two),
        left_behind,
        right_behind,
        None if both is None else len(both),
        () if both is None else tuple(both[:_EXAMPLES]),
    )


def _commands(log: Log) -> Iterator[_Item]:
    for part in read_parts(log):
        if part.tail_start is None:
            return
        if part.source.seekable:
            found = iter(SieveReader(part.source, _EVERYTHING, start=part.tail_start, part_bytes=_PART_BYTES))
        else:
            found = iter(part.commands())
        for command in found:
            if command.name not in FRAMING:
                yield part.file, command


def _same(one: Command, two: Command) -> bool:
    if one.db != two.db or len(one.argv) != len(two.argv):
        return False
    return one.argv[1:] == two.argv[1:] and _name(one) == _name(two)


def _name(command: Command) -> bytes:
    return b"DEL" if command.name == b"UNLINK" else command.name


def _place(item: _Item | None) -> tuple[str, int, int | None] | None:
    if item is None:
        return None
    file, command = item
    return file.shown_name, command.offset, command.time_s if command.time_s >= 0 else None


def _behind(first: _Item | None, rest: Iterator[_Item]) -> tuple[int, set[tuple[int, bytes]] | None]:
    """Return how many commands are left, and the keys they name; None when these are too many."""
    if first is None:
        return 0, set()
    count = 0
    keys: set[tuple[int, bytes]] | None = set()
    for _, command in _chain(first, rest):
        count += 1
        if keys is not None:
            keys.update((command.db, key) for key in keys_of(command.argv))
            if len(keys) > _MOST_KEYS:
                keys = None
    return count, keys


def _chain(first: _Item, rest: Iterator[_Item]) -> Iterator[_Item]:
    yield first
    yield from rest
