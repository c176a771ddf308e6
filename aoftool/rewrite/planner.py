"""Find out what a rewrite has to do: trace the log, decide every command and base record.

Writes nothing but a temporary copy of inputs that cannot be read twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Protocol, TypeVar

from aoftool.aof.model import Log
from aoftool.commands.effects import EffectTable
from aoftool.commands.groups import RESTORES
from aoftool.dataclass import dataclass
from aoftool.errors import InputError, RespError, UnsupportedError
from aoftool.escape import excerpt
from aoftool.keyspace.refusal import ReplayStopError
from aoftool.liveness.model import Trace
from aoftool.liveness.native import drop_needless, mark_dead
from aoftool.liveness.reading import Places, trace_tails
from aoftool.progress import Progress, no_progress
from aoftool.rdb.dialects import MEMBER_TIMES
from aoftool.rdb.encode.targets import Target
from aoftool.rdb.extras import carries_metadata, carries_modules
from aoftool.releases import Release
from aoftool.replay.writer import target_of
from aoftool.replay.writer_model import Writer
from aoftool.rewrite.databases import (
    database_notes,
    read_with_databases,
    refuse_empty_databases,
    written_numbers,
)
from aoftool.rewrite.decide.accounts import tail_counts
from aoftool.rewrite.decide.base_keys import BaseKeys
from aoftool.rewrite.decide.touches import Touches
from aoftool.rewrite.inputs import (
    Input,
    cut_note,
    end_at_boundary,
    open_input,
    repair_hint,
    require_only_torn,
)
from aoftool.rewrite.model import RewriteOptions, RewriteResult, RewriteSummary
from aoftool.rewrite.replay.outcome import Outcome
from aoftool.rewrite.replay.replaying import UnknownFormError
from aoftool.rewrite.target_choice import choose_target
from aoftool.rewrite.witness import Witness
from aoftool.units import counted

__all__ = [
    "NEEDS_SERVER",
    "RewritePlan",
    "copyable_types",
    "decide",
    "effects_for",
    "plan_notes",
    "plan_rewrite",
    "refuse_torn",
    "with_plan",
]

T = TypeVar("T")

_MODULE_TYPE = 7
NEEDS_SERVER = frozenset({"random", "module", "opaque"})
"""Reasons of a `ReplayStopError` for which carrying the command as it is helps."""


@dataclass
class RewritePlan:
    """A rewrite ready to run.

    Attributes:
        summary: what can be shown.
        writer: who wrote the log: it decides how the log is replayed.
        rivals: releases that may have written it instead and might load it otherwise, the writer first.
        target: what the result is written for.
        input, trace, base, touches, table: what `aoftool.rewrite.runner` works on.
        witness: tells which of the rivals are left where only some commands matter.
        kept: the outcome, where somebody had to replay the log before it is written; taken away by its use.
    """

    options: RewriteOptions
    summary: RewriteSummary
    input: Input
    table: EffectTable
    trace: Trace
    base: BaseKeys
    touches: Touches
    target: Target
    writer: Writer
    rivals: tuple[Release, ...] = ()
    witness: Witness | None = None
    kept: Outcome | None = None


class Planned(Protocol):
    """What any plan of a rewrite tells."""

    @property
    def options(self) -> RewriteOptions:
        """Say what was asked for."""

    @property
    def summary(self) -> RewriteSummary:
        """Say what was found."""

    @property
    def input(self) -> Input:
        """Give the parts of the log."""


@contextmanager
def plan_rewrite(
    log: Log,
    options: RewriteOptions,
    progress: Progress = no_progress,
    *,
    opaque: frozenset[bytes] = frozenset(),
    unknown: Places = frozenset(),
    thorough: bool = False,
) -> Iterator[RewritePlan]:
    """Give the plan of a rewrite; it holds while the context is open.

    Args:
        opaque: names of commands to be carried as they are, for only a server can execute them.
        unknown: single commands to be carried as they are, for nobody here knows their form.
        thorough: ask the commands who wrote them, whatever the RDB part says.

    Raises:
        InputError: the log is damaged or incomplete; the hint says what to type.
        UnsupportedError: its outcome cannot be known, or the target cannot take it.
        UsageError: the options ask for something that is not there.
    """
    started = time.monotonic()
    with open_input(log, options.cut, progress) as found:
        witness = Witness(found, options.written_by, thorough=thorough, fields=options.base_fields)
        try:
            fitted, writer, table, (trace, ends) = read_as_written(
                options,
                found,
                witness,
                lambda table: trace_tails(found.tails, table, progress, unknown=unknown),
                lambda result: result[0].names[1:],
                opaque=opaque,
                progress=progress,
            )
        except RespError as error:
            error.hint = repair_hint(log)
            raise
        torn = require_only_torn(log, found.tails, end_at_boundary(found, ends))
        target, reason = choose_target(options.target, writer)
        base, touches = decide(trace, found, target, progress)
        _refuse_selected_scripts(trace, options)
        refuse_empty_databases(trace, base, touches, options)
        summary = RewriteSummary(log.path, target.name, reason, found.files, found.history_bytes)
        summary.tail = tail_counts(trace, torn)
        summary.base = base.counts
        summary.key_count = touches.written.count(1)
        summary.notes = plan_notes(summary, found)
        summary.notes += database_notes(options, written_numbers(options, trace, found))
        summary.writer = writer
        summary.elapsed_s = time.monotonic() - started
        rivals = witness.rivals(writer, trace.names[1:])
        yield RewritePlan(
            fitted, summary, found, table, trace, base, touches, target, writer, rivals, witness
        )


def decide(
    trace: Trace, found: Input, target: Target, progress: Progress = no_progress
) -> tuple[BaseKeys, Touches]:
    """Decide the fate of every command and base record; what is left touches keys as told."""
    covered = mark_dead(trace)
    touches = Touches(trace)
    base = BaseKeys.of(found.base_path, trace, covered)
    base.read(touches.touched, touches.written, copyable_types(found, target), progress)
    drop_needless(trace, base.held.copy(), base.database_flags())
    return base, Touches(trace)


def copyable_types(found: Input, target: Target) -> frozenset[int]:
    """Return the type bytes whose records the target reads as they stand in the RDB part."""
    family = found.base.family.value if found.base is not None and found.base.family else ""
    if found.base is not None and not carries_metadata(found.base, target):
        # What stands in front of a key goes with its record.
        return frozenset()
    carried = found.base is None or carries_modules(found.base, target)
    return frozenset(
        number
        for number in range(256)
        if target.reads_type(number, family) and (carried or number != _MODULE_TYPE)
    )


def read_as_written(
    options: RewriteOptions,
    found: Input,
    witness: Witness,
    read: Callable[[EffectTable], T],
    names_of: Callable[[T], Sequence[bytes]],
    *,
    opaque: frozenset[bytes] = frozenset(),
    progress: Progress = no_progress,
) -> tuple[RewriteOptions, Writer, EffectTable, T]:
    """Read the commands of a log as the release that wrote it loads them.

    Who that is may be known only at the end: where the commands say it, they are asked beside the reading,
    and where there are more names than the writer that the RDB part names has, it was a later one. The log
    is read again then, if that one would have read it otherwise.

    Args:
        read: reads the commands by a table.
        names_of: gives the names of commands in what was read.

    Returns:
        the options with the number of databases, the writer, the table by which the log was read, and what
        that gave.
    """
    writer = witness.writer(progress)
    try:
        while True:
            effects = partial(effects_for, writer, opaque=opaque)
            fitted, table, result = read_with_databases(options, found, effects, read)
            names = names_of(result)
            told = witness.after(writer, names, progress)
            if told == writer or _reads_alike(writer, told, names):
                return fitted, told, table, result
            writer = told
    finally:
        witness.dismiss()


def _reads_alike(one: Writer, other: Writer, names: Sequence[bytes]) -> bool:
    """Tell whether a log with commands of some names is read by one table, whoever of two wrote it.

    Which payloads it takes is all in which a release tells there; see `effects_for`.
    """
    return target_of(one.release) == target_of(other.release) or RESTORES.isdisjoint(names)


def effects_for(
    writer: Writer, options: RewriteOptions, opaque: frozenset[bytes] = frozenset()
) -> EffectTable:
    """Return the effects of commands, as the release that wrote the log takes them."""
    target = target_of(writer.release)

    def is_restored(payload: bytes) -> bool:
        from aoftool.rdb.encode.payload import restore_refusal

        return not restore_refusal(payload, target)

    return EffectTable(
        options.databases,
        is_restored,
        opaque=opaque,
        replay=True,
    )


def with_plan(
    log: Log,
    options: RewriteOptions,
    action: Callable[[RewritePlan], RewriteResult],
    progress: Progress = no_progress,
) -> RewriteResult:
    """Plan a rewrite and run it; where a command turns out to need a server, carry it as it is.

    Such a command chooses at random or works on a type that only a server knows. Whether it does is
    seen when it is replayed, so the plan is made again then.

    Args:
        action: runs a plan; it starts from nothing each time.
    """
    opaque: frozenset[bytes] = frozenset()
    unknown: Places = frozenset()
    doubted: set[tuple[int, int]] = set()
    while True:
        with plan_rewrite(
            log, options, progress, opaque=opaque, unknown=unknown, thorough=bool(doubted)
        ) as plan:
            try:
                return action(plan)
            except UnknownFormError as found:
                # A later release may have gone on with the log. If none knows the form, it is carried.
                if found.place in unknown:
                    raise
                unknown |= {found.place} & doubted
                doubted.add(found.place)
            except ReplayStopError as stop:
                name = stop.name.upper().encode()
                if stop.reason not in NEEDS_SERVER or name in opaque:
                    raise
                opaque |= {name}


def refuse_torn(plan: Planned, log: Log) -> None:
    """Refuse a log whose last command is torn: to drop it is a repair, and is to be asked for.

    Raises:
        InputError: it is torn.
    """
    torn_bytes = plan.summary.tail.torn_bytes
    if not torn_bytes:
        return
    last, end = plan.summary.files[len(plan.input.tails) - 1], plan.input.tails[-1].end
    raise InputError(
        f"the last command is torn: {counted(torn_bytes, 'byte')} that never became a whole one",
        path=last.path,
        offset=(last.size_bytes if end is None else end) - torn_bytes,
        hint=repair_hint(log),
    )


def _refuse_selected_scripts(trace: Trace, options: RewriteOptions) -> None:
    if trace.first_opaque is None or options.selection.everything:
        return
    place = trace.first_opaque
    name = trace.names[trace.chunks[place.chunk].columns.names[place.row]]
    raise UnsupportedError(
        f"{excerpt(name)} cannot be run here, so keys and databases cannot be selected from this log",
        offset=trace.chunks[place.chunk].columns.offsets[place.row],
    )


def plan_notes(summary: RewriteSummary, found: Input) -> list[str]:
    """Return what a user should know of a log, in words."""
    notes = []
    tail = summary.tail
    if found.cut:
        notes.append("commands behind the cut are left out")
    moved = cut_note(found, tail.unfinished)
    if moved:
        notes.append(moved)
    if summary.base.empty:
        from aoftool.rdb.records.reader import empty_note

        notes.append(empty_note(summary.base.empty))
    if tail.torn_bytes:
        notes.append(
            f"the last command is torn ({counted(tail.torn_bytes, 'byte')}); a server drops it, and so do we"
        )
    if tail.unfinished and not moved:
        notes.append(
            f"{counted(tail.unfinished, 'command never happens', 'commands never happen')}:"
            " the transaction has no EXEC"
        )
    if tail.opaque:
        notes.append(
            f"{counted(tail.opaque, 'command')} may do anything (scripts, functions, unknown names and"
            " forms), carried verbatim: what follows the first of them stays commands"
        )
    if found.base is not None and any(name.startswith(MEMBER_TIMES) for name in found.base.aux):
        notes.append("expire times of members, which only KeyDB has, are lost: no other server knows them")
    if tail.unexecuted:
        names = ", ".join(excerpt(name) for name in sorted(tail.unexecuted))
        count = counted(sum(tail.unexecuted.values()), "command is", "commands are")
        notes.append(
            f"{count} not run here ({names}): what follows the first of them stays commands, less what"
            " is dead"
        )
    if tail.modules:
        notes.append(
            f"{counted(tail.modules, 'command')} of modules, which only a server with these can run: what"
            " follows the first of them stays commands, less what is dead"
        )
    return notes
