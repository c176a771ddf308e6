"""What lies ahead: expire times, keys without one, what a rewrite saves, what other thresholds would do."""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.analysis.clock.model import Axis
from aoftool.analysis.inspect.contents_model import ExpiryView
from aoftool.api.postmortem.model import Postmortem
from aoftool.report.inspect.contents import expiry_line, savings_line
from aoftool.report.page.axis import edges_of, seconds_ticks, ticks_of
from aoftool.report.page.cells import count, made_table, name, number, share, size, text, when
from aoftool.report.page.model import Block, Section, Stack, StackRow, Table, Words
from aoftool.report.running.simulate import (
    rewrites_text,
    sawtooth,
    seconds_text,
    settings_text,
    simulation_facts,
)
from aoftool.simulate.model import Pace, Simulation
from aoftool.units import format_bytes, format_duration

__all__ = ["ahead"]

_POINTS = 240


def ahead(found: Postmortem) -> Section:
    """Return the section."""
    blocks: list[Block] = []
    view = found.contents
    if view is not None and view.expiry is not None:
        blocks.append(Words(f"Expiring: {expiry_line(view.expiry)}. As commands set them."))
        blocks += _expiry(view.expiry)
        blocks.append(_without(found))
    if view is not None and view.savings is not None:
        blocks.append(Words(f"A rewrite: {savings_line(view.savings)}."))
        if view.savings.causes:
            fields = (
                ("cause", "dead because", lambda pair: text(pair[0])),
                ("size_bytes", "bytes", lambda pair: size(pair[1])),
            )
            blocks.append(made_table("causes", "Dead bytes by cause", fields, view.savings.causes))
    if found.simulation is not None:
        blocks += _simulation(found, found.simulation)
    return Section("ahead", "Expiry and rewrites ahead", blocks)


def _expiry(view: ExpiryView) -> Iterator[Table]:
    if view.horizon:
        fields = (
            ("within", "from the end of the log", lambda pair: text(pair[0])),
            ("keys", "keys expire", lambda pair: count(pair[1])),
            ("share", "share", lambda pair: share(pair[1], view.expiring)),
        )
        yield made_table("horizon", "How soon keys expire", fields, view.horizon)
    if view.seconds:
        fields = (
            ("second", "second", lambda pair: when(pair[0] * 1000)),
            ("keys", "keys expire", lambda pair: count(pair[1])),
            ("share", "share", lambda pair: share(pair[1], view.expiring)),
        )
        yield made_table("seconds", "The seconds in which most keys expire", fields, view.seconds, most=10)


def _without(found: Postmortem) -> Table:
    rows = [] if found.contents is None else found.contents.prefixes
    held = sorted(
        (row for row in rows if row.is_prefix and row.without_expiry),
        key=lambda row: -(row.without_expiry or 0),
    )
    fields = (
        ("prefix", "prefix", lambda row: name(row.prefix)),
        ("keys", "keys that never expire", lambda row: count(row.without_expiry)),
        ("share", "of its keys", lambda row: share(row.without_expiry, row.keys or 0)),
    )
    return made_table("no-expiry", "Keys without an expire time", fields, held, most=10)


def _simulation(found: Postmortem, simulated: Simulation) -> Iterator[Block]:
    facts = [(label, words) for label, words, _ in simulation_facts(simulated) if label != "disk"]
    pairs = (
        ("what", "what", lambda pair: text(pair[0])),
        ("says", "says", lambda pair: text(pair[1])),
    )
    yield made_table("simulated", "Rewrites as a server would make them", pairs, facts)
    if simulated.conclusion:
        yield Words(f"{simulated.conclusion[0].upper()}{simulated.conclusion[1:]}.")
    yield _sawtooth(found, simulated)


def _sawtooth(found: Postmortem, simulated: Simulation) -> Stack:
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
    edges, ticks, shared = _axis(found, simulated, end_s)
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
    found: Postmortem, simulated: Simulation, end_s: float
) -> tuple[list[int], list[tuple[int, str]], str]:
    """Return edges, ticks and which axis it is: that of the time line where both go by one clock."""
    growth = found.by_prefix
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
