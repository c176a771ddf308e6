"""What happened, as a list of sentences: events of the log, what captures date, and the history of keys."""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.analysis.audit.model import AuditEvent, Severity
from aoftool.analysis.commands.model import UNKNOWN, LoggedCommand
from aoftool.analysis.history.model import HistoryStep, StepKind
from aoftool.api.postmortem.model import Happened, KeyStory, Postmortem
from aoftool.escape import shown_name, shown_text
from aoftool.report.audit import event_time, loss_text, prefix_text, restore_lines, shown_events
from aoftool.report.commands import command_text
from aoftool.report.history import remarks_of, shown_time, state_text
from aoftool.report.page.cells import NAME_WIDTH, code, count, made_table, text
from aoftool.report.page.model import Block, Cell, Entry, Section, Sentences, Table, Tone, Words
from aoftool.units import and_more, counted, format_count, format_time_ms

__all__ = ["story"]

_COMMAND = 120
_TONES = {Severity.HIGH: Tone.BAD, Severity.MEDIUM: Tone.WARN, Severity.INFO: Tone.PLAIN}
_CAPTURED_ROWS = 60


def story(found: Postmortem) -> Section:
    """Return the section."""
    blocks: list[Block] = [*_events(found), *_captured(found)]
    for number, key in enumerate(found.stories):
        blocks.append(_history(key, number))
        blocks += [Words(note) for note in key.notes]
    return Section("story", "What happened", blocks)


def _events(found: Postmortem) -> Iterator[Block]:
    audit = found.audit
    if audit is None:
        return
    shown = shown_events(audit)
    total = sum(audit.counts.values())
    if not shown:
        yield Words(f"Nothing stands out among {counted(audit.commands, 'command')}.", Tone.GOOD)
        return
    ordered = sorted(shown, key=lambda event: (event.command.file_number, event.command.offset))
    left = and_more(total - len(shown), "")
    yield Sentences(
        "events-list",
        f"{counted(total, 'event')} among {counted(audit.commands, 'command')}, in the order of the log",
        [_entry(event, found.path) for event in ordered],
        f"{left}: aoftool audit shows them".strip() if left else "",
    )


def _entry(event: AuditEvent, path: str) -> Entry:
    row = event.command
    place = f"{row.file} offset {format_count(row.offset)}"
    place += "" if event.last is None else f" to {format_count(event.last.offset)}"
    place += "" if row.db == UNKNOWN else f", db {row.db}"
    place += f", in transaction {row.txn}" if row.txn > 0 else ""
    facts = [("at", place, False), ("command", command_text(row.argv, row.lengths, _COMMAND), True)]
    if event.common_prefix is not None:
        facts.append(("keys", prefix_text(event.common_prefix), False))
    if event.loss is not None:
        facts.append(("lost", loss_text(event.loss), False))
    facts += [(label, line, True) for label, line in restore_lines(event, path)]
    return Entry(
        _TONES[event.severity],
        event.severity.value,
        event_time(event) or "no time is known",
        f"{event.text} [{event.code.value}]",
        tuple(facts),
        tuple(_around(event)),
    )


def _around(event: AuditEvent) -> Iterator[str]:
    for sign, rows in (("  ", event.before), ("> ", [event.command]), ("  ", event.behind)):
        if event.before or event.behind:
            yield from (f"{sign}{_line(row)}" for row in rows)


def _line(row: LoggedCommand) -> str:
    return f"{format_count(row.offset):>13}  {command_text(row.argv, row.lengths, _COMMAND - 20)}"


def _captured(found: Postmortem) -> Iterator[Block]:
    if not found.happened:
        return
    fields = (
        ("at", "when (UTC)", lambda row: _when(row)),
        ("lane", "kind", lambda row: text(row.lane.value)),
        ("text", "what", lambda row: text(row.text)),
        ("where", "seen in", lambda row: code(shown_text(row.where))),
    )
    yield made_table("captured", "What captures date", fields, found.happened, most=_CAPTURED_ROWS)


def _when(row: Happened) -> Cell:
    return text(format_time_ms(round(row.at_s * 1000)))


def _history(key: KeyStory, number: int) -> Table:
    caption = f"The history of {shown_name(key.key, NAME_WIDTH)}"
    if not key.steps:
        caption += ": nothing in the log names it"
    fields = (
        ("time", "when", lambda step: text(_step_time(step))),
        ("file", "file", lambda step: text(step.command.file)),
        ("offset", "offset", lambda step: count(step.command.offset)),
        ("db", "db", lambda step: count(step.db)),
        ("command", "command", _step_command),
        ("after", "after it", lambda step: text(state_text(step))),
        ("remarks", "", lambda step: text("; ".join(remarks_of(step, several=False, values=False)))),
    )
    return made_table(f"history-{number}", caption, fields, key.steps, most=100, left_out=key.left_out)


def _step_command(step: HistoryStep) -> Cell:
    row = step.command
    if step.kind is StepKind.BASE:
        return text("(in the RDB part)")
    return code(command_text(row.argv, row.lengths, 90))


def _step_time(step: HistoryStep) -> str:
    time, bound = shown_time(step)
    return "" if time is None else f"~{time} {bound}" if bound else time
