"""`aoftool fix`: show what would repair a log, ask, do it, and say how to take it back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aoftool.cli.console import line_console
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, REFUSED, VERDICT, VERIFY
from aoftool.cli.options.moments import find_state, only_moment, typed_moment
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.options.writing import (
    parse_loss,
)
from aoftool.cli.requests.fix import FixRequest
from aoftool.cli.typed import typed_with, was_typed
from aoftool.cli.verb import Application, add_verb
from aoftool.dataclass import dataclass, field, replace
from aoftool.errors import RefusedError, UsageError
from aoftool.files.remote.names import is_remote, refuse_remote
from aoftool.next_step import next_step, parted, told

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.aof.moment import Moment
    from aoftool.api.repairing import RepairPlan
    from aoftool.cli.output_place import OutputPlace
    from aoftool.progress import Progress
    from aoftool.repair.choice import Choice
    from aoftool.repair.limit import LossLimit
    from aoftool.repair.model import Plan
    from aoftool.servers.finding import FoundServer
    from aoftool.servers.load_log import Verified

__all__ = ["register"]

_NOTHING_HERE = "nothing here repairs what is left; a backup may have it"


def register(app: Application) -> None:
    """Add the verb to the application."""
    add_verb(app, fix, FixRequest, VERDICT, REFUSED, VERIFY, NOT_JUDGED)


def fix(asked: FixRequest) -> int:
    """Repair a log, undoably: show the plan, ask, do it, read it back.

    By default only what loses nothing but a torn end: a tail that was not
    written whole, zero bytes and stray bytes at the end, an unfinished
    transaction, torn annotations, damaged framing that can mean one thing
    only, and manifests. The original bytes are kept; `aoftool undo` takes
    everything back.

    \b
    Examples:
      aoftool fix -n
      aoftool fix --yes --max-loss 64k /var/lib/valkey
      aoftool fix --salvage appendonly.aof -o repaired.aof
      aoftool fix --salvage backup.aof.gz -o repaired.aof
      aoftool fix --to before:FLUSHALL
      aoftool fix --drop appendonly.aof.3.incr.aof:8276
      aoftool fix --salvage s3://backups/node-7 -o s3://backups/mended
    """
    from aoftool.cli.output_place import output_place

    make_redactor(asked.redact, asked.salt)
    with output_place(asked.out if not asked.dry_run else None, force=asked.force) as place:
        return _fix(asked, place)


def _fix(asked: FixRequest, place: OutputPlace) -> int:
    from aoftool.api.repairing import planned_repair
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter
    from aoftool.report.plan import render_plan

    make_redactor(asked.redact, asked.salt)
    if asked.out is None and not asked.dry_run:
        refuse_remote(asked.path, "repaired in place", typed_with("", asked.path, "-o OUT"))
    given = asked.out
    asked = replace(asked, out=given if asked.dry_run else place.local)
    log = find_input(asked.path)
    choice = _choice(asked, log)
    if asked.server is not None and not asked.verify:
        raise UsageError("--server names the server of --verify", hint="add --verify")
    limit = None if asked.max_loss is None else parse_loss(asked.max_loss, "--max-loss")
    console = line_console(asked.color)
    with planned_repair(
        log,
        choice,
        out=asked.out,
        in_place=asked.out is None and not asked.dry_run,
        stage=lambda name, total: ProgressReporter(name, total, asked.progress, asked.quiet),
    ) as planned:
        plan = planned.plan
        if not asked.as_json:
            render_plan(console, plan, in_place=asked.out is None)
        # Before anything is changed: there may be no server that may judge this log.
        loads = asked.verify and not (asked.dry_run and not plan.empty)
        judge = _judge(planned.log, asked.server) if loads else None
        done = _Done(asked.dry_run or (plan.empty and asked.out is None))
        if not done.idle:
            _refuse_loss(plan, limit)
            if not asked.yes:
                _ask(asked.as_json, typed_with(log.path, asked.path, "--yes"))
            _carry_out(planned, asked, done)
        line = _next_line(planned, log, asked, done)
    if judge is not None:
        done.verified = _verified(judge, asked.out or log.path, done)
    if done.written:
        place.publish(_written_bytes(plan), asked.progress, asked.quiet)
    done.written = [place.shown(path) for path in done.written]
    homes = (planned.log.directory or "", log.directory or "")
    _show(plan, asked, done, None if line is None else place.shown(line), homes)
    if plan.left or (asked.dry_run and not plan.empty):
        return VERDICT
    return NOT_JUDGED if plan.not_judged else DONE


@dataclass
class _Done:
    """What became of a plan.

    Attributes:
        idle: nothing was to be done.
        receipt: the folder of it; None where nothing was changed in place.
        damaged: the result has damage that the plan does not tell.
        written: the files that were written elsewhere.
    """

    idle: bool
    receipt: str | None = None
    damaged: bool = False
    written: list[str] = field(default_factory=list)
    verified: Verified | None = None


def _show(plan: Plan, asked: FixRequest, done: _Done, line: str | None, homes: tuple[str, str]) -> None:
    """Show what was done.

    Args:
        homes: the folder that the plan was made in, and that of the log, another one where that is copied.
    """
    from aoftool.report.jsonout import print_json
    from aoftool.report.plan import plan_json, render_done

    kept = None if done.receipt is None else _room_of(done.receipt)
    if asked.as_json:
        shown = plan_json(
            plan, applied=not done.idle, receipt=done.receipt, written=done.written, kept_bytes=kept
        )
        if is_remote(homes[1]):
            shown = _renamed(shown, *homes)
        verified = None if done.verified is None else done.verified.to_dict()
        print_json({**shown, **parted(line), "verification": verified})
        return
    if not done.idle:
        receipt = None if done.receipt is None else {"directory": done.receipt, "kept_bytes": kept}
        render_done(line_console(asked.color), receipt, done.written)
    elif asked.dry_run and not (plan.empty and asked.out is None):
        print("nothing was changed")
    for words in told(line):
        print(words)
    if done.verified is not None:
        print(done.verified.text)


def _renamed(found: Any, old: str, new: str) -> Any:
    """Return JSON members with another folder in every path."""
    if isinstance(found, dict):
        return {name: _renamed(member, old, new) for name, member in found.items()}
    if isinstance(found, list):
        return [_renamed(member, old, new) for member in found]
    return found.replace(old, new) if isinstance(found, str) and old else found


def _choice(asked: FixRequest, log: Log) -> Choice:
    from aoftool.repair.choice import AfterGap, Choice

    choice = Choice(
        salvage=asked.salvage,
        after_gap=AfterGap(asked.after_gap.value),
        drop_duplicates=asked.drop_duplicates,
        keep_unknown=asked.keep_unknown,
        allow_empty=asked.allow_empty,
    )
    choice = _with_moment(choice, only_moment(asked.to, "--to"), log)
    return _with_drops(choice, asked.drop or [], asked.drop_command, asked.match)


def _with_moment(choice: Choice, moment: Moment | None, log: Log) -> Choice:
    """Return a choice that ends the log at a moment."""
    from aoftool.aof.moment import MomentKind

    if moment is None:
        return choice
    if moment.kind is MomentKind.COMMAND:
        return replace(choice, before=moment.name, nth=moment.number or None)
    found = find_state(moment, log, "--to")
    return replace(choice, to_offset=found.place, to_timestamp=found.time_s)


def _with_drops(choice: Choice, places: list[str], name: str | None, match: str | None) -> Choice:
    from aoftool.escape import unprintable
    from aoftool.pattern import typed_pattern

    if match is not None and name is None:
        raise UsageError("--match needs --drop-command")
    if choice.point_in_time and (places or name is not None):
        raise UsageError(
            "going back to a moment and taking commands out are two repairs; do one after the other"
        )
    return replace(
        choice,
        drop_at=tuple(_place(place, "--drop") for place in places),
        drop_command=None if name is None else unprintable(name),
        match=None if match is None else typed_pattern(match),
    )


def _place(text: str, option: str) -> tuple[str, int]:
    moment = typed_moment(text, option)
    if not moment.file:
        raise UsageError(f"{option} takes FILE:OFFSET, such as appendonly.aof:1024")
    return moment.file, moment.number


def _refuse_loss(plan: Plan, limit: LossLimit | None) -> None:
    exceeded = None if limit is None else limit.exceeded(plan.loss)
    if exceeded is not None:
        raise RefusedError(exceeded, hint="look at the plan with --dry-run")


def _next_line(planned: RepairPlan, log: Log, asked: FixRequest, done: _Done) -> str | None:
    """Return what to type next: with more options, without --dry-run, to take it back; None for nothing."""
    plan, out = planned.plan, asked.out
    more = [option for option in plan.left_options if not was_typed(option)]
    if more:
        # What is repaired already need not be read again.
        if out is not None and not asked.dry_run:
            return next_step("fix", out, "--dry-run", *more)
        return typed_with(log.path, asked.path, *more, dry_run=True)
    if done.damaged and done.receipt is not None:
        return next_step("undo", done.receipt)
    if asked.dry_run and (out is not None or not plan.empty):
        # With JSON it cannot ask before it changes anything.
        told = [] if not asked.as_json or was_typed("--yes") else ["--yes"]
        is_packed = planned.log is not log
        return typed_with(log.path, asked.path, *(["-o OUT"] if is_packed and out is None else []), *told)
    return _NOTHING_HERE if plan.left else None


def _ask(as_json: bool, line: str) -> None:
    if as_json or not sys.stdin.isatty():
        raise RefusedError(
            "nothing was changed: this asks first, and nobody can answer here",
            hint=line,
        )
    print("Carry this out? [y/N] ", end="", file=sys.stderr, flush=True)
    try:
        answer = sys.stdin.readline().strip().lower()
    except KeyboardInterrupt:
        print("\naoftool: not carried out; nothing was changed", file=sys.stderr)
        raise
    if answer not in ("y", "yes"):
        raise RefusedError("not carried out; nothing was changed")


def _room_of(receipt: str) -> int:
    from aoftool.repair.forget import room_of

    return room_of(receipt)


def _written_bytes(plan: Plan) -> int:
    from aoftool.repair.model import Method

    anew = (Method.REWRITE, Method.CREATE)
    return sum(file.size_after for file in plan.files if file.method in anew)


def _carry_out(planned: RepairPlan, asked: FixRequest, done: _Done) -> None:
    """Do what is planned, and look at what came of it."""
    from aoftool.cli.progress import ProgressReporter

    plan, out = planned.plan, asked.out
    size = _written_bytes(plan)
    with ProgressReporter("writing", size, asked.progress, asked.quiet) as reporter:
        if out is not None:
            done.written = planned.write(force=asked.force, progress=reporter)
        else:
            risks = {"in_use": asked.in_use, "new_owner": asked.new_owner}
            done.receipt = planned.apply(**risks, progress=reporter).directory
    with _taken_back(done), ProgressReporter("checking", size, asked.progress, asked.quiet) as reporter:
        found = _damage_left(plan, out, asked.as_json, reporter)
    plan.left += found
    done.damaged = any(code not in _foretold(plan) for code, _ in found)


def _foretold(plan: Plan) -> frozenset[str]:
    """Return codes of damage that the plan itself leaves: who goes on without a base has none."""
    return frozenset({"no-base"}) if plan.goes_without else frozenset()


def _damage_left(plan: Plan, out: str | None, as_json: bool, progress: Progress) -> list[tuple[str, str]]:
    """Return what is damaged in the result that the plan does not say.

    Of a mere cut it says everything, unless nothing is left of a file.
    """
    from aoftool.api.machine import worker_count
    from aoftool.check.result import damage_left
    from aoftool.repair.model import Method

    if out is None and all(file.method is Method.CUT and file.size_after for file in plan.files):
        return []
    told = {code for code, _ in plan.left}
    left = damage_left(out or plan.path, progress, worker_count())
    found = [(code, text) for code, text in left if code not in told]
    for code, text in [] if as_json else found:
        print(f"left: {text} [{code}]", file=sys.stderr)
    return found


def _judge(log: Log, given: str | None) -> FoundServer:
    """Return the server that may say whether the repaired log loads."""
    from aoftool.servers.load_log import judge_of

    return judge_of(log, given)


def _verified(judge: FoundServer, path: str, done: _Done) -> Verified:
    """Load what there is now; take back what was done when it does not load."""
    from aoftool.servers.load_log import verify_log

    with _taken_back(done):
        return verify_log(path, judge)


@contextmanager
def _taken_back(done: _Done) -> Iterator[None]:
    """Take back what was done where looking at it fails, or is interrupted: nobody was told of it."""
    try:
        yield
    except BaseException as error:
        from aoftool.errors import VerifyError
        from aoftool.repair.undo import take_back

        words = take_back(done.receipt, done.written)
        if isinstance(error, VerifyError | RefusedError):
            error.hint = words or error.hint
        raise
