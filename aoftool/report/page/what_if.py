"""What other thresholds of rewrites would do: in words, as a table, as a sawtooth."""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.analysis.clock.model import Axis
from aoftool.analysis.growth.model import Growth
from aoftool.report.page.axis import edges_of, seconds_ticks, ticks_of
from aoftool.report.page.cells import count, made_table, number, size, text
from aoftool.report.page.model import Block, Stack, StackRow, Words
from aoftool.report.running.simulate import (
    rewrites_text,
    sawtooth,
    seconds_text,
    settings_text,
    simulation_facts,
)
from aoftool.simulate.model import Pace, Simulation
from aoftool.units import format_bytes, format_duration

__all__ = ["what_if"]

_POINTS = 240


def what_if(simulated: Simulation, growth: Growth | None = None) -> Iterator[Block]:
    """Give what settings would do with a log: in words, and as a sawtooth with its table.

    Args:
        growth: of the time line that the sawtooth lies beside; None where there is none.
    """
    facts = [(label, words) for label, words, _ in simulation_facts(simulated) if label != "disk"]
    pairs = (
        ("what", "what", lambda pair: text(pair[0])),
        ("says", "says", lambda pair: text(pair[1])),
    )
    yield made_table("simulated", "Rewrites as a server would make them", pairs, facts)
    if simulated.conclusion:
        yield Words(f"{simulated.conclusion[0].upper()}{simulated.conclusion[1:]}.")
    yield _sawtooth(simulated, growth)


def _sawtooth(simulated: Simulation, growth: Growth | None) -> Stack:
    fields = (
        ("now", "", lambda row: text("now" if row.settings == simulated.now else "")),
        ("min_size_bytes", "min-size", lambda row: size(row.settings.min_size_bytes)),
        ("percentage", "percentage", lambda row: count(row.settings.percentage)),
        ("rewrites", "rewrites", lambda row: number(row.count, rewrites_text(row))),
        ("rewritten_bytes", "rewritten", lambda row: size(row.rewritten_bytes)),
        ("largest_bytes", "largest log", lambda row: size(row.largest_bytes)),
        ("peak_bytes", "peak on the disk", lambda row: size(row.peak_bytes)),
        (
            "restart_s",
            "longest restart",
            lambda row: number(round(row.restart_s, 3), seconds_text(row.restart_s)),
        ),
    )
    table = made_table("thresholds", "What other thresholds would do", fields, simulated.rows, most=20)
    table.is_detail = False
    chosen = [row for row in simulated.rows if row.settings.percentage == simulated.now.percentage]
    end_s = max(row.teeth[-1][0] for row in chosen) or 1.0
    edges, ticks, shared = _axis(growth, simulated, end_s)
    rows = [
        StackRow(settings_text(row.settings), tuple(round(value) for value in sawtooth(row, _POINTS)))
        for row in chosen
    ]
    now = next(row for row in simulated.rows if row.settings == simulated.now)
    took = "" if simulated.measured.pace is Pace.NONE else f" in {format_duration(end_s)}"
    description = (
        f"The size of the log{took}, had the server rewritten it by these settings. Under"
        f" {settings_text(simulated.now)}: {rewrites_text(now)} rewrites,"
        f" at most {format_bytes(now.largest_bytes)}."
    )
    return Stack(
        "sawtooth", "Size of the log under other thresholds", description, edges, rows, ticks, "bytes", table,
        shared=shared, is_line=True,
    )  # fmt: skip


def _axis(
    growth: Growth | None, simulated: Simulation, end_s: float
) -> tuple[list[int], list[tuple[int, str]], str]:
    """Return edges, ticks and which axis it is: that of the time line where both go by one clock."""
    timed = growth is not None and growth.axis is Axis.TIME and not growth.clock and not growth.filtered
    if timed and growth is not None and simulated.measured.pace is Pace.TIMES:
        edges = edges_of(growth)
        first, last = edges[0], edges[-1]
        steps = [round(first + (last - first) * number / _POINTS) for number in range(_POINTS + 1)]
        if abs((last - first) - end_s) <= growth.width:
            return steps, ticks_of(growth), "log"
    steps = [round(1000 * end_s * number / _POINTS) for number in range(_POINTS + 1)]
    if simulated.measured.pace is Pace.NONE:
        total = simulated.measured.appended_bytes
        return (
            steps,
            [(steps[at], format_bytes(total * at // _POINTS)) for at in (0, 80, 160, 240)],
            "sawtooth",
        )
    return steps, seconds_ticks(end_s), "sawtooth"
