"""Shows an audit: events by severity with what stood around them, or one JSON object."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, TextIO

from aoftool.analysis.audit_model import Audit, AuditEvent, Loss, Severity
from aoftool.analysis.commands_model import UNKNOWN, LoggedCommand
from aoftool.cells import fold
from aoftool.escape import json_bytes, printable
from aoftool.next_step import next_step, quoted
from aoftool.report.commands import beside, command_json, command_text
from aoftool.report.csvout import CsvRows
from aoftool.report.inferred import BOUNDS, bounds_json, inferred_time
from aoftool.report.writer import writer_json
from aoftool.units import counted, format_count, format_time_ms

__all__ = ["audit_json", "audit_lines", "write_audit_csv"]

_INDENT = "    "
_LABEL = 10
# Of each code so many are shown to people; JSON holds all that were kept.
_SHOWN = {Severity.HIGH: 20, Severity.MEDIUM: 8, Severity.INFO: 3}


def audit_lines(audit: Audit, width: int) -> Iterator[str]:
    """Yield the lines of an audit: the counts, then the events of each severity in the order of the log."""
    severities = {event.code: event.severity for event in audit.events}
    counts = dict.fromkeys(Severity, 0)
    for code, count in audit.counts.items():
        counts[severities[code]] += count
    found = ", ".join(f"{format_count(counts[s])} {s.value}" for s in Severity if counts[s])
    head = f"{counted(audit.commands, 'command')} looked at: {found or 'nothing stands out'}"
    if not audit.commands and audit.damage is None:
        base = ": an RDB part holds the data, and not what was done to it"
        head = "no commands to look at" + (base if audit.has_base else "")
    yield from fold(head, width, 2)
    for severity in Severity:
        for code in (code for code, own in severities.items() if own is severity):
            events = [event for event in audit.events if event.code is code][: _SHOWN[severity]]
            for event in events:
                yield ""
                yield from _event_lines(event, audit.path, width)
            more = audit.counts[code] - len(events)
            if more:
                text = f"and {format_count(more)} more of {code.value}; --json has the first 50"
                yield from (_INDENT + line for line in fold(text, width - len(_INDENT)))


def _event_lines(event: AuditEvent, path: str, width: int) -> Iterator[str]:
    row = event.command
    yield from fold(f"{event.severity.value.upper()} {event.code.value}: {event.text}", width, len(_INDENT))
    place = f"{row.file} offset {format_count(row.offset)}"
    if event.last is not None:
        place += f" to {format_count(event.last.offset)}"
    time = _time(event)
    if time:
        place = f"{time}, {place}"
    if row.db != UNKNOWN:
        place += f", db {row.db}"
    if row.txn > 0:
        place += f", in transaction {row.txn}"
    yield from _labelled("at", place, width)
    yield from _labelled("command", command_text(row.argv, row.lengths, width - _LABEL - len(_INDENT)), width)
    if event.common_prefix is not None:
        yield from _labelled("keys", _prefix_text(event.common_prefix), width)
    if event.loss is not None:
        yield from _labelled("lost", _loss_text(event.loss), width)
    if event.severity is Severity.HIGH and event.loss is not None and event.loss.keys:
        # Not folded: these are there to be copied.
        place = quoted(f"{row.file}:{row.offset}")
        yield f"{_INDENT}{'restore':<{_LABEL}}" + next_step("rewrite", path, f"--to-offset {place}", "-o DIR")
        yield f"{_INDENT}{'or keep':<{_LABEL}}" + next_step("fix", path, "--dry-run", f"--drop {place}")
    yield from _around("before", event.before, width)
    yield from _around("behind", event.behind, width)


def _time(event: AuditEvent) -> str:
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


def _prefix_text(prefix: bytes) -> str:
    return f"all begin with {printable(prefix)}" if prefix else "with no common beginning"


def _loss_text(loss: Loss) -> str:
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
