"""Run one share of a log: trace it, replay it, write its keys with the positions they belong to.

A share is a small log of its own (see `aoftool.rewrite.shares.spill`), so what is done here is what a rewrite
does with a whole one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from aoftool.columns import Column, array_of
from aoftool.dataclass import dataclass, field
from aoftool.files import open_source
from aoftool.keyspace.libraries import Library
from aoftool.keyspace.refusal import ReplayStopError
from aoftool.liveness.model import Chunk, Trace
from aoftool.liveness.reading import Tail, trace_tails
from aoftool.progress import Progress, no_progress
from aoftool.rdb.encode.targets import find_target
from aoftool.rdb.records.reader import walk
from aoftool.replay.writer_model import Writer
from aoftool.rewrite.decide.accounts import tail_counts
from aoftool.rewrite.inputs import Input
from aoftool.rewrite.model import (
    BaseCounts,
    FileSize,
    OutputFormat,
    OutputSize,
    RewriteOptions,
    RewriteSummary,
    TailCounts,
)
from aoftool.rewrite.planner import RewritePlan, decide, effects_for
from aoftool.rewrite.replay.replaying import Partition
from aoftool.rewrite.replay.texts import TextReader
from aoftool.rewrite.runner import replayed
from aoftool.rewrite.shares.allocator import give_back
from aoftool.rewrite.shares.spill import ShareFiles
from aoftool.rewrite.shares.survey import base_columns
from aoftool.rewrite.write.choosing import Chooser
from aoftool.rewrite.write.emitting import Emitter, first_writes
from aoftool.rewrite.write.recording import RecordingOutput, Refused, Segment

__all__ = ["FormatReport", "ShareReport", "ShareTask", "run_share"]


@dataclass(frozen=True, slots=True)
class ShareTask:
    """What a share needs to know.

    Attributes:
        writer: who wrote the log.
        paths, starts: files of the log, and the position of their first bytes in the whole.
        holds_modules: the target loads the module values of the log.
    """

    files: ShareFiles
    options: RewriteOptions
    target: str
    writer: Writer
    has_base: bool
    formats: Sequence[OutputFormat]
    paths: list[str]
    starts: list[int]
    holds_modules: bool = True


@dataclass(slots=True)
class FormatReport:
    """The keys of a share in one format.

    Attributes:
        data, positions, sizes: files of the bytes, and of two columns (int64), one row a key.
        keys: rows.
    """

    size: OutputSize
    data: str
    positions: str
    sizes: str
    keys: int = 0
    segments: list[Segment] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    refused_count: int = 0


@dataclass(slots=True)
class ShareReport:
    """What came out of a share.

    Attributes:
        counts: keys and expire times by database, for the hints of an RDB.
        dropped: file of the numbers of base records that are not written as they stand (int64).
        expired: keys left out for their age.
    """

    tail: TailCounts
    base: BaseCounts
    key_count: int = 0
    counts: dict[int, tuple[int, int]] = field(default_factory=dict)
    dropped: str = ""
    libraries: list[Library] = field(default_factory=list)
    formats: list[FormatReport] = field(default_factory=list)
    expired: int = 0


def run_share(task: ShareTask, progress: Progress = no_progress) -> ShareReport:
    """Run a share and remove its log.

    Raises:
        ReplayStopError: a server would not load this log.
    """
    positions = np.fromfile(task.files.rows, np.int64)
    plan = _plan(task, progress)
    try:
        report = _run(task, plan, positions, progress)
    except ReplayStopError as stop:
        _place(stop, plan.trace, positions, task)
        raise
    task.files.remove()
    del plan, positions
    give_back()
    return report


def _plan(task: ShareTask, progress: Progress) -> RewritePlan:
    found = Input(tails=[Tail(task.files.tail)])
    if task.has_base:
        with open_source(task.files.base) as source:
            found.base = walk(source, 0)
        found.tails = [Tail(task.files.base, found.base.end_offset or 0, found.base.end_offset), *found.tails]
    found.files = [FileSize(tail.path, "", os.path.getsize(tail.path)) for tail in found.tails]
    table = effects_for(task.writer, task.options)
    trace, _ = trace_tails(found.tails, table)
    target = find_target(task.target)
    base, touches = decide(trace, found, target)
    summary = RewriteSummary("", task.target, "")
    summary.tail, summary.base = tail_counts(trace, 0), base.counts
    summary.key_count = touches.written.count(1)
    return RewritePlan(task.options, summary, found, table, trace, base, touches, target, task.writer)


def _run(task: ShareTask, plan: RewritePlan, positions: NDArray[np.int64], progress: Progress) -> ShareReport:
    report = ShareReport(plan.summary.tail, plan.summary.base, key_count=plan.summary.key_count)
    report.dropped = _write_dropped(task, plan)
    firsts = first_writes(plan.trace)
    part = Partition(task.files.number)
    with TextReader(plan.input.paths, plan.options.threads) as reader:
        outcome = replayed(plan, reader, part, progress)
        report.libraries = list(outcome.keyspace.libraries.values())
        for form in task.formats:
            with _ShareStream(task, plan, form, positions) as stream:
                stream.size.refused.update(outcome.keyspace.refused)
                report.counts = stream.emitter.count_keys(outcome)
                stream.emitter.keys(firsts, outcome, reader, part)
                report.formats.append(stream.close())
                report.expired = stream.chooser.expired
    return report


def _write_dropped(task: ShareTask, plan: RewritePlan) -> str:
    """Write the numbers of records that are dead or written anew."""
    path = task.files.result("dropped")
    ordinals = np.fromfile(task.files.ordinals, np.int64) if task.has_base else np.zeros(0, np.int64)
    gone = np.zeros(len(ordinals), bool)
    if not len(ordinals):
        ordinals.tofile(path)
        return path
    # One place more, for records whose key no command names: number -1.
    causes = np.append(array_of(plan.base.covered.causes()), np.uint8(0))
    written = np.append(array_of(plan.touches.written), np.uint8(0))
    databases = range(task.options.databases)
    flushed = np.array([plan.base.covered.covers_unnamed(db) for db in databases])
    # What a live row reads before another one flushes it.
    emptied = np.array([db in plan.touches.flushed for db in databases])
    at = 0
    for columns in base_columns(task.files.base, plan.trace.keys):
        numbers = columns.numbers
        dead = np.where(numbers >= 0, causes[numbers] > 0, flushed[columns.db])
        gone[at : at + len(numbers)] = dead | (written[numbers] > 0) | emptied[columns.db]
        at += len(numbers)
    ordinals[gone].tofile(path)
    return path


def _place(stop: ReplayStopError, trace: Trace, positions: NDArray[np.int64], task: ShareTask) -> None:
    """Say where in the log it was, not where in the share."""
    before = 0
    for chunk in trace.chunks:
        row = int(np.searchsorted(chunk.offsets[:-1], stop.offset or 0))
        if row < len(chunk) and chunk.columns.offsets[row] == stop.offset:
            position = int(positions[before + row])
            number = int(np.searchsorted(task.starts, position, "right")) - 1
            stop.path, stop.offset = task.paths[number], position - task.starts[number]
            return
        before += len(chunk)


class _ShareEmitter(Emitter):
    """Write keys and note the positions they belong to."""

    places: list[NDArray[np.int64]]
    before: dict[int, int]

    def _note(self, chunk: Chunk, rows: Column) -> None:
        self.places.append(array_of(rows) + self.before[id(chunk)])


class _ShareStream:
    """One format of one share on its way out."""

    def __init__(
        self, task: ShareTask, plan: RewritePlan, form: OutputFormat, positions: NDArray[np.int64]
    ) -> None:
        kind = form.value
        self._report = FormatReport(
            OutputSize(form),
            task.files.result(f"{kind}-data"),
            task.files.result(f"{kind}-positions"),
            task.files.result(f"{kind}-sizes"),
        )
        self.size = self._report.size
        self._data: BinaryIO = open(self._report.data, "wb")  # noqa: SIM115 - closed by `__exit__`
        self._output = RecordingOutput(form, self._data, plan.target, task.options)
        self._output.holds_modules = task.holds_modules
        self.chooser = Chooser(task.options.selection, range(task.options.databases), task.options.databases)
        self.emitter = _ShareEmitter(
            plan.trace, plan.table, plan.touches, plan.base, self._output, self.chooser, self.size
        )
        self.emitter.places = []
        self.emitter.before = {}
        count = 0
        for chunk in plan.trace.chunks:
            self.emitter.before[id(chunk)] = count
            count += len(chunk)
        self._positions = positions

    def __enter__(self) -> _ShareStream:
        return self

    def __exit__(self, *_: object) -> None:
        self._data.close()

    def close(self) -> FormatReport:
        """Write what is left and the columns."""
        report = self._report
        self._output.close()
        report.refused, report.refused_count = self._output.refused
        report.segments = self._output.segments
        report.keys = len(self._output.sizes)
        np.array(self._output.sizes, np.int64).tofile(report.sizes)
        rows = np.concatenate(self.emitter.places) if self.emitter.places else np.zeros(0, np.int64)
        self._positions[rows].tofile(report.positions)
        return report
