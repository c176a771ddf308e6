"""Shows what rewrites would do: a table of settings, a sawtooth, what comes next; and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from aoftool.report.lines import Printer
from aoftool.report.sparkline import sparkline
from aoftool.report.terminal import facts, figures, print_rows, words
from aoftool.simulate.model import Advice, Forecast, Goals, Measured, Pace, Row, Settings, Simulation
from aoftool.units import counted, format_bytes, format_count, format_duration

__all__ = [
    "render_simulation",
    "rewrites_text",
    "sawtooth",
    "sawtooth_svg",
    "seconds_text",
    "settings_text",
    "simulation_facts",
    "simulation_json",
]

_LABEL = 11
_PACES = {
    Pace.TIMES: "",
    Pace.INFERRED: ", times inferred (~)",
    Pace.CONSTANT: ", a constant pace, assumed",
    Pace.NONE: "; no times: a rewrite is taken to last no time, and rates are not known",
}
# As JSON says it; what is counted of a sample is told beside.
_BOUNDS = {"": "counted", "at most ": "at_most", "about ": "estimated"}
_SVG_WIDTH, _SVG_HEIGHT, _SVG_EDGE = 720, 240, 60


def render_simulation(console: Printer, found: Simulation) -> None:
    """Print everything."""
    facts(console, simulation_facts(found))
    console.print()
    columns = [
        words("", lambda row: ">" if row.settings == found.now else ""),
        figures("min-size", lambda row: format_bytes(row.settings.min_size_bytes)),
        figures("pct", lambda row: str(row.settings.percentage)),
        figures("rewrites", rewrites_text),
        figures("rewritten", lambda row: format_bytes(row.rewritten_bytes)),
        figures("amplified", lambda row: f"{row.amplified:.2f}"),
        figures("largest", lambda row: format_bytes(row.largest_bytes)),
        figures("peak", lambda row: format_bytes(row.peak_bytes)),
        figures("restart", lambda row: seconds_text(row.restart_s)),
    ]
    print_rows(console, columns, found.rows, lambda row: "bold" if row.settings == found.now else "")
    console.print()
    facts(console, _closing(found, max(console.width - _LABEL - 2, 20)))


def simulation_facts(found: Simulation) -> Iterator[tuple[str, str, str]]:
    """Yield labelled lines: what was measured, what comes next."""
    measured = found.measured
    took = "" if measured.seconds is None else f" in {format_duration(measured.seconds)}"
    rate = "" if measured.rate is None else f", {format_bytes(round(measured.rate))}/s"
    text = f"{format_bytes(measured.appended_bytes)} appended{took}{rate}{_PACES[measured.pace]}"
    yield ("INFO" if found.path is None else "log"), text, "bold"
    left = measured.sizes[-1].size_bytes
    form = "an RDB" if measured.is_rdb else "commands"
    yield (
        "rewrite",
        f"leaves {_bound(measured)}{format_bytes(left)} at the end, as {form}{_of(found.server)}",
        "",
    )
    yield "child", _child(found), ""
    yield "now", f"{settings_text(found.now)}, {found.now_source}", ""
    if found.forecast is not None:
        pace = _pace(found.forecast, measured.pace)
        yield "due", _next(found.forecast, found.now, pace), ""
        yield "disk", _disk(found.forecast, pace), ""
    if measured.sampled > 1:
        text = f"one key in {measured.sampled} was replayed; what a rewrite leaves is an estimate"
        yield "note", text, "yellow"
    for note in measured.notes:
        yield "note", note, "yellow"


def _bound(measured: Measured) -> str:
    if not measured.stood_bytes:
        return ""
    return "at most " if measured.is_within else "about "


def _of(server: str) -> str:
    return f" of {server}" if server else ""


def _child(found: Simulation) -> str:
    child = found.child
    lives = format_duration(child.seconds(found.measured.sizes[-1].size_bytes))
    source = {
        "default": "assumed: 0.15 s and 100 MB/s",
        "info": "by INFO, in whole seconds",
        "asked": "as you say",
    }[child.source]
    return f"a rewrite takes {lives} ({source}); counts in brackets are for half and twice that"


def settings_text(settings: Settings) -> str:
    """Return both settings, in words."""
    return f"{format_bytes(settings.min_size_bytes)}, {settings.percentage} %"


def _pace(ahead: Forecast, pace: Pace) -> str:
    """Return which pace dates rest on, where there are several that it could be."""
    return " at the pace of the last quarter" if ahead.rate_bytes_per_s and pace is not Pace.CONSTANT else ""


def _next(ahead: Forecast, now: Settings, pace: str) -> str:
    size = format_bytes(ahead.current_bytes)
    if ahead.trigger_bytes is None:
        return f"never: the percentage is 0; the log has {size}"
    at = f"at {format_bytes(ahead.trigger_bytes)}, the log has {size}"
    base = format_bytes(ahead.base_bytes)
    counted_on = f"grown over {base}, " + ("by INFO" if ahead.base_known else "as after a restart")
    if ahead.trigger_bytes <= ahead.current_bytes:
        return f"due now, {at}; {counted_on}: under way, failing, or the settings are others"
    when = "" if ahead.next_s is None else f"in ~{format_duration(ahead.next_s)}{pace}, "
    return f"{when}{at}; {counted_on}"


def _disk(ahead: Forecast, pace: str) -> str:
    needs = "" if ahead.needs_bytes is None else f"the next one needs {format_bytes(ahead.needs_bytes)}, "
    if ahead.free_bytes is None:
        return f"{needs}free space is not known"
    has = f"{format_bytes(ahead.free_bytes)} are free"
    when = "no date for a full disk"
    if ahead.full_s is not None:
        when = f"full in ~{format_duration(ahead.full_s)}" + (pace if ahead.next_s is None else "")
    return f"{needs}{has}; {when}: {ahead.full_why}"


def rewrites_text(row: Row) -> str:
    """Return how many rewrites there are, with the range."""
    found = row.count_range
    if found is None or found.least == found.most:
        return format_count(row.count)
    return f"{format_count(row.count)} ({found.least}-{found.most})"


def seconds_text(seconds: float) -> str:
    """Return a length of time."""
    return f"{seconds:.2f} s" if seconds < 10 else format_duration(seconds)


def _closing(found: Simulation, width: int) -> Iterator[tuple[str, str, str]]:
    for row in found.rows:
        if row.settings == found.now:
            yield "sawtooth", sparkline(sawtooth(row, width), float(max(row.largest_bytes, 1))), ""
            yield (
                "",
                f"size of the log under {settings_text(found.now)}, up to {format_bytes(row.largest_bytes)}",
                "",
            )
    if found.conclusion:
        yield "outcome", found.conclusion, "bold"
    if found.advice is not None:
        yield "goal", " and ".join(_goals(found.goals)), ""
        yield "advice", _advice(found.advice, found.now), "bold"
    yield "restart", "by the model of inspect: 0.6 to 2.5 times that on other machines", ""


def _goals(goals: Goals) -> Iterator[str]:
    if goals.restart_s is not None:
        yield f"a restart under {seconds_text(goals.restart_s)}"
    if goals.disk_bytes is not None:
        yield f"at most {format_bytes(goals.disk_bytes)} on the disk"
    if goals.per_hour is not None:
        yield f"at most {goals.per_hour:g} rewrites an hour"


def _advice(advice: Advice, now: Settings) -> str:
    row = advice.row
    if row is None:
        return f"none of {counted(advice.tried, 'setting')} does: {advice.why_not}"
    if row.settings == now:
        return "keep what is set"
    size, share = row.settings.min_size_bytes, row.settings.percentage
    lines = f"CONFIG SET auto-aof-rewrite-min-size {size} auto-aof-rewrite-percentage {share}"
    most, load = format_bytes(row.peak_bytes), seconds_text(row.restart_s)
    told = f"{counted(row.count, 'rewrite')}, peak {most}, restart {load}"
    return f"{settings_text(row.settings)}: {told}; {lines}"


def sawtooth(row: Row, width: int) -> list[float]:
    """Return the size of the log at so many moments, evenly apart."""
    teeth = row.teeth
    end = teeth[-1][0] or 1.0
    found = []
    at = 0
    for number in range(width):
        moment = end * (number + 0.5) / width
        while at + 1 < len(teeth) and teeth[at + 1][0] <= moment:
            at += 1
        if at + 1 == len(teeth):
            found.append(float(teeth[at][1]))
            continue
        (since, low), (until, high) = teeth[at], teeth[at + 1]
        found.append(low + (high - low) * (moment - since) / (until - since))
    return found


def sawtooth_svg(rows: Sequence[Row]) -> str:
    """Return the sizes of the log under some settings as one SVG; nothing in it is from a file."""
    end = max((row.teeth[-1][0] for row in rows), default=0.0) or 1.0
    most = max((row.largest_bytes for row in rows), default=0) or 1
    height = _SVG_HEIGHT + 20 * len(rows) + 40
    colors = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SVG_WIDTH} {height}"'
        ' font-family="sans-serif" font-size="12">',
        f'<text x="4" y="20">{format_bytes(most)}</text>',
        f'<path d="M{_SVG_EDGE} 10V{_SVG_HEIGHT}H{_SVG_WIDTH - 10}" fill="none" stroke="#888"/>',
    ]
    for number, row in enumerate(rows):
        color = colors[number % len(colors)]
        points = " ".join(_point(time_s / end, size / most) for time_s, size in row.teeth)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.5"/>')
        y = _SVG_HEIGHT + 24 + 20 * number
        parts.append(
            f'<text x="{_SVG_EDGE}" y="{y}" fill="{color}">{settings_text(row.settings)}:'
            f" {counted(row.count, 'rewrite')}</text>"
        )
    return "\n".join([*parts, "</svg>", ""])


def _point(across: float, up: float) -> str:
    x = _SVG_EDGE + across * (_SVG_WIDTH - 10 - _SVG_EDGE)
    return f"{x:.1f},{_SVG_HEIGHT - up * (_SVG_HEIGHT - 10):.1f}"


def simulation_json(found: Simulation) -> dict[str, Any]:
    """Return everything as one JSON object."""
    measured, advice = found.measured, found.advice
    return {
        "schema": "aoftool.simulation/1",
        "path": found.path,
        "server": found.server,
        "pace": measured.pace.value,
        "seconds": measured.seconds,
        "appended_bytes": measured.appended_bytes,
        "rate_bytes_per_s": measured.rate,
        "sampled_one_in": measured.sampled,
        "sizes_are": _BOUNDS[_bound(measured)],
        "base_format": "rdb" if measured.is_rdb else "resp",
        "sizes": [
            {
                "place": point.place,
                "size_bytes": point.size_bytes,
                "by_commands_bytes": point.stood_bytes,
                "keys": point.keys,
                "load_s": point.load_s,
            }
            for point in measured.sizes
        ],
        "child": {
            "fixed_s": found.child.fixed_s,
            "bytes_per_s": found.child.bytes_per_s,
            "source": found.child.source,
        },
        "now": _settings_json(found.now),
        "now_source": found.now_source,
        "forecast": None if found.forecast is None else _forecast_json(found.forecast),
        "rows": [_row_json(row) for row in found.rows],
        "conclusion": found.conclusion or None,
        "goals": _goals_json(found.goals),
        "advice": None if advice is None or advice.row is None else _row_json(advice.row),
        "advice_why": None if advice is None else advice.why_not or None,
        "tried": 0 if advice is None else advice.tried,
        "reachable": None if advice is None else _goals_json(advice.reachable),
        "notes": measured.notes,
    }


def _goals_json(goals: Goals | None) -> dict[str, Any] | None:
    return None if goals is None else {name: getattr(goals, name) for name in goals.__slots__}


def _settings_json(settings: Settings) -> dict[str, int]:
    return {"min_size_bytes": settings.min_size_bytes, "percentage": settings.percentage}


def _forecast_json(ahead: Forecast) -> dict[str, Any]:
    return {name: getattr(ahead, name) for name in ahead.__slots__}


def _row_json(row: Row) -> dict[str, Any]:
    found = row.count_range
    return {
        **_settings_json(row.settings),
        "rewrites": row.count,
        "rewrites_least": None if found is None else found.least,
        "rewrites_most": None if found is None else found.most,
        "per_hour": row.per_hour,
        "rewritten_bytes": row.rewritten_bytes,
        "amplified": row.amplified,
        "largest_bytes": row.largest_bytes,
        "peak_bytes": row.peak_bytes,
        "restart_s": row.restart_s,
        "teeth": [{"time_s": time_s, "size_bytes": size} for time_s, size in row.teeth],
    }
