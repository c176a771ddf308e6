"""The head of the page: the verdict in one sentence, what to type, five figures, what servers would do."""

from __future__ import annotations

from aoftool.analysis.audit.model import Audit, Severity
from aoftool.analysis.inspect.contents_model import Savings
from aoftool.api.postmortem.model import Postmortem
from aoftool.check.health_model import Health
from aoftool.check.model import Outcome, Report
from aoftool.escape import shown_text
from aoftool.next_step import next_step
from aoftool.releases import in_words
from aoftool.report.audit import counts_of, event_time, restore_lines
from aoftool.report.findings import NOT_MEASURED, outcome_rows
from aoftool.report.inspect.contents import next_rewrite_line, restart_line, savings_line
from aoftool.report.inspect.overview import overview_head
from aoftool.report.page.cells import code, count, made_table, number, size, text
from aoftool.report.page.model import Block, Cell, Figure, Section, Tone, Words
from aoftool.units import and_more, counted, format_bytes, format_duration, format_share

__all__ = ["figures_of", "next_lines", "servers", "tone_of", "verdict_of"]

_WORST, _LINES = 3, 3


def verdict_of(found: Postmortem) -> str:
    """Return the verdict in one sentence: is it whole, who loads it, does anything stand out."""
    sentence = health_words(found.health)
    if found.report is not None and found.report.outcomes:
        sentence += f"; {_loaded(found.report)}"
    if found.health.intact and found.health.notes:
        first, *others = found.health.notes
        sentence += f"; but {first}" + (f" ({len(others)} more)" if others else "")
    if found.audit is not None:
        sentence += _worst(found.audit)
    return sentence[0].upper() + sentence[1:] + "."


def health_words(health: Health) -> str:
    """Return the health of a log in words."""
    if not health.intact:
        return f"the log is damaged: {health.placed}"
    return "the log is intact" if health.judged else f"the log is {health.message}"


def _loaded(report: Report) -> str:
    loads = [row.target for row in report.outcomes if row.outcome is Outcome.LOAD]
    cut = [row.target for row in report.outcomes if row.outcome is Outcome.CUT]
    if len(loads) == len(report.outcomes):
        return "every release that is known here loads it"
    words = (
        f"{in_words(loads)} {'loads' if len(loads) == 1 else 'load'} it"
        if loads
        else "no release loads it whole"
    )
    return words + (f", {in_words(cut)} would cut it" if cut else "")


def _worst(audit: Audit) -> str:
    """Return the events of high severity in few words, with when they were."""
    high = [event for event in audit.events if event.severity is Severity.HIGH]
    if not high:
        return ""
    count = sum(count for (severity, _), count in counts_of(audit).items() if severity is Severity.HIGH)
    told = [f"{event.text} ({event_time(event) or 'no time is known'})" for event in high[:_WORST]]
    return f"; {counted(count, 'event')} of high severity: {', '.join(told)}{and_more(count - len(told))}"


def tone_of(found: Postmortem) -> Tone:
    """Return how the verdict is to be taken."""
    if not found.health.intact:
        return Tone.BAD
    odd = found.audit is not None and any(e.severity is Severity.HIGH for e in found.audit.events)
    return Tone.WARN if odd or not found.health.judged or found.health.notes else Tone.GOOD


def next_lines(found: Postmortem) -> list[tuple[str, str]]:
    """Return what to type next and what for: a repair, and what brings back what events took."""
    step = found.health.next_command if found.report is None else found.report.next_step
    lines = [("what can be done about the damage; this changes nothing", step)] if step else []
    if not step and found.health.notes:
        lines.append(("what a check warns of, and what helps", next_step("check", found.path)))
    for event in () if found.audit is None else found.audit.events:
        for label, line in restore_lines(event, found.path):
            before = (
                f"the data from before it: {event.text}"
                if label == "restore"
                else f"all of the log but this: {event.text}"
            )
            lines.append((before, line))
    return lines[:_LINES]


def figures_of(found: Postmortem) -> list[Figure]:
    """Return the five key figures."""
    view, overview = found.contents, found.overview
    files = counted(len(overview.files), "file")
    figures = [Figure("size_bytes", "log", size(overview.size_bytes), f"{overview.layout}, {files}")]
    commands = sum(file.commands for file in overview.files)
    figures.append(Figure("commands", "commands", count(commands), _span(found)))
    figures.append(_keys(found))
    figures.append(_dead(None if view is None else view.savings))
    restart = None if view is None else view.restart
    if restart is None:
        figures.append(
            Figure("restart_s", "restart", Cell("–"), "not foretold of a log that is damaged or a part")
        )
    else:
        shown = "< 0.1 s" if restart.most_s < 0.1 else f"about {format_duration(restart.total_s)}"
        quick = restart.most_s < 0.1
        remark = "" if quick else f"{format_duration(restart.least_s)} to {format_duration(restart.most_s)}"
        figures.append(Figure("restart_s", "restart", number(round(restart.total_s, 3), shown), remark))
    return figures


def _span(found: Postmortem) -> str:
    times = found.overview.time_range
    if times is None:
        return "no #TS says when they ran"
    return f"in {format_duration(times.latest_s - times.earliest_s)}"


def _keys(found: Postmortem) -> Figure:
    view = found.contents
    if view is None or not view.commands:
        keys = sum(part.keys for part in found.overview.rdb_parts)
        return Figure("keys", "keys in the RDB part", count(keys))
    least, most = view.distinct_keys
    remark = "exact" if view.keys_exact else f"between that and {most:,}"
    return Figure("keys", "keys written", count(least), remark)


def _dead(savings: Savings | None) -> Figure:
    if savings is None or savings.reason is not None:
        reason = "only of a whole log" if savings is None or savings.reason is None else savings.reason
        return Figure("dead_bytes", "dead bytes", Cell("–"), reason)
    dead = savings.dead_bytes + savings.base_dead_bytes
    whole = dead + savings.live_bytes + savings.base_bytes - savings.base_dead_bytes
    bound = "at most" if savings.upper_bound else "about"
    remark = f"{format_share(dead, whole)}; a rewrite leaves {bound} {format_bytes(savings.estimate_bytes)}"
    return Figure("dead_bytes", "dead bytes", size(dead), remark)


def servers(found: Postmortem) -> Section:
    """Return what each server would do, and what the log is."""
    blocks: list[Block] = []
    if found.report is not None:
        rows = list(outcome_rows(found.report))
        fields = (
            ("servers", "server", lambda row: text(row.servers)),
            ("outcome", "would", lambda row: text(row.would)),
            ("why", "and", lambda row: text(row.why)),
        )
        blocks.append(made_table("outcomes", "What each server would do with the log", fields, rows, most=60))
        if any(not row.is_measured for row in rows):
            blocks.append(Words(NOT_MEASURED))
    view = found.contents
    facts = [
        (label, words)
        for label, words, _ in overview_head(found.overview, found.health)
        if label not in ("next", "hint")
    ]
    facts[0] = ("log", facts[0][1].replace(found.overview.path, shown_text(found.overview.path), 1))
    if view is not None and view.savings is not None:
        facts.append(("savings", savings_line(view.savings)))
    if view is not None and view.restart is not None:
        facts.append(("restart", restart_line(view.restart)))
    if view is not None and view.next_rewrite is not None:
        facts.append(("rewrite", next_rewrite_line(view.next_rewrite)))
    facts += [("remark", remark) for remark in ([] if view is None else view.remarks)]
    pairs = (
        ("what", "what", lambda pair: text(pair[0])),
        ("says", "says", lambda pair: code(pair[1]) if pair[0] == "log" else text(pair[1])),
    )
    blocks.append(made_table("facts", "The log in words", pairs, facts, most=40))
    return Section("servers", "What each server would do", blocks)
