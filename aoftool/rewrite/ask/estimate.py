"""Estimate the size of a result: replay a sample of what is alive, and reckon from it to the whole.

Keys that commands tie together are drawn or left as one. A small log is replayed whole, so its estimate is
exact. Work and memory are bounded by the sample, not by the log; groups of keys too long for the sample
enter with the bytes of their live commands, which is too much for counters, queues and trimmed lists.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aoftool.columns import Column, array_of
from aoftool.dataclass import dataclass
from aoftool.keyspace.engine import Keyspace
from aoftool.liveness.carry import Carrier
from aoftool.liveness.model import Fate, Trace
from aoftool.liveness.native import find_components
from aoftool.progress import no_progress
from aoftool.rdb.encode.writer import ByteCounter
from aoftool.replay.writer import flavour_of_writer
from aoftool.rewrite.decide.touches import understood_rows
from aoftool.rewrite.libraries import carry_libraries, write_libraries
from aoftool.rewrite.model import OutputSize, RewriteResult
from aoftool.rewrite.planner import RewritePlan
from aoftool.rewrite.replay.outcome import Outcome
from aoftool.rewrite.replay.replaying import Partition
from aoftool.rewrite.replay.texts import TextReader
from aoftool.rewrite.runner import Sinks, replayed, write_rewrite
from aoftool.rewrite.write.choosing import Chooser
from aoftool.rewrite.write.emitting import Emitter, FirstWrites, first_writes
from aoftool.rewrite.write.outputs import Output, open_output

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["SAMPLE_BYTES", "Estimate", "estimate_size", "estimated"]

SAMPLE_BYTES = 8 << 20
"""Live bytes that are replayed at most, and as many of plain SETs that are read."""

# A group of tied keys longer than this share of the sample would make it a matter of luck.
_LONG_SHARE = 8
# An estimate with more than this share of commands that were not replayed is an upper bound.
_BLIND_SHARE = 0.05
_SPREAD = 2654435761
_DRAWN = 0
_LEFT = 1


@dataclass(frozen=True, slots=True)
class Estimate:
    """Size of a result.

    Attributes:
        sampled: not everything was looked at.
        upper_bound: it may be far too high: many commands that build on each other were not replayed.
    """

    size_bytes: int
    sampled: bool = False
    upper_bound: bool = False


@dataclass(slots=True)
class _Share:
    """What was drawn of one kind of keys: which, and the bytes of live commands for them and for all."""

    of_key: Column
    drawn_bytes: int
    all_bytes: int
    blind_bytes: int

    @property
    def factor(self) -> float:
        return self.all_bytes / self.drawn_bytes if self.drawn_bytes else 0.0


def estimate_size(plan: RewritePlan, sample_bytes: int = SAMPLE_BYTES) -> Estimate:
    """Return the size of the result in the format asked for.

    Raises:
        ReplayStopError: a server would not load this log.
        UnsupportedError: the target cannot hold some of the keys drawn.
    """
    tail, counts = plan.summary.tail, plan.base.counts
    if tail.live_bytes + counts.size_bytes - counts.dead_bytes <= sample_bytes:
        exact = _exact(plan)
        return Estimate(exact.size_bytes, upper_bound=exact.tail_bytes > _BLIND_SHARE * exact.size_bytes)
    # Here, as below: a small log is replayed whole, and numpy takes longer to load.
    import numpy as np

    groups = find_components(plan.trace).astype(np.int64)
    copied = array_of(plan.touches.copied) > 0
    costs = _key_costs(plan.trace)
    strings = _draw(groups, np.where(copied, costs, 0), sample_bytes, 0)
    values = _draw(groups, np.where(copied, 0, costs), sample_bytes, counts.touched_bytes)
    firsts = first_writes(plan.trace)
    empty = _open(plan).writer.close()
    flavour = flavour_of_writer(plan.writer)
    nothing = Outcome(Keyspace(flavour, plan.options.databases, plan.options.now_ms))
    with TextReader(plan.input.paths) as reader:
        size = _base_size(plan, sample_bytes)
        size += (_measure(plan, firsts, reader, strings, nothing) - empty) * strings.factor
        outcome = replayed(plan, reader, Partition(_DRAWN, values.of_key), no_progress)
        size += (_measure(plan, firsts, reader, values, outcome) - empty) * values.factor
        size += _functions(plan, outcome.keyspace) - empty
    blind_bytes = strings.blind_bytes + values.blind_bytes + _carried_bytes(plan.trace)
    size += blind_bytes
    return Estimate(round(size), sampled=True, upper_bound=blind_bytes > _BLIND_SHARE * size)


def _exact(plan: RewritePlan) -> OutputSize:
    sink = ByteCounter()
    return write_rewrite(plan, [Sinks(plan.options.format, sink, sink)]).sizes[0]


def estimated(plan: RewritePlan) -> RewriteResult:
    """Return what a quick look tells: the plan's summary with the estimate in it.

    Raises:
        ReplayStopError, UnsupportedError: as `estimate_size` says.
    """
    started = time.monotonic()
    estimate = estimate_size(plan)
    summary = plan.summary
    summary.estimate_bytes = estimate.size_bytes
    summary.sampled, summary.upper_bound = estimate.sampled, estimate.upper_bound
    return RewriteResult(summary, elapsed_s=time.monotonic() - started)


def _key_costs(trace: Trace) -> NDArray[np.float64]:
    """Return for every key the bytes of the live commands whose first key it is."""
    import numpy as np

    from aoftool.rewrite.decide.touch_arrays import chunk_touches

    costs = np.zeros(len(trace.keys))
    for _, chunk, stop in understood_rows(trace):
        touches = chunk_touches(chunk, stop)
        first = np.flatnonzero(np.diff(touches.rows, prepend=-1))
        lengths = np.diff(chunk.offsets)[touches.rows[first]]
        costs += np.bincount(touches.keys[first], weights=lengths, minlength=len(costs))
    return costs


def _draw(
    groups: NDArray[np.int64], costs: NDArray[np.float64], sample_bytes: int, loaded_bytes: int
) -> _Share:
    """Choose groups of keys at random until their commands and records fill the sample.

    Args:
        costs: of each key, 0 for keys of another kind.
        loaded_bytes: records that these commands build on, all together.
    """
    import numpy as np

    of_group = np.bincount(groups, weights=costs, minlength=len(groups)) if len(groups) else costs
    whole = float(of_group.sum()) + loaded_bytes
    if whole <= sample_bytes:
        chosen, long = of_group > 0, np.zeros(len(of_group), bool)
    else:
        long = of_group > sample_bytes / _LONG_SHARE
        rest = float(of_group[~long].sum()) + loaded_bytes
        chance = min(sample_bytes / max(rest, 1), 1.0)
        spread = np.arange(len(of_group), dtype=np.uint64) * _SPREAD & 0xFFFFFFFF
        chosen = (spread < chance * (1 << 32)) & ~long & (of_group > 0)
    of_key = np.where(chosen[groups] & (costs > 0), _DRAWN, _LEFT).astype(np.uint16).data
    drawn, blind = int(of_group[chosen].sum()), int(of_group[long].sum())
    return _Share(of_key, drawn, int(of_group.sum()) - blind, blind)


def _open(plan: RewritePlan) -> Output:
    options = plan.options
    return open_output(
        options.format,
        ByteCounter(),
        plan.target,
        0,
        compress=options.compress,
        chunk_items=options.chunk_items,
    )


def _emitter(plan: RewritePlan, output: Output) -> Emitter:
    carrier = Carrier(plan.trace, plan.table)
    used = {carrier.number(physical) for physical in range(plan.options.databases)}
    chooser = Chooser(plan.options.selection, used, plan.options.databases)
    size = OutputSize(plan.options.format)
    return Emitter(plan.trace, plan.table, plan.touches, plan.base, output, chooser, size)


def _measure(
    plan: RewritePlan, firsts: list[FirstWrites], reader: TextReader, share: _Share, outcome: Outcome
) -> int:
    """Return the size of a file with the keys of a share alone."""
    output = _open(plan)
    _emitter(plan, output).keys(firsts, outcome, reader, Partition(_DRAWN, share.of_key))
    return output.writer.close()


def _functions(plan: RewritePlan, keyspace: Keyspace) -> int:
    output = _open(plan)
    libraries = keyspace.libraries.values()
    carried = write_libraries(libraries, output, plan.target, plan.input.base)
    return output.writer.close() + carry_libraries(carried, ByteCounter())


def _base_size(plan: RewritePlan, sample_bytes: int) -> float:
    """Return the size of a file with the untouched base records alone."""
    output = _open(plan)
    emitter = _emitter(plan, output)
    runs = plan.base.runs
    if runs is not None and output.copies and plan.options.selection.everything:
        return output.writer.close() + sum(
            run.end - run.start for run in runs if run.db not in plan.touches.flushed
        )
    empty = _open(plan).writer.close()
    read = emitter.sample_base(sample_bytes)
    counts = plan.base.counts
    alive = counts.size_bytes - counts.dead_bytes - counts.touched_bytes
    written = output.writer.close() - empty
    return empty + written * (alive / read if read >= sample_bytes else 1)


def _carried_bytes(trace: Trace) -> int:
    """Return the bytes of live commands from the first one on that only a server understands."""
    place = trace.first_opaque
    if place is None:
        return 0
    import numpy as np

    total = 0
    for number, chunk in enumerate(trace.chunks[place.chunk :], place.chunk):
        start = place.row if number == place.chunk else 0
        alive = chunk.fates[start:] <= Fate.TRIMMED
        total += int(np.diff(chunk.offsets)[start:][alive].sum())
    return total
