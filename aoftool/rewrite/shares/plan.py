"""Rewrite a log whose keys do not fit into the memory allowed, or on several cores: share by share.

The log is read once to see where its weight lies and which keys are tied, a second time to distribute it
over shares on disk; each share is rewritten alone, and the results are put into the order of the whole.
What comes out is what a rewrite without shares writes, byte for byte. Logs with commands that may do
anything are not cut: there is no knowing what those touch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from aoftool.aof.model import Log
from aoftool.commands.effects import EffectTable
from aoftool.commands.wrapped import WRAPPER
from aoftool.dataclass import dataclass, replace
from aoftool.errors import RespError, UnsupportedError
from aoftool.files import open_source
from aoftool.keyspace.refusal import ReplayStopError
from aoftool.liveness.model import ANNOTATION, Fate
from aoftool.progress import Progress, no_progress
from aoftool.rdb.encode.targets import Target
from aoftool.rdb.extras import carries_modules
from aoftool.rdb.functions import read_functions
from aoftool.releases import Release
from aoftool.replay.writer_model import Writer
from aoftool.rewrite.assembling import Assembly
from aoftool.rewrite.databases import database_notes
from aoftool.rewrite.decide.base_keys import need_whole
from aoftool.rewrite.extras import note_losses
from aoftool.rewrite.inputs import Input, end_at_boundary, open_input, repair_hint, require_only_torn
from aoftool.rewrite.libraries import library_notes
from aoftool.rewrite.model import (
    BaseCounts,
    DeadRow,
    OutputFormat,
    RewriteOptions,
    RewriteResult,
    RewriteSummary,
)
from aoftool.rewrite.planner import (
    NEEDS_SERVER,
    plan_notes,
    read_as_written,
)
from aoftool.rewrite.replay.replaying import UnknownFormError
from aoftool.rewrite.runner import Sinks
from aoftool.rewrite.shares.allocator import give_back, keep_little
from aoftool.rewrite.shares.share import ShareReport, ShareTask, run_share
from aoftool.rewrite.shares.spill import Spill
from aoftool.rewrite.shares.spill_folder import spill_folder
from aoftool.rewrite.shares.survey import Survey, base_columns, survey_log
from aoftool.rewrite.shares.workers import run_all
from aoftool.rewrite.target_choice import choose_target
from aoftool.rewrite.witness import Witness

__all__ = ["BoundedPlan", "open_bounded", "with_shares"]

# What the process takes before it has looked at anything, and what surveying and distributing take.
_FLOOR_BYTES = 144 << 20
_LEAST_BUDGET_BYTES = 8 << 20
# Two files a share are open at once while the log is distributed.
_SHARES_MAX = 400
_SHARES_PER_JOB = 3
# A rewrite of the whole log follows these; in a share, without the log around them, nobody can.
_BY_THEMSELVES = frozenset((WRAPPER, b"TRIMSLOTS", b"SFLUSH"))


@dataclass
class BoundedPlan:
    """A log surveyed, and ready to be rewritten share by share.

    Attributes:
        summary: complete only after `write`.
        warnings: notes that are known before the shares are run.
        asked: the options as they were given.
        rivals: releases that may have written the log instead and might load it otherwise, the writer first.
    """

    options: RewriteOptions
    summary: RewriteSummary
    input: Input
    table: EffectTable
    target: Target
    survey: Survey
    writer: Writer
    share_of: NDArray[np.uint16]
    jobs: int
    warnings: list[str]
    asked: RewriteOptions
    rivals: tuple[Release, ...] = ()

    @property
    def share_count(self) -> int:
        """Return into how many shares the log is cut."""
        return int(self.share_of.max()) + 1

    def write(
        self,
        sinks: Sequence[Sinks],
        progress: Progress = no_progress,
        *,
        out: str | None = None,
        optional: bool = False,
    ) -> RewriteResult:
        """Write the result in every format asked for.

        Args:
            out: the place of the result, beside which the shares are kept; None for a temporary place.
            optional: note a format that cannot hold the data, instead of failing.

        Raises:
            ReplayStopError: a server would not load this log.
            UnsupportedError: the target cannot hold some of the keys.
        """
        started = time.monotonic()
        result = RewriteResult(self.summary)
        with spill_folder(out) as folder:
            tasks = self._distribute(folder, [each.format for each in sinks], progress)
            give_back()
            reports = run_all(tasks, run_share, self.jobs, progress)
            _sum_up(self.summary, self.survey, reports)
            self.summary.notes = plan_notes(self.summary, self.input) + self.warnings
            for number, each in enumerate(sinks):
                self._assemble(each, number, reports, result, optional)
        written = {number for size in result.sizes for number in size.keys}
        self.summary.notes += database_notes(self.asked, written)
        result.elapsed_s = time.monotonic() - started
        return result

    def _distribute(
        self, folder: str, formats: Sequence[OutputFormat], progress: Progress
    ) -> list[ShareTask]:
        found = self.input
        sizes = [file.size_bytes for file in found.files]
        starts = [sum(sizes[:number]) for number in range(len(sizes))]
        base = found.base
        header = b"" if base is None else base.magic
        with Spill(self.survey, self.share_of, self.table, folder, found.paths, header, starts) as spill:
            spill.commands(found.tails, progress)
            if found.base_path is not None and base is not None:
                with open_source(found.base_path) as source:
                    functions = read_functions(base, source)
                spill.base(found.base_path, functions, progress)
        return [
            ShareTask(
                files,
                replace(
                    self.options,
                    memory_limit_bytes=None,
                    selection=replace(self.options.selection, rename_db={}),
                ),
                self.target.name,
                self.writer,
                base is not None,
                formats,
                [file.path for file in found.files],
                starts,
                base is None or carries_modules(base, self.target),
            )
            for files in spill.shares
        ]

    def _assemble(
        self, sinks: Sinks, number: int, reports: Sequence[ShareReport], result: RewriteResult, optional: bool
    ) -> None:
        """Write one format from the results of the shares."""
        parts = [report.formats[number] for report in reports]
        writing = Assembly(self, sinks, parts)
        if self.options.selection.everything and not self.options.drop_unsupported:
            writing.hint(self._key_counts(reports))
        writing.functions(reports[0].libraries)
        writing.everything(reports)
        try:
            writing.close(reports, sinks.tail)
        except UnsupportedError as error:
            if not optional:
                raise
            result.summary.notes.append(f"not possible as {sinks.format.value}: {error.message}")
            return
        result.sizes.append(writing.size)
        note_losses(result, sinks.format, writing.output, self.input, self.target)
        for note in library_notes(reports[0].libraries, self.target, self.input.base):
            if note not in result.summary.notes:
                result.summary.notes.append(note)

    def _key_counts(self, reports: Sequence[ShareReport]) -> dict[int, tuple[int, int]]:
        """Return keys and expire times by database: of the shares, and of records that none of them saw."""
        counts: dict[int, tuple[int, int]] = {}
        final = self.survey.trace.final_number
        found = self.input
        here = [(db, pair) for report in reports for db, pair in report.counts.items()]
        if found.base_path is not None:
            for columns in base_columns(found.base_path, self.survey.keys):
                far = ~self.survey.near(columns)
                for db in np.unique(columns.db[far]).tolist():
                    same = far & (columns.db == db)
                    here.append((final(db), (int(same.sum()), int((same & columns.expiring).sum()))))
        for db, (keys, expires) in here:
            before = counts.get(db, (0, 0))
            counts[db] = before[0] + keys, before[1] + expires
        return counts


def _sum_up(summary: RewriteSummary, survey: Survey, reports: Sequence[ShareReport]) -> None:
    """Fill in what is known only now."""
    tail = summary.tail
    dead: dict[tuple[bytes, str], list[int]] = {}
    for number, report in enumerate(reports):
        tail.trimmed += report.tail.trimmed
        for row in report.tail.dead:
            # Selections are ours; flushes went to every share and are counted in the first.
            if row.cause == "framing" or (number and row.name in (b"FLUSHALL", b"FLUSHDB")):
                continue
            cell = dead.setdefault((row.name, row.cause), [0, 0])
            cell[0] += row.commands
            cell[1] += row.size_bytes
    for (name_number, fate), (commands, size) in survey.idle.items():
        name = survey.trace.names[name_number]
        cause = "annotation" if name == ANNOTATION else Fate(fate).name.lower().replace("_", "-")
        cell = dead.setdefault((name, cause), [0, 0])
        cell[0] += commands
        cell[1] += size
        if fate == Fate.UNFINISHED:
            tail.unfinished += commands
    tail.commands, tail.size_bytes = survey.commands, survey.size_bytes
    tail.dead = [DeadRow(name, cause, *cell) for (name, cause), cell in dead.items()]
    tail.dead.sort(key=lambda row: (-row.size_bytes, row.name, row.cause))
    tail.live_bytes = max(tail.size_bytes - tail.dead_bytes, 0)
    whole = sum(row.commands for row in tail.dead if row.cause not in ("trimmed", "annotation"))
    tail.live = max(tail.commands - whole, 0)
    base = summary.base
    for report in reports:
        base.touched += report.base.touched
        base.touched_bytes += report.base.touched_bytes
        base.dead += report.base.dead
        base.dead_bytes += report.base.dead_bytes
        summary.key_count += report.key_count


def with_shares(
    log: Log,
    options: RewriteOptions,
    action: Callable[[BoundedPlan], RewriteResult],
    progress: Progress = no_progress,
) -> RewriteResult | str:
    """Rewrite a log share by share; where that is of no use, return why, or nothing when all of it fits.

    Args:
        action: runs a plan.
    """
    with open_bounded(log, options, progress, least_shares=_least_shares(options.jobs)) as plan:
        if isinstance(plan, str):
            return plan
        if plan.share_count == 1:
            return ""
        if len(plan.rivals) > 1:
            # That is settled by what the whole log comes to under each of them.
            return "the data may depend on which release wrote the log, so it is not cut into shares"
        try:
            return action(plan)
        except UnknownFormError as stop:
            return f"{stop.what} of {stop.name} is not known here, so the log is not cut into shares"
        except ReplayStopError as stop:
            if stop.reason not in NEEDS_SERVER:
                raise
            return f"only a server can execute {stop.name}, so the log is not cut into shares"


def _least_shares(jobs: int) -> int:
    """Return more shares than processes, so that none of them waits long for the last one."""
    return 1 if jobs <= 1 else _SHARES_PER_JOB * jobs


@contextmanager
def open_bounded(
    log: Log,
    options: RewriteOptions,
    progress: Progress = no_progress,
    *,
    least_shares: int = 1,
) -> Iterator[BoundedPlan | str]:
    """Give the plan of a rewrite share by share, or why there is none.

    Args:
        least_shares: cut into so many shares at least.

    Raises:
        InputError: the log is damaged or incomplete; the hint says what to type.
        UnsupportedError: its outcome cannot be known, or the target cannot take it.
    """
    started = time.monotonic()
    if options.memory_limit_bytes is not None:
        keep_little()
    with open_input(log, options.cut, progress) as found:
        if found.base is not None and found.base_path is not None:
            need_whole(found.base, found.base_path)
        witness = Witness(found, options.written_by, fields=options.base_fields)
        try:
            fitted, writer, table, survey = read_as_written(
                options,
                found,
                witness,
                lambda table: survey_log(found.tails, found.base_path, table, progress),
                lambda survey: survey.trace.names[1:],
                progress=progress,
            )
        except RespError as error:
            error.hint = repair_hint(log)
            raise
        torn = require_only_torn(log, found.tails, end_at_boundary(found, survey.ends))
        reason = _why_not(survey, found)
        if reason:
            yield reason
            return
        jobs = max(options.jobs, 1)
        budget = _budget(options.memory_limit_bytes, jobs)
        share_of, heaviest = survey.shares(budget, least_shares, _SHARES_MAX)
        survey.forget_weights()
        target, why = choose_target(options.target, writer)
        summary = RewriteSummary(log.path, target.name, why, found.files, found.history_bytes)
        summary.writer = writer
        summary.tail.torn_bytes = torn
        summary.base = _base_counts(found, survey)
        warnings = []
        if heaviest > budget:
            warnings.append(
                f"keys that commands tie together may take {round(heaviest) >> 20} MiB at once,"
                " more than the memory limit leaves; they were replayed together all the same"
            )
        summary.notes = plan_notes(summary, found) + warnings
        summary.elapsed_s = time.monotonic() - started
        yield BoundedPlan(
            fitted,
            summary,
            found,
            table,
            target,
            survey,
            writer,
            share_of,
            jobs,
            warnings,
            options,
            witness.rivals(writer, survey.trace.names[1:]),
        )


def _budget(limit: int | None, jobs: int) -> float:
    if limit is None:
        return float("inf")
    return max((limit - _FLOOR_BYTES) / jobs, _LEAST_BUDGET_BYTES)


def _base_counts(found: Input, survey: Survey) -> BaseCounts:
    if found.base is None:
        return BaseCounts()
    size_bytes = sum(row.size_bytes for row in found.base.counts)
    return BaseCounts(found.base.keys, size_bytes, empty=survey.empty)


def _why_not(survey: Survey, found: Input) -> str:
    """Return why a log cannot be cut into shares, empty when it can."""
    if not _BY_THEMSELVES.isdisjoint(survey.trace.names):
        return (
            "commands that wrap others or empty slots have no keys of their own, so it is not cut into shares"
        )
    if survey.trace.first_opaque is not None:
        return "scripts, functions or module commands may touch any key, so the log is not cut into shares"
    if survey.split or (found.base is not None and "HASH_TEMPLATE" in found.base.other_opcodes):
        return "records of the RDB part lean on each other, so the log is not cut into shares"
    return ""
