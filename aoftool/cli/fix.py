"""`aoftool fix`: show what would repair a log, ask, do it, and say how to take it back."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from aoftool.cli.console import Color, results_console
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, REFUSED, VERDICT, VERIFY, epilog
from aoftool.cli.log_span import absolute_time
from aoftool.cli.machine import worker_count
from aoftool.cli.options import (
    ColorOption,
    JsonOption,
    PathArgument,
    ProgressMode,
    ProgressOption,
    QuietOption,
)
from aoftool.cli.places import is_number
from aoftool.cli.redaction import RedactOption, SaltOption, make_redactor
from aoftool.cli.typed import again, was_typed
from aoftool.cli.writing_options import (
    HOW_PANEL,
    MOMENT_PANEL,
    BeforeOption,
    DryRunOption,
    ForceOption,
    InUseOption,
    NewOwnerOption,
    OutOption,
    Risks,
    ServerOption,
    ToOffsetOption,
    ToTimestampOption,
    parse_size,
    refuse_two_moments,
    whole_seconds,
)
from aoftool.errors import RefusedError, UsageError
from aoftool.next_step import next_step

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.progress import Progress
    from aoftool.repair.model import Choice, Plan
    from aoftool.repair.unpacked import Unpacked
    from aoftool.repair.verify import Verified
    from aoftool.servers.finding import FoundServer

__all__ = ["register"]

_WHAT = "What to repair"
_TAKE_OUT = "Take commands out"


class AfterGapOption(str, Enum):
    """What to do with commands behind a gap whose database is in doubt."""

    auto = "auto"
    assume = "assume"
    skip = "skip-to-select"
    stop = "stop"


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command(epilog=epilog(VERDICT, REFUSED, VERIFY, NOT_JUDGED))(fix)


def fix(
    path: PathArgument = None,
    salvage: Annotated[
        bool, typer.Option("--salvage", help="Repair damage in the middle too.", rich_help_panel=_WHAT)
    ] = False,
    after_gap: Annotated[
        AfterGapOption,
        typer.Option(
            "--after-gap",
            help="When the database behind a gap is in doubt: assume the one before, skip to the next SELECT,"
            " stop there. auto assumes where the log uses one database or no SELECT can be lost, else skips.",
            rich_help_panel=_WHAT,
        ),
    ] = AfterGapOption.auto,
    drop_duplicates: Annotated[
        bool,
        typer.Option(
            "--drop-duplicates",
            help="Take out blocks that stand there twice in a row.",
            rich_help_panel=_WHAT,
        ),
    ] = False,
    keep_unknown: Annotated[
        bool,
        typer.Option(
            "--keep-unknown",
            help="Leave unknown names even where they are damaged; others stay anyway.",
            rich_help_panel=_WHAT,
        ),
    ] = False,
    to_timestamp: ToTimestampOption = None,
    to_offset: ToOffsetOption = None,
    before: BeforeOption = None,
    nth: Annotated[
        int | None,
        typer.Option("--nth", min=1, help="With --before: which of them.", rich_help_panel=MOMENT_PANEL),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(
            "--drop",
            metavar="FILE:OFFSET",
            help="Take out the command that starts there.",
            rich_help_panel=_TAKE_OUT,
        ),
    ] = None,
    drop_command: Annotated[
        str | None,
        typer.Option(
            "--drop-command",
            metavar="NAME",
            help="Take out all commands of a name.",
            rich_help_panel=_TAKE_OUT,
        ),
    ] = None,
    match: Annotated[
        str | None,
        typer.Option(
            "--match",
            metavar="KEY",
            help="With --drop-command: only for keys like this.",
            rich_help_panel=_TAKE_OUT,
        ),
    ] = None,
    out: OutOption = None,
    force: ForceOption = False,
    dry_run: DryRunOption = False,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.", rich_help_panel=HOW_PANEL)] = False,
    max_loss: Annotated[
        str | None,
        typer.Option(
            "--max-loss",
            metavar="BYTES|COMMANDS",
            help="Refuse to lose more: 4096, 64k, or 10c for ten commands.",
            rich_help_panel=HOW_PANEL,
        ),
    ] = None,
    in_use: InUseOption = False,
    new_owner: NewOwnerOption = False,
    redact: RedactOption = None,
    salt: SaltOption = None,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Load the result on a real server.", rich_help_panel=HOW_PANEL),
    ] = False,
    server: ServerOption = None,
    as_json: JsonOption = False,
    color: ColorOption = Color.auto,
    quiet: QuietOption = False,
    progress: ProgressOption = ProgressMode.auto,
) -> None:
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
      aoftool fix --before FLUSHALL
      aoftool fix --drop appendonly.aof.3.incr.aof:8276
    """
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter
    from aoftool.repair.forget import room_of
    from aoftool.repair.planner import make_plan
    from aoftool.report.jsonout import print_json
    from aoftool.report.plan import plan_json, render_plan

    make_redactor(redact, salt)
    log = find_input(path, hold=dry_run or out is not None)
    to_timestamp = absolute_time(to_timestamp, log, "--to-timestamp")
    choice = _choice(salvage, after_gap, drop_duplicates, keep_unknown, to_timestamp, to_offset, before, nth)
    choice = _with_drops(choice, drop or [], drop_command, match)
    if server is not None and not verify:
        raise UsageError("--server names the server of --verify", hint="add --verify")
    limit = None if max_loss is None else _loss_limit(max_loss)
    console = results_console(color)
    with ExitStack() as copies:
        unpacked = copies.enter_context(
            _unpacked(log, out, progress, quiet, in_place=out is None and not dry_run)
        )
        with ProgressReporter("planning", unpacked.log.size_bytes, progress, quiet) as reporter:
            plan = make_plan(unpacked.log, choice, reporter, in_place=out is None, workers=worker_count())
        plan.left += unpacked.left
        if unpacked.left:
            plan.left_options += ("-o OUT",)
        if not as_json:
            render_plan(console, plan, in_place=out is None)
        idle = plan.empty and out is None
        # Before anything is changed: there may be no server that may judge this log.
        loads = verify and not (dry_run and not plan.empty)
        judge = _judge(unpacked.log, server) if loads else None
        if not idle and not dry_run:
            _refuse_loss(plan, limit)
            if not yes:
                _ask(as_json, again(log.path, path, "--yes"))
        receipt, written = None, list[str]()
        if not idle and not dry_run:
            with ProgressReporter("writing", _written_bytes(plan), progress, quiet) as reporter:
                receipt, written = _carry_out(plan, out, force, Risks(in_use, new_owner), reporter)
            plan.left += _damage_left(plan, out, as_json)
    verified = None if judge is None else _verified(judge, out or log.path, receipt, written)
    kept = None if receipt is None else room_of(receipt)
    packed = unpacked.log is not log
    line = _next_line(plan, log, path, out, dry_run=dry_run, packed=packed, asks=not as_json)
    if as_json:
        applied = not (idle or dry_run)
        shown = plan_json(plan, applied=applied, receipt=receipt, written=written, kept_bytes=kept)
        print_json({**shown, "next": line, "verification": None if verified is None else verified.to_dict()})
    elif not (idle or dry_run):
        from aoftool.report.plan import render_done

        render_done(console, None if receipt is None else {"directory": receipt, "kept_bytes": kept}, written)
    elif dry_run and not idle:
        print("nothing was changed")
    if not as_json and (line is not None or plan.left):
        print(f"next: {line or 'nothing here repairs what is left; a backup may have it'}")
    if verified is not None and not as_json:
        print(verified.text)
    open_work = plan.left or (dry_run and not plan.empty)
    if open_work:
        raise typer.Exit(VERDICT)
    raise typer.Exit(NOT_JUDGED if plan.not_judged else DONE)


def _choice(
    salvage: bool,
    after_gap: AfterGapOption,
    drop_duplicates: bool,
    keep_unknown: bool,
    to_timestamp: str | None,
    to_offset: str | None,
    before: str | None,
    nth: int | None,
) -> Choice:
    from aoftool.escape import unprintable
    from aoftool.repair.model import AfterGap, Choice

    refuse_two_moments(to_timestamp, to_offset, before)
    if nth is not None and before is None:
        raise UsageError("--nth needs --before")
    return Choice(
        salvage=salvage,
        after_gap=AfterGap(after_gap.value),
        drop_duplicates=drop_duplicates,
        keep_unknown=keep_unknown,
        to_timestamp=whole_seconds(to_timestamp),
        to_offset=None if to_offset is None else _place(to_offset, "--to-offset"),
        before=None if before is None else unprintable(before),
        nth=nth,
    )


def _with_drops(choice: Choice, places: list[str], name: str | None, match: str | None) -> Choice:
    from dataclasses import replace

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
    name, colon, digits = text.rpartition(":")
    if not colon or not name or not is_number(digits):
        raise UsageError(f"{option} takes FILE:OFFSET, such as appendonly.aof:1024")
    return name, int(digits)


def _loss_limit(text: str) -> tuple[str, int]:
    """Return ("bytes", n) or ("commands", n)."""
    match = re.fullmatch(r"(\d+)\s*c(?:ommands?)?", text.strip())
    if match is not None:
        return "commands", int(match[1])
    return "bytes", parse_size(text, "--max-loss", "bytes (4096, 64k, 2M) or commands (10c)")


def _refuse_loss(plan: Plan, limit: tuple[str, int] | None) -> None:
    if limit is None:
        return
    lost_bytes, lost_commands = plan.loss
    unit, most = limit
    lost = lost_bytes if unit == "bytes" else lost_commands
    if lost > most:
        raise RefusedError(
            f"this would lose {lost:,} {unit}, more than the {most:,} allowed",
            hint="look at the plan with --dry-run",
        )


def _next_line(
    plan: Plan, log: Log, path: str | None, out: str | None, *, dry_run: bool, packed: bool, asks: bool
) -> str | None:
    """Return what to type next: with more options, or without --dry-run; None for nothing.

    Args:
        asks: it can ask before it changes anything.
    """
    more = [option for option in plan.left_options if not was_typed(option)]
    if more:
        # What is repaired already need not be read again.
        done = out if out is not None and not dry_run else None
        if done is not None:
            return next_step("fix", done, "--dry-run", *more)
        return again(log.path, path, *more, dry_run=True)
    if dry_run and (out is not None or not plan.empty):
        told = [] if asks or was_typed("--yes") else ["--yes"]
        return again(log.path, path, *(["-o OUT"] if packed and out is None else []), *told)
    return None


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


@contextmanager
def _unpacked(
    log: Log, out: str | None, mode: ProgressMode, quiet: bool, *, in_place: bool
) -> Iterator[Unpacked]:
    from aoftool.cli.progress import ProgressReporter
    from aoftool.repair.unpacked import unpacked_log

    with ExitStack() as copies:
        with ProgressReporter("unpacking", log.size_bytes, mode, quiet) as reporter:
            found = copies.enter_context(unpacked_log(log, out, reporter, in_place=in_place))
        yield found


def _written_bytes(plan: Plan) -> int:
    from aoftool.repair.model import Method

    anew = (Method.REWRITE, Method.CREATE)
    return sum(file.size_after for file in plan.files if file.method in anew)


def _carry_out(
    plan: Plan, out: str | None, force: bool, risks: Risks, progress: Progress
) -> tuple[str | None, list[str]]:
    """Return the folder of the receipt, or the files that were written elsewhere."""
    if out is not None:
        from aoftool.repair.elsewhere import write_elsewhere

        return None, write_elsewhere(plan, out, force=force, progress=progress)
    from aoftool.repair.apply import apply_plan

    return apply_plan(plan, progress=progress, **risks._asdict()).directory, []


def _damage_left(plan: Plan, out: str | None, as_json: bool) -> list[tuple[str, str]]:
    """Return what is damaged in the result that the plan does not say; of a mere cut it says everything."""
    from aoftool.check.result import damage_left
    from aoftool.repair.model import Method

    if out is None and all(file.method is Method.CUT for file in plan.files):
        return []
    told = {code for code, _ in plan.left}
    found = [(code, text) for code, text in damage_left(out or plan.path) if code not in told]
    for code, text in [] if as_json else found:
        print(f"left: {text} [{code}]", file=sys.stderr)
    return found


def _judge(log: Log, given: str | None) -> FoundServer:
    """Return the server that may say whether the repaired log loads."""
    from aoftool.repair.verify import judge_of

    return judge_of(log, given)


def _verified(judge: FoundServer, path: str, receipt: str | None, written: list[str]) -> Verified:
    """Load what there is now; take back what was done when it does not load."""
    from aoftool.errors import VerifyError
    from aoftool.repair.verify import take_back, verify_log

    try:
        return verify_log(path, judge)
    except VerifyError as error:
        error.hint = take_back(receipt, written) or error.hint
        raise
