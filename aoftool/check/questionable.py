"""Commands that servers refuse, skip or die of, by place.

The scanner counts by name; this finds where the questionable ones stand. Names and subcommands no
server knows, wrong numbers of arguments, and commands that hurt a loader. A second pass over the
columns of a stretch, made only where the counts give reason to, and for numbers of arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from aoftool.check.exam_model import Census, FormSpot, Spot
from aoftool.check.stream.wounds import Stretch
from aoftool.check.suspicion import count_suspects, needs_look, objections, suspect
from aoftool.commands.areas import may_hold_unknown_forms
from aoftool.commands.table import CONTAINERS
from aoftool.escape import excerpt
from aoftool.files.source import Source
from aoftool.resp._native import Scan
from aoftool.resp.grammar import ScanOptions
from aoftool.resp.scanner import BUFFER_BYTES, go_to

__all__ = ["MAX_SPOTS", "census", "unknown_forms"]

MAX_SPOTS = 100_000


def census(source: Source, stretches: list[Stretch], progress: Callable[[int], None] | None = None) -> Census:
    """Find the questionable commands of all stretches of a file."""
    result = Census()
    for stretch in stretches:
        if stretch.tally.commands and needs_look(stretch):
            _look(source, stretch, result)
    return result


def unknown_forms(source: Source, stretches: list[Stretch], workers: int) -> list[FormSpot]:
    """Find the commands in a form that no release has, in all stretches of a file."""
    # Imported here: the census of what is questionable asks for no sieve.
    from aoftool.replay.unknown_forms import find_unknown_forms

    found: list[FormSpot] = []
    for stretch in stretches:
        if not may_hold_unknown_forms(stretch.tally):
            continue
        spots = find_unknown_forms(source, stretch.start, end=stretch.end, workers=workers)
        found += [
            FormSpot(item.offset, item.offset + item.length, f"{what} of {excerpt(item.name)}")
            for item, what in islice(spots, MAX_SPOTS - len(found))
        ]
    return found


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
    # Behind the last of them there is nothing to find.
    expected = count_suspects(stretch)
    found = 0
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
        taken, questionable = _take(scan, index, result)
        index += taken
        found += questionable
        if expected is not None and found >= expected:
            return


def _take(scan: Scan, index: int, result: Census) -> tuple[int, int]:
    """Look through the rows that have gathered; return how many there were, and how many questionable."""
    # Imported here: only logs with something questionable in them pay for it.
    import numpy as np

    rows = scan.take_rows()
    commands = np.frombuffer(rows.command, dtype=np.int64)
    argc = np.frombuffer(rows.argc, dtype=np.int64)
    if not len(commands):
        return 0, 0
    names = scan.names()
    doubts = [suspect(name, subcommand) for name, subcommand in names]
    always = np.array([bool(doubt.always) for doubt in doubts], dtype=bool)
    least = np.array([doubt.least for doubt in doubts], dtype=np.int64)
    most = np.array([doubt.most for doubt in doubts], dtype=np.int64)
    odd = (argc < least[commands]) | (argc > most[commands])
    offsets, lengths, txn = (
        np.frombuffer(column, dtype=np.int64) for column in (rows.offset, rows.length, rows.txn)
    )
    questionable = np.flatnonzero(odd | always[commands])
    for at in questionable:
        if len(result.spots) >= MAX_SPOTS:
            result.omitted += 1
            continue
        name, subcommand = names[int(commands[at])]
        start, count = int(offsets[at]), int(argc[at])
        end = start + int(lengths[at])
        result.spots += [
            Spot(kind, start, end, index + int(at), name, subcommand, count, bool(txn[at]), targets)
            for kind, targets in objections(name, subcommand, count, bool(txn[at]))
        ]
    return len(commands), len(questionable)
