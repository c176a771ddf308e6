"""Write the smallest log with the same data, in a place of its own or in place; or only count it."""

from __future__ import annotations

import os
from enum import Enum
from typing import TYPE_CHECKING

from aoftool.aof.model import Log, LogKind
from aoftool.aof.moment import Moment
from aoftool.api.moments import cut_at
from aoftool.dataclass import dataclass, replace
from aoftool.errors import SourceError
from aoftool.files.held import release_files
from aoftool.progress import Progress, no_progress
from aoftool.rewrite.ask.rivalry import dispute_notes, refuse_disputed
from aoftool.rewrite.model import Layout, RewriteOptions, RewriteResult
from aoftool.rewrite.planner import RewritePlan, plan_rewrite, refuse_torn, with_plan
from aoftool.rewrite.runner import Sinks, count_rewrite, write_rewrite

# What only some endings need is imported where they begin: a rewrite that counts needs no repair.
if TYPE_CHECKING:
    from aoftool.rewrite.comparing import Comparison
    from aoftool.rewrite.model import OutputFile
    from aoftool.rewrite.shares.plan import BoundedPlan
    from aoftool.servers.finding import FoundServer

__all__ = [
    "Ending",
    "Where",
    "comparison_of",
    "layout_of",
    "rewrite",
    "rewriting_server",
    "run_rewrite",
    "with_databases",
]


class Ending(Enum):
    """What is made of a plan: an estimate, the exact sizes, a new log beside, the log itself anew."""

    QUICK = "quick"
    COUNT = "dry-run"
    BESIDE = "beside"
    IN_PLACE = "in-place"


@dataclass(frozen=True, slots=True)
class Where:
    """Where a rewrite goes.

    Attributes:
        out: the place of its own, for `Ending.BESIDE`.
        force: replace an existing file.
        in_use: in place, go on although a process has the log open.
        new_owner: in place, go on although new files cannot have the owner of the old ones.
    """

    ending: Ending
    out: str | None = None
    force: bool = False
    in_use: bool = False
    new_owner: bool = False


def rewrite(
    log: Log,
    out: str | os.PathLike[str] | None = None,
    options: RewriteOptions | None = None,
    *,
    at: Moment | str | None = None,
    force: bool = False,
    progress: Progress = no_progress,
) -> RewriteResult:
    """Write the smallest log with the same data, and return what was written.

    The log itself stays as it is.

    Args:
        out: a file for the single layout, a directory that does not exist for the multi-part one. Without
            it nothing is written: `sizes` tells what it would take, to the byte, in each format.
        options: what is written, and how; by default all of it, in the layout of the log, for the release
            that wrote it.
        at: the moment whose data are written, in place of the `cut` of the options; the end by default.
        force: replace an existing file.
        progress: called with the bytes done since its last call, from any thread.

    Raises:
        InputError: the log is damaged or incomplete; the hint says what to type.
        UnsupportedError: its outcome cannot be known, or the target cannot hold it.
        UsageError: the options ask for something that is not there.
        OutputExistsError: the output is there.
        SinkError: the system refuses; nothing is left of the output.
        VerifyError: what was written does not read back; nothing is left of it.
    """
    place = None if out is None else os.fspath(out)
    where = Where(Ending.COUNT if place is None else Ending.BESIDE, place, force)
    options = options or RewriteOptions(layout=layout_of(log))
    if at is not None:
        options = replace(options, cut=cut_at(at, log))
    return run_rewrite(log, options, where, progress)[0]


def layout_of(log: Log) -> Layout:
    """Return the layout that a log has."""
    return Layout.MULTI_PART if log.kind is LogKind.MULTI_PART else Layout.SINGLE


def run_rewrite(
    log: Log, options: RewriteOptions, where: Where, progress: Progress = no_progress
) -> tuple[RewriteResult, str | None]:
    """Rewrite a log; the second is the folder of the receipt of a rewrite in place.

    Raises:
        as `rewrite`, and in place as `aoftool.rewrite.write.in_place.rewrite_in_place`.
    """
    run = _Run(log, where, progress)
    try:
        return _result(run, log, options, where, progress), run.receipt
    except BaseException as error:
        run.take_back()
        if not isinstance(error, SourceError):
            raise
        if where.ending is Ending.IN_PLACE and isinstance(error.__cause__, FileNotFoundError):
            from aoftool.rewrite.write.in_place import gone_meanwhile

            raise gone_meanwhile(log, error.path or log.path) from error
        raise


def _result(run: _Run, log: Log, options: RewriteOptions, where: Where, progress: Progress) -> RewriteResult:
    """Rewrite in shares where that is asked for and can be, else in one."""
    note = ""
    if where.ending is not Ending.QUICK and (options.memory_limit_bytes is not None or options.jobs > 1):
        from aoftool.rewrite.shares.plan import with_shares

        found = with_shares(log, options, run.act, progress)
        if isinstance(found, RewriteResult):
            return found
        note = found
        if not note:
            options = replace(options, memory_limit_bytes=None)
    result = with_plan(log, options, run.act, progress)
    if note:
        result.summary.notes.append(note)
    return result


class _Run:
    """Carry a plan out, whichever it is; a plan may have to be made again, and starts from nothing then."""

    def __init__(self, log: Log, where: Where, progress: Progress) -> None:
        self._log, self._where, self._progress = log, where, progress
        self.receipt: str | None = None
        self._written: list[OutputFile] = []
        if where.ending is Ending.IN_PLACE:
            from aoftool.repair.inuse import refuse_files_in_use
            from aoftool.rewrite.write.in_place import stamps_of

            # Before anything is read, and asked once more when all is ready.
            self._before = stamps_of(log)
            if not where.in_use:
                refuse_files_in_use(self._before)

    def act(self, plan: RewritePlan | BoundedPlan) -> RewriteResult:
        where = self._where
        refuse_torn(plan, self._log)
        if isinstance(plan, RewritePlan) and where.ending is Ending.QUICK:
            from aoftool.rewrite.ask.estimate import estimated

            return estimated(plan)
        if where.ending is Ending.COUNT:
            plan.summary.notes += dispute_notes(plan, self._progress)
            return count_rewrite(lambda sinks: self._write(plan, sinks, optional=True))
        refuse_disputed(plan, self._progress)
        if where.out is not None:
            from aoftool.rewrite.write.placing import write_new

            result = write_new(
                plan, self._log, where.out, lambda sinks: self._write(plan, sinks), force=where.force
            )
            self._written = result.files
            return result
        from aoftool.rewrite.write.in_place import rewrite_in_place

        result, made = rewrite_in_place(
            plan,
            self._log,
            self._before,
            lambda sinks: self._write(plan, sinks),
            in_use=where.in_use,
            new_owner=where.new_owner,
        )
        release_files(file.path for file in self._log.files)  # the names are of other files now
        self.receipt = made.directory
        return result

    def take_back(self) -> None:
        """Remove what was written, or put the log back: whoever asked was not told that it is done."""
        if self.receipt is not None:
            from aoftool.repair.reading import read_receipt
            from aoftool.repair.undo import undo_repair

            undo_repair(read_receipt(self.receipt))
        elif self._written:
            from aoftool.rewrite.write.outputs import remove_output

            remove_output(self._written)

    def _write(
        self, plan: RewritePlan | BoundedPlan, sinks: list[Sinks], *, optional: bool = False
    ) -> RewriteResult:
        if isinstance(plan, RewritePlan):
            return write_rewrite(plan, sinks, self._progress, optional=optional)
        beside = self._log.path if self._where.ending is Ending.IN_PLACE else self._where.out
        return plan.write(sinks, self._progress, out=beside, optional=optional)


def with_databases(options: RewriteOptions, log: Log) -> RewriteOptions:
    """Let a server have as many databases as the log needs."""
    from aoftool.aof.numbers import highest_database
    from aoftool.databases import databases_for

    highest = 0 if log.kind is LogKind.STDIN else highest_database(log)
    return replace(options, databases=databases_for(highest))


def rewriting_server(log: Log, given: str | None) -> FoundServer:
    """Return the server that shall rewrite a log: of the release that wrote it, and able to write a set."""
    from aoftool.replay.log_writer import writer_of_log
    from aoftool.servers.choosing import choose_server, needed_for

    return choose_server(needed_for(writer_of_log(log), sets=True), given)


def comparison_of(
    log: Log, options: RewriteOptions, worker: FoundServer | None, given: str | None
) -> Comparison:
    """Load the log on a server; what the target of the rewrite does not keep is left out of account."""
    from aoftool.releases import find_releases, release_named
    from aoftool.rewrite.comparing import Comparison
    from aoftool.servers.choosing import choose_server, needed_for, needs_sets

    if worker is not None:
        return Comparison(log, options.databases, worker)
    with plan_rewrite(log, options) as plan:
        target, count, writer = plan.target, plan.options.databases, plan.summary.writer
    assert writer is not None
    sets = needs_sets(log) or options.layout is Layout.MULTI_PART
    targets = find_releases(options.target) if options.target else (release_named(target.name),)
    server = choose_server(needed_for(writer, sets=sets, targets=targets), given)
    return Comparison(log, count, server, target, writer)
