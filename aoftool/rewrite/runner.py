"""Run a plan: replay, and give the result to one or more outputs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from aoftool.budget import budget_for
from aoftool.dataclass import dataclass
from aoftool.errors import RdbError, UnsupportedError
from aoftool.files import open_source
from aoftool.files.threads.behind import WriteBehind
from aoftool.keyspace.engine import Keyspace
from aoftool.keyspace.libraries import Library
from aoftool.keyspace.refusal import CommandRefused
from aoftool.liveness.carry import Carrier
from aoftool.progress import Progress, no_progress
from aoftool.rdb.encode.writer import ByteCounter, Sink
from aoftool.rdb.functions import read_functions
from aoftool.rdb.losses import REFUSED_KEPT
from aoftool.releases import NAMES
from aoftool.replay.vocabulary import Vocabulary
from aoftool.replay.writer import flavour_of_writer
from aoftool.rewrite.extras import note_losses, write_extras
from aoftool.rewrite.inputs import Input
from aoftool.rewrite.libraries import carry_libraries, library_notes, write_libraries
from aoftool.rewrite.model import OutputFormat, OutputSize, RewriteOptions, RewriteResult
from aoftool.rewrite.planner import RewritePlan
from aoftool.rewrite.replay.outcome import Outcome
from aoftool.rewrite.replay.partitions import partitions
from aoftool.rewrite.replay.replaying import Partition, Replay
from aoftool.rewrite.replay.texts import TextReader
from aoftool.rewrite.write.carrying import carry_rest, foreign_commands, foreign_text
from aoftool.rewrite.write.choosing import Chooser
from aoftool.rewrite.write.emitting import Emitter, FirstWrites, first_writes
from aoftool.rewrite.write.outputs import open_output

__all__ = ["Sinks", "count_rewrite", "creation_time", "replay_of", "replayed", "write_rewrite"]

# Smaller logs are rewritten in the time that a thread takes to start.
_WORTH_A_THREAD = 16 << 20


@dataclass
class Sinks:
    """Where one format goes: the base file, and the commands carried behind it."""

    format: OutputFormat
    base: Sink
    tail: Sink


def count_rewrite(
    write: Callable[[list[Sinks]], RewriteResult],
    formats: Sequence[OutputFormat] = tuple(OutputFormat),
) -> RewriteResult:
    """Run a plan against sinks that only count: the exact sizes, and nothing is written.

    Args:
        write: runs the plan, leaving out, with a note, a format that the target cannot hold the data in.
    """
    return write([Sinks(form, ByteCounter(), ByteCounter()) for form in formats])


def write_rewrite(
    plan: RewritePlan,
    sinks: Sequence[Sinks],
    progress: Progress = no_progress,
    *,
    optional: bool = False,
) -> RewriteResult:
    """Replay a log once and write the result in every format asked for.

    Args:
        optional: note a format that cannot hold the data, instead of failing.

    Raises:
        ReplayStopError: a server would not load this log.
        UnsupportedError: the target cannot hold some of the keys.
    """
    started = time.monotonic()
    result = RewriteResult(plan.summary)
    firsts = first_writes(plan.trace)
    shares = partitions(
        plan.trace, plan.touches, plan.base.counts.touched_bytes, plan.options.memory_limit_bytes
    )
    with ExitStack() as stack:
        streams = [_Stream(plan, each, optional, stack) for each in sinks]
        reader = stack.enter_context(TextReader(plan.input.paths, plan.options.threads))
        for part in shares:
            outcome = replayed(plan, reader, part, progress)
            for stream in streams:
                stream.share(firsts, outcome, reader, part)
        for stream in streams:
            stream.close(reader, result)
    result.elapsed_s = time.monotonic() - started
    return result


def replayed(plan: RewritePlan, reader: TextReader, part: Partition, progress: Progress) -> Outcome:
    """Return what the replay of a share of the keys comes to, functions with the first one."""
    kept, plan.kept = plan.kept, None
    return replay_of(plan, reader, part, progress).outcome if kept is None else kept


def replay_of(plan: RewritePlan, reader: TextReader, part: Partition, progress: Progress) -> Replay:
    """Return the replay of a share of the keys, functions with the first one."""
    flavour = flavour_of_writer(plan.writer)
    keyspace = Keyspace(
        flavour,
        plan.options.databases,
        plan.options.now_ms,
        trusts_log=True,
        budget=budget_for(plan.input.size_bytes),
    )
    if part.number == 0:
        _load_libraries(plan, keyspace)
    release, threads = plan.writer.release, plan.options.threads
    replay = Replay(plan.trace, plan.table, plan.touches, plan.base, keyspace, release, threads)
    replay.load_base(part, progress)
    replay.run(reader, part, progress)
    return replay


def _load_libraries(plan: RewritePlan, keyspace: Keyspace) -> None:
    """Put the function libraries of the RDB part in place.

    Raises:
        RdbError: two of them exclude each other; no server loads such a part.
    """
    if plan.input.base is None or plan.input.base_path is None:
        return
    with open_source(plan.input.base_path) as source:
        for code, library in zip(
            read_functions(plan.input.base, source), plan.input.base.functions, strict=True
        ):
            try:
                keyspace.load_library(code)
            except CommandRefused as refused:
                raise RdbError(
                    f"no server loads this RDB part: {refused.text.removeprefix('ERR ')}",
                    path=plan.input.base_path,
                    offset=library.offset,
                ) from None


class _Stream:
    """One format on its way out.

    Args:
        optional: a format that cannot hold the data is noted, instead of failing.
        stack: at its end nothing is written any more.
    """

    def __init__(self, plan: RewritePlan, sinks: Sinks, optional: bool, stack: ExitStack) -> None:
        self._plan = plan
        self._sinks = sinks
        self._optional = optional
        self._behind: WriteBehind | None = None
        base = sinks.base
        if plan.input.size_bytes >= _WORTH_A_THREAD and not isinstance(base, ByteCounter):
            base = self._behind = stack.enter_context(WriteBehind(base))
        self._libraries: list[Library] = []
        self._carried: list[Library] = []
        self._size = OutputSize(sinks.format)
        self._output = open_output(
            sinks.format,
            base,
            plan.target,
            creation_time(plan.input, plan.options),
            compress=plan.options.compress,
            chunk_items=plan.options.chunk_items,
            drops=plan.options.drop_unsupported,
        )
        carrier = Carrier(plan.trace, plan.table)
        used = {carrier.number(physical) for physical in range(plan.options.databases)}
        self._chooser = Chooser(plan.options.selection, used, plan.options.databases)
        self._emitter = Emitter(
            plan.trace, plan.table, plan.touches, plan.base, self._output, self._chooser, self._size
        )

    def share(self, firsts: list[FirstWrites], outcome: Outcome, reader: TextReader, part: Partition) -> None:
        """Write a share of the keys; with the first one functions and untouched base records."""
        self._size.refused.update(outcome.keyspace.refused)
        if part.number == 0:
            self._libraries = list(outcome.keyspace.libraries.values())
            options = self._plan.options
            if part.of_key is None and options.selection.everything and not options.drop_unsupported:
                self._emitter.hint(self._emitter.count_keys(outcome))
            write_extras(self._plan.input, self._output, self._plan.target)
            self._carried = write_libraries(
                self._libraries, self._output, self._plan.target, self._plan.input.base
            )
            if self._output.copies:
                self._emitter.base()
        write = self._emitter.keys if self._output.copies else self._emitter.by_database
        write(firsts, outcome, reader, part)

    def close(self, reader: TextReader, result: RewriteResult) -> None:
        """End the base and carry what follows it."""
        try:
            self._size.base_bytes = self._output.writer.close()
            if self._behind is not None:
                self._behind.finish()
            self._size.tail_bytes = carry_libraries(self._carried, self._sinks.tail)
            self._carry(reader, result)
        except UnsupportedError as error:
            if not self._optional:
                raise
            result.summary.notes.append(f"not possible as {self._sinks.format.value}: {error.message}")
            return
        note_losses(result, self._sinks.format, self._output, self._plan.input, self._plan.target)
        for note in library_notes(self._libraries, self._plan.target, self._plan.input.base):
            if note not in result.summary.notes:
                result.summary.notes.append(note)
        self._size.expired_keys = self._chooser.expired
        result.sizes.append(self._size)

    def _carry(self, reader: TextReader, result: RewriteResult) -> None:
        """Carry what stays commands; what the target does not take is refused, or left out and told.

        Raises:
            UnsupportedError: it does not take some of it.
        """
        plan, target = self._plan, self._plan.target
        asked = plan.options.target is not None and target.name != plan.writer.release.name
        vocabulary = Vocabulary(NAMES[target.name]) if asked else None
        carried = carry_rest(plan.trace, plan.table, reader, self._sinks.tail, vocabulary)
        self._size.tail_bytes += carried.size_bytes
        if not carried.foreign:
            return
        paths = [file.path for file in plan.input.files]
        if not plan.options.drop_unsupported:
            raise foreign_commands(carried, paths, target)
        text = foreign_text(carried, paths, REFUSED_KEPT)
        note = f"left out, for {target.name} does not take them: {text}"
        if note not in result.summary.notes:
            result.summary.notes.append(note)


def creation_time(found: Input, options: RewriteOptions) -> int:
    """Return the time for the new file: that of the old RDB part, so that a rewrite can be repeated."""
    base = found.base
    told = base.aux.get(b"ctime", b"") if base is not None else b""
    if told.isdigit():
        return int(told)
    return int(time.time()) if options.now_ms is None else options.now_ms // 1000
