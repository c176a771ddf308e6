"""Shows advice: the verdict, the table of standstills, each finding with its evidence, and what is left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aoftool.advise.model import (
    Advice,
    Evidence,
    Finding,
    LedgerRow,
    Load,
    LogFacts,
    ServerFacts,
    Severity,
    Window,
)
from aoftool.cells import cell_width, fold
from aoftool.escape import shown_text
from aoftool.report.lines import Printer
from aoftool.report.tables import fact_lines, table_lines
from aoftool.units import counted, format_bytes, format_count, format_duration, format_wait

__all__ = [
    "advice_server",
    "advice_verdict",
    "ledger_cells",
    "ledger_rows",
    "load_words",
    "render_advice",
    "window_cells",
]

_WIDTH = 80
_LABEL = 10
_LEDGER_ROWS = 8
# Standstills below this are left out where there are longer ones.
_LEAST_SHOWN_S = 0.05
_HEADLINE_S = 0.2
_STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.INFO: "",
}


def render_advice(console: Printer, advice: Advice) -> None:
    """Print everything, folded to 80 columns or to the terminal where that is narrower."""
    width = min(console.width, _WIDTH)
    _facts(console, _head(advice), width)
    if advice.ledger:
        console.print()
        _ledger(console, advice, width)
    for finding in advice.findings:
        console.print()
        _finding(console, finding, width)
    if advice.windows:
        console.print()
        _windows(console, advice.windows, width)
    tail = list(_tail(advice))
    if tail:
        console.print()
        _facts(console, tail, width)


def _facts(console: Printer, pairs: Iterable[tuple[str, str]], width: int) -> None:
    for label, text in pairs:
        for line in fact_lines(label, shown_text(text), _LABEL, width):
            console.print(line)


def _head(advice: Advice) -> Iterator[tuple[str, str]]:
    yield "server", advice_server(advice.server)
    yield "inputs", ", ".join(advice.inputs) or "none"
    if advice.load is not None:
        yield "load", load_words(advice.load)
    if advice.log is not None:
        yield "log", _log(advice.log)
        if not (advice.log.health.is_whole and advice.log.health.is_judged):
            yield "health", advice.log.health.message
    label = "left out"
    for text in advice.left_out:
        yield label, text
        label = ""
    yield "verdict", advice_verdict(advice)


def advice_server(server: ServerFacts) -> str:
    """Return which server it is about, in words."""
    name = f"{server.name} {server.version}".strip() or "not told by what was given"
    parts = [name]
    if server.uptime_s is not None:
        parts.append(f"up {format_duration(server.uptime_s)}")
    place = f" on {server.file_system}" if server.file_system else ""
    place += f", {server.device}" if server.device else ""
    if server.is_aof_on:
        parts.append("AOF" + (f" with appendfsync {server.policy}" if server.policy else "") + place)
    elif server.is_aof_on is False:
        parts.append("no AOF")
    return ", ".join(parts)


def load_words(load: Load) -> str:
    """Return how busy the main thread was, in words."""
    busy = []
    if load.loop_share is not None:
        busy.append(f"busy for {_share(load.loop_share)} of the time")
    if load.cpu_share is not None:
        busy.append(f"on a CPU for {_share(load.cpu_share)}")
    parts = ["the main thread was " + ", ".join(busy)] if busy else []
    if load.commands_a_second is not None:
        text = f"{counted(round(load.commands_a_second), 'command')} a second"
        parts.append(text if load.command_s is None else f"{text}, {1e6 * load.command_s:,.1f} µs of it each")
    since = "since its start" if load.is_since_start else f"in {format_duration(load.seconds)}"
    return f"{'; '.join(parts)} ({since})"


def _share(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %"


def _log(log: LogFacts) -> str:
    text = f"{format_bytes(log.size_bytes)}, of that the base {format_bytes(log.base_bytes)}"
    if log.seconds:
        text += f"; {format_count(round(log.commands / log.seconds))} commands a second"
    if log.restart_s is not None:
        text += f"; a restart loads it in about {format_wait(log.restart_s)}"
    return text


def advice_verdict(advice: Advice) -> str:
    """Return the verdict in one sentence."""
    bad = [finding for finding in advice.findings if finding.severity.is_bad]
    notes = len(advice.findings) - len(bad)
    also = f", and {counted(notes, 'note')}" if notes else ""
    log = "the log is damaged; " if advice.is_log_damaged else ""
    if not bad:
        wrong = "nothing else wrong" if log else "nothing wrong"
        looked = f"{wrong} in what was given" if advice.inputs else "nothing to look at"
        return log + looked + also
    causes = [finding for finding in bad if not finding.because]
    text = counted(len(bad), "finding")
    if len(causes) < len(bad):
        text += f" of {counted(len(causes), 'cause')}"
    return f"{log}{text}{also}; {_headline(advice)}"


def _headline(advice: Advice) -> str:
    """Return the worst standstill that a finding explains; without one what the first finding says."""
    worst = next((row for row in advice.ledger if row.finding), None)
    if worst is None or worst.worst_s < _HEADLINE_S or worst is not advice.ledger[0]:
        return f"first: {advice.findings[0].title}"
    return f"clients waited up to {format_wait(worst.worst_s)}: {worst.label}"


def _ledger(console: Printer, advice: Advice, width: int) -> None:
    rows = ledger_rows(advice.ledger)
    cells = [ledger_cells(row) for row in rows]
    if advice.worst_latency_s is not None:
        cells.append(["the worst that LATENCY has", format_wait(advice.worst_latency_s), "", "", ""])
    columns = [
        ("the main thread stood still", "left"),
        ("worst", "right"),
        ("sum", "right"),
        ("times", "right"),
        ("seen in", "left"),
    ]
    head, bodies = table_lines(columns, cells, width)
    for number, line in enumerate(head):
        console.print(line, style="bold" if number == 0 else "dim")
    for lines in bodies:
        for line in lines:
            console.print(line)
    if len(rows) < len(advice.ledger):
        more = len(advice.ledger) - len(rows)
        console.print(f"and {counted(more, 'shorter one', 'shorter ones')} (--json has all)", style="dim")


def ledger_rows(ledger: tuple[LedgerRow, ...]) -> list[LedgerRow]:
    """Return the standstills that people are shown."""
    longer = [row for row in ledger if row.worst_s >= _LEAST_SHOWN_S]
    return (longer or list(ledger[:2]))[:_LEDGER_ROWS]


def ledger_cells(row: LedgerRow) -> list[str]:
    """Return the cells of a standstill."""
    return [
        shown_text(row.label),
        format_wait(row.worst_s),
        "" if row.sum_s is None else format_wait(row.sum_s),
        "" if row.times is None else format_count(row.times),
        ", ".join(row.seen_in),
    ]


def _finding(console: Printer, finding: Finding, width: int) -> None:
    under = f" (because of {finding.because})" if finding.because else ""
    title = f"{finding.severity.value.upper()}  {finding.code}{under}: {shown_text(finding.title)}"
    for line in fold(title, width, 6):
        console.print(line, style=_STYLES[finding.severity])
    label = "found"
    for item in finding.found:
        for line in _evidence(label, item, width):
            console.print(line)
        label = ""
    for label, texts in (
        ("why", (finding.why,)),
        ("do", finding.do),
        ("undo", (finding.undo,)),
        ("not", finding.not_this),
    ):
        for text in filter(None, texts):
            for line in _labelled(label, text, width):
                console.print(line)
            label = ""


def _labelled(label: str, text: str, width: int) -> list[str]:
    indent = 2 + 6 + 2
    first, *more = fold(shown_text(text), max(width - indent, 20), 2)
    return [f"  {label:<6}  {first}", *(" " * indent + line for line in more)]


def _evidence(label: str, item: Evidence, width: int) -> list[str]:
    """Return what was seen with its place on the right, or on a line of its own where that has no room."""
    where = shown_text(item.where)
    lines = _labelled(label, item.text, width)
    if not where:
        return lines
    if cell_width(lines[-1]) + 2 + cell_width(where) <= width:
        lines[-1] += " " * (width - cell_width(lines[-1]) - cell_width(where)) + where
        return lines
    return [*lines, " " * max(10, width - cell_width(where)) + where]


def _windows(console: Printer, windows: tuple[Window, ...], width: int) -> None:
    columns = [
        ("a power cut may take", "left"),
        ("seconds", "right"),
        ("writes", "right"),
        ("bytes", "right"),
        ("it costs", "left"),
    ]
    head, bodies = table_lines(columns, [window_cells(window) for window in windows], width)
    for number, line in enumerate(head):
        console.print(line, style="bold" if number == 0 else "dim")
    for window, lines in zip(windows, bodies, strict=True):
        for line in lines:
            console.print(line, style="bold" if window.is_current else "")


def window_cells(window: Window) -> list[str]:
    """Return the cells of a policy."""
    seconds = "?" if window.seconds is None else _seconds(window.seconds)
    return [
        ("> " if window.is_current else "  ") + window.policy,
        seconds,
        "" if window.commands is None else format_count(round(window.commands)),
        "" if window.size_bytes is None else format_bytes(round(window.size_bytes)),
        window.costs,
    ]


def _seconds(seconds: float) -> str:
    if not seconds:
        return "none"
    return f"{seconds:.3g}" if seconds < 100 else format_count(round(seconds))


def _tail(advice: Advice) -> Iterator[tuple[str, str]]:
    if advice.fine:
        yield "fine", ", ".join(advice.fine)
    label = "not so"
    for claim in advice.claims:
        yield label, f"{claim.claim}: {claim.fact}"
        label = ""
    label = "not looked"
    for item in advice.not_looked:
        yield label, f"{item.reason}: {', '.join(item.codes)}"
        label = ""
