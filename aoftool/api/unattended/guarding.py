"""Make a log fit for a server that starts on it, with nobody there to be asked; or say why it is not."""

from __future__ import annotations

import os

from aoftool.aof.layout import find_log
from aoftool.aof.model import Log
from aoftool.api.checking import check
from aoftool.api.unattended.within_limit import Chosen, repair_within
from aoftool.check.model import Report, Severity, Verdict
from aoftool.check.result import damage_left
from aoftool.errors import (
    AoftoolError,
    NotPermittedError,
    RefusedError,
    SinkError,
    SourceError,
    UnsupportedError,
    VerifyError,
)
from aoftool.escape import shown_base, shown_path
from aoftool.files.remote.names import is_remote
from aoftool.next_step import next_step
from aoftool.progress import Stage, silent_stage
from aoftool.repair.choice import Choice
from aoftool.repair.forget import forget_repair
from aoftool.repair.guard_model import Guarded, GuardOutcome
from aoftool.repair.keeping import bound_kept, kept_repairs, settle_killed
from aoftool.repair.limit import LossLimit
from aoftool.repair.reading import read_receipt
from aoftool.repair.undo import undo_repair

__all__ = ["guard_log"]

# Without a limit nobody allowed more than plain `fix` takes: a torn end, a transaction that was never run.
_PLAIN = LossLimit()
# Ends that a server cuts by itself, with `aof-load-truncated yes`, when there is no room to keep them.
_TORN = frozenset({Verdict.TORN_TAIL, Verdict.OPEN_MULTI})


def guard_log(
    path: str,
    limit: LossLimit | None = None,
    *,
    keep: int = 5,
    keep_bytes: int = 1 << 30,
    must_exist: bool = False,
    stage: Stage = silent_stage,
) -> Guarded:
    """Check a log before a server starts on it, and repair what may be repaired unasked.

    Args:
        path: as for `find_log`.
        limit: what a repair may lose; None for nothing but a torn end. With a limit, damage inside files is
            repaired too, and the limit holds for torn ends as for all.
        keep: repairs whose originals are kept, at least 1.
        keep_bytes: of them together; the newest is kept whatever its size.
        must_exist: refuse where there is no log at all.

    Raises:
        RefusedError: it is damaged, and no repair stays within the limit; nothing was changed.
        LogInUseError: a process has the log open.
        SourceError, ReadFailedError: it cannot be read.
        SinkError: there is no room for the repair.
        VerifyError: the repaired log is damaged.
    """
    if is_remote(path):
        raise UnsupportedError(
            "no server starts on an object store", path=path, hint="name its data directory"
        )
    found = _log_at(path, must_exist)
    shown = shown_path(path)
    if found is None:
        return Guarded(shown, GuardOutcome.NO_LOG)
    done = Guarded(shown, GuardOutcome.SOUND)
    home = os.path.abspath(found.directory or os.curdir)
    settled = settle_killed(home)
    if settled:
        done.notes += settled
        found = find_log(path)
    with stage("checking", found.size_bytes) as progress:
        report = check(found, progress=progress)
    if report.intact:
        if not report.judged:
            done.notes.append("it holds what no known release writes, which was not judged")
    else:
        _repair(found, report, limit, done, stage)
    done.forgotten += bound_kept(home, keep, keep_bytes)
    done.kept = kept_repairs(home)
    return done


def _log_at(path: str, must_exist: bool) -> Log | None:
    """Return the log, None where there is none: a server that never ran has none."""
    try:
        return find_log(path)
    except NotPermittedError:
        raise
    except SourceError as error:
        gone = not os.path.lexists(path)
        empty = type(error) is SourceError and error.__cause__ is None and os.path.isdir(path)
        if must_exist or not (gone or empty):
            raise
    return None


def _repair(log: Log, report: Report, limit: LossLimit | None, done: Guarded, stage: Stage) -> None:
    chosen = repair_within(log, _choices(log, report, limit), limit or _PLAIN, stage)
    if chosen.plan is None or chosen.plan.empty:
        raise _refusal(log, report, chosen, limit)
    with chosen.plan as planned:
        try:
            receipt = planned.apply()
        except SinkError:
            done.forgotten += bound_kept(os.path.abspath(log.directory or os.curdir), 1, 0)
            try:
                receipt = planned.apply()
            except SinkError as error:
                _leave(report, error, done)
                return
        done.outcome = GuardOutcome.REPAIRED
        done.receipt = receipt.directory
        done.lost_bytes, done.lost_commands = planned.loss
    try:
        left = damage_left(log.path)
        if left:
            message = f"the repaired log is damaged: {left[0][1]} [{left[0][0]}]"
            raise VerifyError(message, path=log.path, hint=next_step("check", log.path))
    except BaseException as error:
        _take_back(receipt.directory, error)
        raise


def _take_back(receipt: str, error: BaseException) -> None:
    """Take back a repair whose result is damaged or cannot be looked at: nobody was told of it."""
    try:
        undo_repair(read_receipt(receipt))
        forget_repair(receipt)
    except AoftoolError:
        if isinstance(error, AoftoolError):
            error.message += (
                f"; the log was repaired before that, and this takes it back: {next_step('undo', receipt)}"
            )


def _choices(log: Log, report: Report, limit: LossLimit | None) -> list[Choice]:
    """Return the repairs to try, from the one that takes out least."""
    found = [Choice()]
    if limit is None:
        return found
    found.append(Choice(salvage=True))
    damaged = {f.path for f in report.findings if f.severity is Severity.DAMAGE}
    last = log.last_file
    if last is not None and damaged == {last.path}:
        good_end = next((row.good_end for row in report.files if row.path == last.path), 0)
        if good_end:
            found.append(Choice(to_offset=(last.path, good_end)))
    return found


def _leave(report: Report, error: SinkError, done: Guarded) -> None:
    """Leave a torn end where it is, to the server, which cuts it; all else needs room to be repaired."""
    if report.verdict not in _TORN or sum(f.severity is Severity.DAMAGE for f in report.findings) != 1:
        raise error
    done.outcome = GuardOutcome.LEFT_TO_SERVER
    done.notes.append(f"no room to keep the torn end ({error.message}): the server is left to cut it")


def _refusal(log: Log, report: Report, chosen: Chosen, limit: LossLimit | None) -> RefusedError:
    damage = next(f for f in report.findings if f.severity is Severity.DAMAGE)
    place = shown_base(damage.path)
    at = "" if damage.start is None else f", offset {damage.start:,}"
    what = f"{damage.message} [{damage.code}] ({place}{at})"
    why = chosen.over_limit or ("; ".join(chosen.left[:2]) if limit is not None else "")
    message = f"not started on a damaged log: {what}" + (f": {why}" if why and why not in what else "")
    return RefusedError(message, path=log.path, hint=report.next_step or next_step("check", log.path))
