"""Shows the history of a key: one step a line or two, or one JSON object a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TextIO

from aoftool.analysis.history.model import HistoryStep, KeyState, StepKind
from aoftool.cells import clipped, fold, padded
from aoftool.escape import json_bytes, printable, shown_text
from aoftool.report.commands import CSV_HEADER, beside, command_json, command_text, csv_cells
from aoftool.report.csvout import CsvRows
from aoftool.report.inferred import BOUNDS, INFERRED, bounds_json, inferred_time, marked
from aoftool.report.values import value_line
from aoftool.units import format_count, format_time_ms
from aoftool.values.json_form import value_json

__all__ = ["HistoryCsv", "HistoryLines", "remarks_of", "shown_time", "state_text", "step_json"]

_COLUMNS = "{:>11} {:<8} {:>2} {:>4}  "
_COLUMNS_INFERRED = "{:>11} {:<15} {:>2} {:>4}  "
_STATE_WIDTH = 15
_LEAST_COMMAND, _MOST_COMMAND = 20, 90
_UNITS = {"string": "bytes", "stream": "entries", "hash": "fields", "list": "items"}


class HistoryLines:
    """Make lines of steps; a heading stands wherever file or day change.

    Args:
        width: of the terminal.
        several: more than one key can be meant, so that each line names its own.
        values: show the value too.
    """

    def __init__(self, width: int, *, several: bool, values: bool) -> None:
        self._width, self._several, self._values = width, several, values
        self._heading = ""

    def lines(self, step: HistoryStep) -> Iterator[str]:
        """Yield the lines of one step."""
        row = step.command
        time, bound = shown_time(step)
        day, _, clock = (time or "").partition(" ")
        columns = _COLUMNS_INFERRED if bound else _COLUMNS
        heading = f"{row.file}, {day} UTC" if clock else row.file + _between(step)
        heading += INFERRED if bound else ""
        if heading != self._heading:
            if self._heading:
                yield ""
            self._heading = heading
            yield from fold(heading, self._width, 2)
            head = columns.format("offset", "time", "db", "txn")
            yield from self._row(head, "command", "after it")
        txn = str(row.txn) if row.txn > 0 else ""
        yield from self._step(
            step, columns.format(format_count(row.offset), marked(clock, bound), step.db, txn)
        )

    def _step(self, step: HistoryStep, head: str) -> Iterator[str]:
        row = step.command
        room = self._room(head)
        text = clipped(f"(in the RDB part) {printable(step.key)}", room)
        if step.kind is not StepKind.BASE:
            text = command_text(row.argv, row.lengths, room)
        yield from self._row(head, text, state_text(step))
        for remark in remarks_of(step, several=self._several, values=self._values):
            yield from self._wrapped(" " * (len(head) + 2 if self._is_wide(head) else 6), remark)

    def _is_wide(self, head: str) -> bool:
        return self._width - len(head) - _STATE_WIDTH - 2 >= _LEAST_COMMAND

    def _room(self, head: str) -> int:
        """Return how many cells a command may take: beside its figures and the state, or below them."""
        room = self._width - len(head) - _STATE_WIDTH - 2
        return min(room, _MOST_COMMAND) if self._is_wide(head) else self._width - 4

    def _row(self, head: str, text: str, state: str) -> Iterator[str]:
        """Yield one line; where it has no room, the state beside the figures and the command below."""
        if self._is_wide(head):
            yield f"{head}{padded(text, self._room(head))}  {state}".rstrip()
            return
        yield from beside(head, self._width, lambda room: clipped(state, room))
        yield f"    {text}"

    def _wrapped(self, indent: str, text: str) -> Iterator[str]:
        """Break a remark between words; a value of one long word is left as it is."""
        first, *more = fold(text, self._width - len(indent), 2)
        yield indent + first
        yield from (indent + line for line in more)


class HistoryCsv:
    """Write steps as rows: the key, the command, and what the key was after it.

    An empty `type` with `known` 1 says that there is no such key; for a record of the RDB part there is no
    command.
    """

    def __init__(self, stream: TextIO) -> None:
        state = ("known", "type", "length", "expire_at_ms", "removed_by", "reason", "refused", "note")
        self._rows = CsvRows(stream, ("kind", "key_db", "key", *CSV_HEADER, *BOUNDS, *state))

    def add(self, step: HistoryStep) -> None:
        """Write one step."""
        after, deletion = step.after, step.deletion
        command = csv_cells(step.command)
        if step.kind is StepKind.BASE:
            # The index, the name and the arguments are those of a command.
            command = (*command[:-3], None, None, None)
        actor, reason = (None, None) if deletion is None else (deletion.actor.value, deletion.reason)
        state = (int(after.is_known), after.type_name, after.length, after.expire_at_ms)
        bounds = tuple(bounds_json(step.bounds).values())
        told = (actor, reason, step.refused, step.note)
        self._rows.add((step.kind.value, step.db, step.key, *command, *bounds, *state, *told))


def remarks_of(step: HistoryStep, *, several: bool, values: bool) -> Iterator[str]:
    """Yield what else is to be said of a step.

    Args:
        several: more than one key can be meant.
        values: the value too.
    """
    if not step.is_plain and (several or step.kind is StepKind.WRITE):
        yield f"key {printable(step.key)}"
    if step.after.expire_at_ms != step.before.expire_at_ms and step.after.exists:
        expire = step.after.expire_at_ms
        yield "no longer expires" if expire is None else f"expires {format_time_ms(expire)}"
    if step.refused is not None:
        yield f"refused, nothing changed: {step.refused}"
    if step.deletion is not None:
        yield f"{step.deletion.actor.value}: {step.deletion.reason}"
    if step.note is not None:
        yield step.note
    if values and step.after.value is not None:
        yield f"= {value_line(step.after.value)}"


def shown_time(step: HistoryStep) -> tuple[str | None, str]:
    """Return when a step was, and how far off that may be: empty for an annotation, which is exact."""
    if step.command.time_s is not None:
        return format_time_ms(step.command.time_s * 1000), ""
    return (None, "") if step.kind is StepKind.BASE else inferred_time(step.bounds)


def _between(step: HistoryStep) -> str:
    """Return when a file without times was written, as far as is known."""
    bounds = step.bounds if step.kind is StepKind.BASE else step.file_bounds
    earliest, latest = bounds.earliest_ms, bounds.latest_ms
    if step.kind is StepKind.BASE or earliest is None:
        return "" if earliest is None else f", written {format_time_ms(earliest)}"
    text = f", no #TS: after {format_time_ms(earliest)}"
    return text if latest is None or latest < earliest else text + f", before {format_time_ms(latest)}"


def state_text(step: HistoryStep) -> str:
    """Return what the key is after a step, in few words."""
    after = step.after
    if not after.is_known:
        return "unknown"
    if not after.exists:
        return "gone" if step.before.exists or not step.before.is_known else "no such key"
    if after.length is None:
        return f"{after.type_name} {shown_text(after.module_type)}".rstrip()
    unit = _UNITS.get(after.type_name or "", "members")
    return f"{after.type_name} {format_count(after.length)}" + (" B" if unit == "bytes" else "")


def step_json(step: HistoryStep, *, with_value: bool = False) -> dict[str, Any]:
    """Return one step as a JSON object."""
    row = command_json(step.command)
    del row["schema"]
    if step.kind is StepKind.BASE:
        row |= {"argv": None, "index": None}
    body: dict[str, Any] = {
        "schema": "aoftool.step/1",
        "kind": step.kind.value,
        **json_bytes("key", step.key),
        "key_db": step.db,
        **bounds_json(step.bounds),
        **row,
        "before": _state_json(step.before, False),
        "after": _state_json(step.after, with_value),
    }
    if step.deletion is not None:
        body["deletion"] = {"actor": step.deletion.actor.value, "reason": step.deletion.reason}
    if step.refused is not None:
        body["refused"] = step.refused
    if step.note is not None:
        body["note"] = step.note
    return body


def _state_json(state: KeyState, with_value: bool) -> dict[str, Any] | None:
    """Return a state; null for no such key."""
    if not state.is_known:
        return {"known": False}
    if not state.exists:
        return None
    body: dict[str, Any] = {
        "type": state.type_name,
        "length": state.length,
        "expire_at_ms": state.expire_at_ms,
    }
    if state.module_type:
        body["module_type"] = state.module_type
    if with_value and state.value is not None:
        body["value"] = value_json(state.value)
    return body
