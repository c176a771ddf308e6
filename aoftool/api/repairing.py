"""Plan a repair, and carry it out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from aoftool.aof.layout import find_log
from aoftool.aof.model import Log
from aoftool.api.machine import worker_count
from aoftool.databases import DEFAULT_DATABASES
from aoftool.errors import RefusedError, SourceError, UsageError
from aoftool.files.held import release_files
from aoftool.next_step import next_step
from aoftool.progress import Progress, Stage, no_progress, silent_stage
from aoftool.repair.choice import AfterGap, Choice
from aoftool.repair.model import Plan
from aoftool.repair.planner import make_plan
from aoftool.repair.unpacked import unpacked_log

if TYPE_CHECKING:
    from aoftool.repair.receipt import Receipt

__all__ = ["RepairPlan", "plan_repair", "planned_repair"]


class RepairPlan:
    """What a repair will do to which bytes; nothing is changed before `apply` or `write`.

    Of a compressed log and of standard input it holds a plain copy until it is closed, so use it in `with`.

    Attributes:
        plan: the files, the edits of each, and what is `left` that this repair does not mend.
        log: the log it was made of: the plain copy, where there is one.
    """

    def __init__(self, plan: Plan, log: Log, out: str | None, copies: ExitStack) -> None:
        self.plan, self.log = plan, log
        self._out, self._copies = out, copies

    def __enter__(self) -> RepairPlan:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the copy, if there is one."""
        self._copies.close()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return self.plan.empty

    @property
    def lossless(self) -> bool:
        """Whether nothing that a server would have run is taken out."""
        return self.plan.lossless

    @property
    def loss(self) -> tuple[int, int]:
        """Bytes and whole commands that are taken out and were not mere framing or copies."""
        return self.plan.loss

    @property
    def left(self) -> list[tuple[str, str]]:
        """Code and sentence of what this repair does not mend."""
        return list(self.plan.left)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON members, as `aoftool fix --dry-run --json` shows it."""
        return self.plan.to_dict()

    def apply(
        self, *, in_use: bool = False, new_owner: bool = False, progress: Progress = no_progress
    ) -> Receipt:
        """Carry the plan out in place and return the receipt, which `undo` takes.

        What is taken out is kept beside the log. A kill at any moment leaves the old log or the new one.

        Args:
            in_use: go on although a process has the log open.
            new_owner: go on although new files cannot have the owner of the old ones.
            progress: called with the bytes of new files written since its last call.

        Raises:
            UsageError: there is nothing to do, or the plan is for another place.
            LogInUseError: a process has the log open, or another run changes it.
            PlanStaleError: a file changed since the plan was made.
            RefusedError: new files cannot have the owner of the old ones.
            SinkError, VerifyError: it could not be written whole; the log is as it was.
        """
        from aoftool.repair.apply import apply_plan

        if self._out is not None:
            raise UsageError("this plan writes to another place", hint="use write()")
        if self.empty:
            raise UsageError("there is nothing to do", hint="look at `empty` first")
        # What was planned is compared with what lies there now, and read from there afterwards.
        release_files(file.path for file in self.log.files)
        with _at_rest(self.log):
            return apply_plan(self.plan, in_use=in_use, new_owner=new_owner, progress=progress)

    def write(self, *, force: bool = False, progress: Progress = no_progress) -> list[str]:
        """Write the repaired log to the place it was planned for, and return the paths written.

        Args:
            force: replace an existing file.
            progress: called with the bytes written since its last call.

        Raises:
            UsageError: the plan is for the log itself.
            OutputExistsError: the output is there.
            PlanStaleError: a file changed since the plan was made.
            RefusedError: the output is the input.
            SinkError, VerifyError: it could not be written whole; nothing is left of it.
        """
        from aoftool.repair.elsewhere import write_elsewhere

        if self._out is None:
            raise UsageError("this plan changes the log itself", hint="give plan_repair an `out`")
        return write_elsewhere(self.plan, self._out, force=force, progress=progress)


def plan_repair(
    log: Log,
    *,
    salvage: bool = False,
    after_gap: AfterGap | str = AfterGap.AUTO,
    drop_duplicates: bool = False,
    keep_unknown: bool = False,
    allow_empty: bool = False,
    drop_at: Sequence[tuple[str, int]] = (),
    databases: int = DEFAULT_DATABASES,
    out: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    progress: Progress = no_progress,
) -> RepairPlan:
    """Return the plan that repairs a log; reads, and changes nothing.

    By default it loses nothing but a torn end.

    Args:
        salvage: repair damage in the middle of files too.
        after_gap: what to do with commands behind a gap whose database is in doubt: `auto`, `assume`,
            `skip-to-select` or `stop`.
        drop_duplicates: take out blocks that stand there twice in a row.
        keep_unknown: leave unknown names even where they are damaged.
        allow_empty: make an empty set where files are missing and those that are there hold nothing.
        drop_at: file name and offset of commands to take out.
        databases: the `databases` setting of the server that will load the log.
        out: where the repaired log shall go; in place by default.
        workers: threads; the plan does not depend on it. By default one a processor.
        progress: called with the bytes done since its last call, from any thread.

    Raises:
        UnsupportedError: standard input or a compressed file is to be repaired in place.
        UsageError: nothing stands where something is to be taken out.
        SourceError: a file of the log cannot be read.
        SinkError: there is no room for a plain copy.
    """
    choice = Choice(
        salvage=salvage,
        after_gap=AfterGap(after_gap),
        drop_duplicates=drop_duplicates,
        keep_unknown=keep_unknown,
        allow_empty=allow_empty,
        drop_at=tuple(drop_at),
        databases=databases,
    )
    return planned_repair(
        log,
        choice,
        out=out,
        in_place=out is None,
        workers=workers,
        stage=lambda name, total: nullcontext(progress),
    )


@contextmanager
def _at_rest(log: Log) -> Iterator[None]:
    """Tell a file that a server replaced while the log was read from one that is missing."""
    try:
        yield
    except SourceError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            _refuse_moved(log)
        raise


def _refuse_moved(log: Log) -> None:
    """Refuse a log that by now is made of other files than those that were read."""
    if [file.path for file in find_log(log.path).files] != [file.path for file in log.files]:
        raise RefusedError(
            "a server rewrites this log while it is read: stop it before the log is changed",
            path=log.path,
            hint=next_step("fix", log.path, "-o OUT"),
        )


def planned_repair(
    log: Log,
    choice: Choice,
    *,
    out: str | os.PathLike[str] | None = None,
    in_place: bool = True,
    workers: int | None = None,
    stage: Stage = silent_stage,
) -> RepairPlan:
    """Return the plan for a choice.

    Args:
        in_place: the log is to be changed, so one that nothing can take the place of is refused.
        stage: gives the progress of a stage of the work.
    """
    place = None if out is None else os.fspath(out)
    with ExitStack() as copies, _at_rest(log):
        with stage("unpacking", log.size_bytes) as progress:
            unpacked = copies.enter_context(unpacked_log(log, place, progress, in_place=in_place))
        with stage("planning", unpacked.log.size_bytes) as progress:
            plan = make_plan(
                unpacked.log, choice, progress, in_place=place is None, workers=worker_count(workers)
            )
        if any(code == "read-error" for code, _ in plan.left):
            _refuse_moved(log)
        plan.left += unpacked.left
        if unpacked.left:
            plan.left_options += ("-o OUT",)
        return RepairPlan(plan, unpacked.log, place, copies.pop_all())
