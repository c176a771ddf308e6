"""Build traces from commands in memory and write down what they leave alive."""

from __future__ import annotations

from collections.abc import Sequence

from aoftool.commands.effects import EffectTable
from aoftool.liveness._backward_py import mark_dead
from aoftool.liveness._needless_py import drop_needless
from aoftool.liveness._trace_py import TraceBuilder
from aoftool.liveness.carry import Carrier
from aoftool.liveness.model import Fate, Trace
from tests import builders

Argv = Sequence[bytes]


def trace_of(*files: Sequence[Argv], databases: int = 16, chunk_rows: int = 1 << 20) -> Trace:
    """Return the trace of commands in files, fates not decided."""
    builder = TraceBuilder(EffectTable(databases), chunk_rows=chunk_rows)
    end = 0
    for number, commands in enumerate(files):
        end = 0
        builder.start_file(number, 0, f"file {number}")
        for argv in commands:
            start, end = end, end + len(builders.command(*argv))
            builder.add(start, end, argv)
    return builder.end(end)


def decided(*files: Sequence[Argv], **options: int) -> Trace:
    """Return the trace of commands in files with every fate decided, nothing before them."""
    trace = trace_of(*files, **options)
    mark_dead(trace)
    drop_needless(trace, bytearray(len(trace.keys)), bytearray(trace.databases))
    return trace


def fates(*commands: str, **options: int) -> list[str]:
    """Return the fate of commands given as text."""
    trace = decided([line.encode().split() for line in commands], **options)
    return [Fate(fate).name for chunk in trace.chunks for fate in chunk.fates.tolist()]


def pruned(trace: Trace, *files: Sequence[Argv], databases: int = 16) -> list[Argv]:
    """Return the live commands in final numbering, SELECT before them where needed."""
    carrier = Carrier(trace, EffectTable(databases))
    commands = [argv for file in files for argv in file]
    kept: list[Argv] = []
    selected = 0
    at = 0
    for chunk in trace.chunks:
        for row in range(len(chunk)):
            argv = commands[at]
            at += 1
            if chunk.fates[row] > Fate.TRIMMED:
                continue
            number = carrier.database(chunk, row)
            if number is not None and number != selected:
                kept.append([b"SELECT", b"%d" % number])
                selected = number
            kept.append(carrier.text(argv, chunk, row))
    assert at == len(commands)
    return kept
