"""Advice as a page of its own: verdict, key figures, the ledger as bars, one time line, findings, rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from aoftool.advise.model import Advice, DatedEvent, EventKind, Finding, Severity
from aoftool.escape import shown_text
from aoftool.regex import regex
from aoftool.report.page.cells import count, made_table, number, text, when
from aoftool.report.page.closing import (
    advice_findings,
    advice_ledger,
    advice_rest,
    advice_settings,
    advice_tone,
    advice_windows,
    made_rows,
)
from aoftool.report.page.model import (
    Bars,
    Block,
    Cell,
    Figure,
    Lanes,
    LanesMark,
    Lines,
    Page,
    Section,
    StackRow,
    Tone,
    Words,
)
from aoftool.report.page.what_if import what_if
from aoftool.report.running.advise import (
    advice_server,
    advice_verdict,
    ledger_cells,
    load_words,
    window_cells,
)
from aoftool.simulate.model import Simulation
from aoftool.units import counted, format_bytes, format_duration, format_time_ms, format_wait

__all__ = ["advice_page"]

_TICKS = 4
# Of each lane so many are drawn.
_MARKS = 120
_NEXT = 3
_COMMANDS = (
    "CONFIG SET ", "CONFIG REWRITE", "CONFIG RESETSTAT", "BGREWRITEAOF", "MEMORY PURGE", "ACL SETUSER ",
    "aoftool ", "sysctl ", "iostat ", "pidstat ", "free ", "top",
)  # fmt: skip
# What stands behind a line to type is a remark.
_BEHIND = regex(r"[,;(]| or |:")
_KINDS = {
    EventKind.RESTART: "restarts",
    EventKind.REWRITE: "rewrites",
    EventKind.FORK: "forks",
    EventKind.SYNC: "slow syncs and writes",
    EventKind.STALL: "slow commands and other stalls",
}


def advice_page(
    found: Advice,
    happened: Sequence[DatedEvent],
    made: Sequence[tuple[str, str]],
    simulated: Simulation | None = None,
    no_simulation: str = "",
) -> Page:
    """Return the page.

    Args:
        happened: what the captures date, in order.
        simulated: what other thresholds of rewrites would do; None where nothing tells, `no_simulation` why.
        made: versions and what was asked, as pairs of words.
    """
    server = shown_text(advice_server(found.server))
    bad = [finding for finding in found.findings if finding.severity.is_bad]
    return Page(
        f"Advice on {server.split(',')[0]}",
        f"{server}; from {', '.join(found.inputs) or 'nothing'}",
        f"{shown_text(advice_verdict(found))}.",
        advice_tone(found),
        _next_lines(found, bad),
        _figures(found, len(bad)),
        [
            Section("standstills", "What the main thread stood still for", list(_standstills(found))),
            Section("timeline", "When", [_timeline(happened)]),
            Section("findings", "Findings", list(advice_findings(found)) or [Words("None.", Tone.GOOD)]),
            Section("settings", "Settings", list(advice_settings(found))),
            Section("what-if", "What other thresholds would do", list(_what_if(simulated, no_simulation))),
            Section("power-cut", "What a power cut may take", list(advice_windows(found))),
            Section("rest", "What is fine, and what was not looked at", list(_rest(found))),
            Section("measured", "How it was measured", [made_rows(made)]),
        ],
    )


def _next_lines(found: Advice, bad: Sequence[Finding]) -> list[tuple[str, str]]:
    """Return what to type about a damaged log, and the first line of each of the first findings with one."""
    lines: dict[str, str] = {}
    if found.log is not None and found.is_log_damaged and found.log.health.next:
        lines[shown_text(found.log.health.next)] = found.log.health.verdict
    for finding in bad:
        typed = next(filter(None, map(_typed, finding.do)), "")
        if typed:
            lines.setdefault(shown_text(typed), finding.code)
    return [(code, line) for line, code in lines.items()][:_NEXT]


def _figures(found: Advice, bad: int) -> list[Figure]:
    worst = found.ledger[0] if found.ledger else None
    window = next((row for row in found.windows if row.is_current), None)
    uptime = found.server.uptime_s
    high = any(finding.severity in (Severity.CRITICAL, Severity.HIGH) for finding in found.findings)
    figures = [
        Figure(
            "findings", "findings", count(bad), tone=Tone.BAD if high else Tone.WARN if bad else Tone.GOOD
        ),
        Figure(
            "worst_s",
            "longest standstill",
            Cell("none seen")
            if worst is None
            else number(round(worst.worst_s, 6), format_wait(worst.worst_s)),
            "" if worst is None else shown_text(worst.label),
        ),
        Figure("latency_s", "the worst that LATENCY has", _seconds(found.worst_latency_s)),
        Figure(
            "window_s",
            "seconds that a power cut may take",
            Cell("–") if window is None else number(window.seconds, window_cells(window)[1]),
            "" if window is None else f"appendfsync {window.policy}",
        ),
    ]
    if found.log is not None:
        figures.append(
            Figure("log_bytes", "the log", Cell(format_bytes(found.log.size_bytes), found.log.size_bytes))
        )
    elif uptime is not None:
        figures.append(Figure("uptime_s", "up", number(uptime, format_duration(uptime)), _short(uptime)))
    return figures


def _seconds(value: float | None) -> Cell:
    return Cell("–") if value is None else number(round(value, 6), format_wait(value))


def _short(uptime_s: float) -> str:
    return "too short for rates" if uptime_s < 3600 else ""


def _standstills(found: Advice) -> Iterator[Block]:
    yield from _load(found)
    table = advice_ledger(found)
    if table is None:
        yield Words("Nothing of 10 ms or more in what was captured.", Tone.GOOD)
        return
    rows = [StackRow(ledger_cells(row)[0], (round(1000 * row.worst_s),)) for row in found.ledger[:8]]
    first = found.ledger[0]
    description = (
        f"The longest of each cause, in ms. The longest of all: {shown_text(first.label)},"
        f" {format_wait(first.worst_s)}, by {', '.join(first.seen_in)}. LATENCY keeps one sample a second and"
        " nothing below its threshold: sums and times are at least."
    )
    yield Bars("ledger-bars", "Standstills by cause", description, ("ms",), rows, table)


def _timeline(happened: Sequence[DatedEvent]) -> Block:
    if not happened:
        return Words("Nothing that was captured says when it was.")
    lanes: dict[str, list[LanesMark]] = {}
    for event in happened:
        lane = lanes.setdefault(_KINDS[event.kind], [])
        if len(lane) < _MARKS:
            at = int(event.at_s)
            lane.append(LanesMark(at, at, f"{format_time_ms(at * 1000)}: {event.text}"))
    first, last = int(happened[0].at_s), int(happened[-1].at_s) + 1
    places = sorted({first + (last - first) * step // _TICKS for step in range(_TICKS + 1)})
    fields = (
        ("at", "when", lambda event: when(int(event.at_s) * 1000)),
        ("kind", "kind", lambda event: text(_KINDS[event.kind])),
        ("text", "what", lambda event: text(event.text)),
        ("where", "seen in", lambda event: text(shown_text(event.where))),
    )
    table = made_table("events-table", "What happened, in order", fields, happened, most=60, is_detail=True)
    counts = Counter(event.kind for event in happened)
    told = ", ".join(f"{_KINDS[kind]} {times}" for kind, times in counts.items())
    description = f"{counted(len(happened), 'event')} that captures date: {told}."
    ticks = [(at, format_time_ms(at * 1000)[11:]) for at in places]
    return Lanes(
        "events",
        "What happened",
        description,
        [first, last],
        list(lanes.items()),
        ticks,
        table,
        shared="advice",
    )


def _load(found: Advice) -> Iterator[Block]:
    if found.load is not None:
        words = load_words(found.load)
        yield Words(words[0].upper() + words[1:] + ".")


def _what_if(simulated: Simulation | None, no_simulation: str) -> Iterator[Block]:
    if simulated is None:
        yield Words(f"Not known: {shown_text(no_simulation)}.")
        return
    yield from what_if(simulated)


def _rest(found: Advice) -> Iterator[Block]:
    yield from advice_rest(found)
    lines = [typed for finding in found.findings for line in finding.do if (typed := _typed(line))]
    if lines:
        yield Lines("Lines to type, of all findings", tuple(dict.fromkeys(map(shown_text, lines))))


def _typed(line: str) -> str:
    """Return what of a line of advice is to be typed; empty where it is words alone."""
    part = next((part for part in line.split(": ") if part.startswith(_COMMANDS)), "")
    return _BEHIND.split(part)[0].strip()
