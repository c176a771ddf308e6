"""Shows an audit: events by severity with what stood around them, or one JSON object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any, TextIO

from aoftool.analysis.audit.model import SEVERITIES, Audit, AuditCode, AuditEvent, Loss, Severity
from aoftool.analysis.commands.model import UNKNOWN, LoggedCommand
from aoftool.cells import fold
from aoftool.escape import json_bytes, printable
from aoftool.next_step import next_step, quoted
from aoftool.report.commands import beside, command_json, command_text
from aoftool.report.csvout import CsvRows
from aoftool.report.inferred import BOUNDS, bounds_json, inferred_time
from aoftool.report.writer import writer_json
from aoftool.units import counted, format_count, format_time_ms

__all__ = [
    "advise_step",
    "audit_json",
    "audit_lines",
    "counts_of",
    "event_time",
    "line_style",
    "loss_text",
    "prefix_text",
    "restore_lines",
    "shown_events",
    "write_audit_csv",
]

_INDENT = "    "
_LABEL = 10
_STYLES = {Severity.HIGH: "bold red", Severity.MEDIUM: "yellow"}
# Of each code so many are shown to people; JSON holds all that were kept.
_SHOWN = {Severity.HIGH: 20, Severity.MEDIUM: 8, Severity.INFO: 3}


def audit_lines(audit: Audit, width: int) -> Iterator[str]:
    """Yield the lines of an audit: the counts, then the events of each severity in the order of the log."""
    counts = counts_of(audit)
    by_severity = {s: sum(count for (own, _), count in counts.items() if own is s) for s in Severity}
    found = ", ".join(f"{format_count(count)} {s.value}" for s, count in by_severity.items() if count)
    head = f"{counted(audit.commands, 'command')} looked at: {found or 'nothing stands out'}"
    if not audit.commands:
        base = ": an RDB part holds the data, and not what was done to it"
        head = "no commands to look at" + (base if audit.has_base else "")
    yield from fold(head, width, 2)
    for severity in Severity:
        for code in (code for own, code in counts if own is severity):
            same = (event for event in audit.events if (event.severity, event.code) == (severity, code))
            events = list(islice(same, _SHOWN[severity]))
            for event in events:
                yield ""
                yield from _event_lines(event, audit.path, width)
            more = counts[severity, code] - len(events)
            if more:
                text = f"and {format_count(more)} more of {code.value}; --json has the first 50"
                yield from (_INDENT + line for line in fold(text, width - len(_INDENT)))
    if any(event.may_stall for event in audit.events):
        yield ""
        yield from fold(
            "whether clients waited for it, the server knows; on its machine, read-only:", width, 2
        )
        yield _INDENT + advise_step(audit.path)


def advise_step(path: str) -> str:
    """Return the line that asks the server of a log whether its clients had to wait, and why."""
    return next_step("capture -o capture.tgz && aoftool advise capture.tgz", path, "--aof")


def counts_of(audit: Audit) -> dict[tuple[Severity, AuditCode], int]:
    """Return how many events there were by severity and code; what is not kept counts as its code does."""
    counts = Counter((event.severity, event.code) for event in audit.events)
    for code, count in audit.counts.items():
        kept = sum(kept for (_, own), kept in counts.items() if own is code)
        counts[SEVERITIES[code], code] += count - kept
    return {kind: count for kind, count in counts.items() if count}


def line_style(line: str) -> str:
    """Return the style of a line of an audit: the first of an event tells its severity."""
    return next((style for word, style in _STYLES.items() if line.startswith(f"{word.value.upper()} ")), "")


def _event_lines(event: AuditEvent, path: str, width: int) -> Iterator[str]:
    row = event.command
    yield from fold(f"{event.severity.value.upper()} {event.code.value}: {event.text}", width, len(_INDENT))
    place = f"{row.file} offset {format_count(row.offset)}"
    if event.last is not None:
        place += f" to {format_count(event.last.offset)}"
    time = event_time(event)
    if time:
        place = f"{time}, {place}"
    if row.db != UNKNOWN:
        place += f", db {row.db}"
    if row.txn > 0:
        place += f", in transaction {row.txn}"
    yield from _labelled("at", place, width)
    yield from _labelled("command", command_text(row.argv, row.lengths, width - _LABEL - len(_INDENT)), width)
    if event.common_prefix is not None:
        yield from _labelled("keys", prefix_text(event.common_prefix), width)
    if event.loss is not None:
        yield from _labelled("lost", loss_text(event.loss), width)
    # Not folded: these are there to be copied.
    for label, line in restore_lines(event, path):
        yield f"{_INDENT}{label:<{_LABEL}}{line}"
    if event.severity is Severity.HIGH:
        yield from _around("before", event.before, width)
        yield from _around("behind", event.behind, width)


def restore_lines(event: AuditEvent, path: str) -> Iterator[tuple[str, str]]:
    """Yield (label, line to type) that bring back what an event removed; nothing where that is not known."""
    if event.severity is Severity.HIGH and event.loss is not None and event.loss.keys:
        place = quoted(f"{event.command.file}:{event.command.offset}")
        yield "restore", next_step("rewrite", path, f"--to {place}", "-o DIR")
        yield "or keep", next_step("fix", path, "--dry-run", f"--drop {place}")


def shown_events(audit: Audit) -> list[AuditEvent]:
    """Return the events that people are shown, by severity and code: of each code the first few."""
    found: list[AuditEvent] = []
    for severity in Severity:
        for code in (code for own, code in counts_of(audit) if own is severity):
            same = (event for event in audit.events if (event.severity, event.code) == (severity, code))
            found += islice(same, _SHOWN[severity])
    return found


def event_time(event: AuditEvent) -> str:
    """Return when an event was: by annotation, else inferred; empty when it is not known."""
    if event.command.time_s is not None:
        return format_time_ms(event.command.time_s * 1000)
    text, bound = inferred_time(event.bounds)
    return "" if text is None else f"~{text} {bound}"


def _labelled(label: str, text: str, width: int) -> Iterator[str]:
    first, *more = fold(text, width - len(_INDENT) - _LABEL)
    yield f"{_INDENT}{label:<{_LABEL}}{first}"
    yield from (" " * (len(_INDENT) + _LABEL) + line for line in more)


def _around(label: str, rows: list[LoggedCommand], width: int) -> Iterator[str]:
    for number, row in enumerate(rows):
        head = f"{_INDENT}{'' if number else label:<{_LABEL}}{format_count(row.offset):>11}  "
        yield from beside(head, width, partial(command_text, row.argv, row.lengths))


def prefix_text(prefix: bytes) -> str:
    """Return what keys have in common, in words."""
    return f"all begin with {printable(prefix)}" if prefix else "with no common beginning"


def loss_text(loss: Loss) -> str:
    """Return what a command removed, in words."""
    if loss.elements is not None:
        return f"the key, {format_count(loss.elements)} in it"
    if not loss.keys:
        return "nothing: there were no keys"
    text = counted(loss.keys, "key")
    if loss.by_prefix:
        named = [f"{printable(prefix)}* {format_count(count)}" for prefix, count in loss.by_prefix]
        rest = loss.keys - sum(count for _, count in loss.by_prefix)
        if rest:
            named.append(f"others {format_count(rest)}")
        text += f" ({', '.join(named)})"
    return text


def audit_json(audit: Audit) -> dict[str, Any]:
    """Return an audit as one JSON object."""
    return {
        "schema": "aoftool.audit/1",
        "commands": audit.commands,
        "replayed": audit.replayed,
        "writer": writer_json(audit.writer),
        "counts": {code.value: count for code, count in audit.counts.items()},
        "events": [_event_json(event) for event in audit.events],
        "notes": audit.notes,
        "damage": None
        if audit.damage is None
        else {"file": audit.damage[0], "offset": audit.damage[1], "reason": audit.damage[2]},
    }


_CSV_HEADER = (
    *("severity", "code", "file", "offset", "time_s", "db", "commands", "size_bytes", "keys_lost", "text"),
    *("command", *BOUNDS),
)


def write_audit_csv(audit: Audit, stream: TextIO) -> None:
    """Write one line for each event, without the commands around it."""
    out = CsvRows(stream, _CSV_HEADER)
    for event in audit.events:
        row = event.command
        lost = None if event.loss is None else event.loss.keys
        place = (row.file, row.offset, row.time_s, None if row.db == UNKNOWN else row.db)
        words = b" ".join(row.argv)
        out.add(
            (
                event.severity.value,
                event.code.value,
                *place,
                event.commands,
                event.size_bytes,
                lost,
                event.text,
                words,
                *bounds_json(event.bounds).values(),
            )
        )


def _event_json(event: AuditEvent) -> dict[str, Any]:
    body: dict[str, Any] = {
        "code": event.code.value,
        "severity": event.severity.value,
        "text": event.text,
        "commands": event.commands,
        "size_bytes": event.size_bytes,
        **bounds_json(event.bounds),
        "command": _command(event.command),
        "last": None if event.last is None else _command(event.last),
    }
    if event.common_prefix is not None:
        body |= json_bytes("common_prefix", event.common_prefix)
    if event.loss is not None:
        by_prefix = [
            {**json_bytes("prefix", prefix), "keys": count} for prefix, count in event.loss.by_prefix
        ]
        body["loss"] = {"keys": event.loss.keys, "elements": event.loss.elements, "by_prefix": by_prefix}
    body["before"] = [_command(row) for row in event.before]
    body["behind"] = [_command(row) for row in event.behind]
    return body


def _command(row: LoggedCommand) -> dict[str, Any]:
    body = command_json(row)
    del body["schema"]
    return body
