"""Shows a plan before it is carried out, and the receipt afterwards."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from typing import Any

from aoftool.escape import excerpt, hidden, json_bytes, shown_base, shown_path
from aoftool.repair.model import Edit, EditKind, FilePlan, Method, Plan, Rebuild
from aoftool.report.lines import Printer, folded
from aoftool.report.terminal import facts, print_room
from aoftool.units import counted, format_bytes, format_count

__all__ = ["plan_json", "render_done", "render_plan"]

_SHOWN_EDITS = 20
_SHOWN_SUSPECTS = 10


def render_plan(console: Printer, plan: Plan, *, in_place: bool = True) -> None:
    """Print what a plan does to each file, what it keeps and takes, and what stays wrong.

    Args:
        in_place: the files of the log itself are changed.
    """
    if plan.empty:
        _print(console, "nothing to do" if not plan.left else "nothing is repaired without being told to:")
    for file in plan.files:
        _print(console, _title(file, in_place), style="bold")
        for line in _edits(file):
            _print(console, f"  {line}", indent=4)
    if not plan.empty:
        console.print()
        facts(console, _sums(plan))
    for note in _news(plan):
        _print(console, f"note: {note}", style="yellow", indent=6)
    for text in plan.not_judged:
        _print(console, f"not judged: {text}", style="magenta", indent=6)
    for code, text in plan.left:
        _print(console, f"left: {text} [{code}]", style="yellow", indent=6)


def _print(console: Printer, text: str, *, style: str = "", indent: int = 2) -> None:
    for line in folded(text, console.width, indent):
        console.print(line, style=style)


def _news(plan: Plan) -> Iterable[str]:
    """Return the notes that no edit gives as its reason."""
    told = {edit.reason for file in plan.files for edit in file.edits[:_SHOWN_EDITS]}
    return (note for note in plan.notes if note not in told)


def _title(file: FilePlan, in_place: bool) -> str:
    name = shown_base(file.path)
    if file.method is Method.REMOVE:
        return f"{name}: set aside: {file.reason}"
    if file.method is Method.CREATE:
        return f"{name}: write it: {file.reason}"
    if file.contents is not None:
        return f"{name}: write it anew: {file.reason}"
    if file.method is Method.CUT:
        assert file.cut_at is not None
        where = "in place" if in_place else "in the copy"
        return f"{name}: cut it to {counted(file.cut_at, 'byte')}, {where}"
    into = f" as {shown_base(file.becomes)}" if file.becomes else ""
    return f"{name}: write it anew{into}; the original is kept"


def _edits(file: FilePlan) -> Iterator[str]:
    if file.rebuild is not None:
        yield _rebuild(file.rebuild)
    if file.transform:
        yield f"undo what was done to the whole text: {file.transform}"
    for edit in file.edits[:_SHOWN_EDITS]:
        yield _edit(edit)
    left = len(file.edits) - _SHOWN_EDITS
    if left > 0:
        yield f"and {format_count(left)} more; --json has them"


def _rebuild(rebuild: Rebuild) -> str:
    keys, size = counted(rebuild.keys, "whole key"), format_bytes(rebuild.size_bytes)
    return f"write {keys} of its RDB part as commands for {rebuild.target}, {size}"


def _edit(edit: Edit) -> str:
    what = {
        EditKind.CUT: f"cut {format_bytes(edit.taken_bytes)}",
        EditKind.DROP: f"take out {format_bytes(edit.taken_bytes)}",
        EditKind.REPLACE: f"write {excerpt(edit.data, 40)} over {format_bytes(edit.taken_bytes)}",
        EditKind.INSERT: f"insert {excerpt(edit.data, 40)}",
    }[edit.kind]
    commands = f", {_counted(edit.commands, 'command')}" if edit.commands else ""
    return f"at {format_count(edit.start)}: {what}{commands}: {edit.reason} [{edit.code}]"


def _sums(plan: Plan) -> Iterator[tuple[str, str, str]]:
    sums = plan.statistics
    yield "keeps", f"{format_bytes(sums.bytes_kept)}, {_counted(sums.commands_kept, 'command')}", ""
    aside = f"{format_bytes(sums.bytes_set_aside)}, {_counted(sums.commands_set_aside, 'whole command')}"
    if plan.lossless:
        aside += "; nothing that a server would have run is lost"
    yield "sets aside", aside, ""
    if sums.keys_kept or sums.keys_lost != 0:
        lost = "unknown" if sums.keys_lost is None else format_count(sums.keys_lost)
        yield "keys of the base", f"{format_count(sums.keys_kept)} kept, {lost} lost", ""
    if sums.commands_doubtful:
        yield "in doubt", f"{_counted(sums.commands_doubtful, 'command')} behind a gap", "yellow"
    if plan.suspects:
        shown = ", ".join(plan.suspects[:_SHOWN_SUSPECTS])
        more = (
            f" and {len(plan.suspects) - _SHOWN_SUSPECTS} more"
            if len(plan.suspects) > _SHOWN_SUSPECTS
            else ""
        )
        yield "suspect keys", f"{shown}{more}", "yellow"


def _counted(count: int, noun: str) -> str:
    """Return a count with its noun, none of them as `no`."""
    return f"{format_count(count) if count else 'no'} {noun}{'' if count == 1 else 's'}"


def render_done(console: Printer, receipt: dict[str, Any] | None, written: list[str]) -> None:
    """Print where the receipt is and how to go back, or what was written elsewhere."""
    if receipt is not None:
        # Not folded: the last line is there to be copied.
        folder = shown_path(receipt["directory"])
        console.print()
        _print(console, "done; what was taken out is kept, with a receipt. To take it all back:", indent=0)
        console.print(f"  aoftool undo {shlex.quote(folder)}")
        print_room(console, folder, receipt["kept_bytes"])
    for path in written:
        console.print(f"wrote {shown_path(path)}")


def plan_json(
    plan: Plan, *, applied: bool, receipt: str | None, written: list[str], kept_bytes: int | None = None
) -> dict[str, Any]:
    """Return a plan and what became of it as one JSON object."""
    return {
        "schema": "aoftool.fix/1",
        "applied": applied,
        "receipt": receipt,
        "kept_bytes": kept_bytes,
        "written": written,
        "plan": _shown_plan(plan),
    }


def _shown_plan(plan: Plan) -> dict[str, Any]:
    """Return the plan as members; bytes to be put somewhere as they may be shown."""
    members = plan.to_dict()
    for file, shown in zip(plan.files, members["files"], strict=True):
        for edit, row in zip(file.edits, shown["edits"], strict=True):
            if edit.data:
                row |= json_bytes("data", hidden(edit.data))
    return members
