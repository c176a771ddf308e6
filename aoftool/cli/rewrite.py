"""`aoftool rewrite`: the smallest log with the same data, without a server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from aoftool.cli.console import Color, results_console
from aoftool.cli.engines import EngineOption, refuse_with_server
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, REFUSED, VERIFY, epilog
from aoftool.cli.options import (
    ColorOption,
    JsonOption,
    PathArgument,
    ProgressMode,
    ProgressOption,
    QuietOption,
    WrittenByOption,
)
from aoftool.cli.redaction import RedactOption, SaltOption, make_redactor
from aoftool.cli.rewrite_choice import (
    choose_cut,
    choose_selection,
    clock_ms,
    memory_limit_bytes,
    refuse_pairs,
    refuse_with_salvage,
)
from aoftool.cli.writing_options import (
    HOW_PANEL,
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
)
from aoftool.databases import DEFAULT_DATABASES, INFERRED
from aoftool.errors import UsageError

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.progress import Progress
    from aoftool.rewrite.comparing import Comparison
    from aoftool.rewrite.model import RewriteOptions, RewriteResult
    from aoftool.rewrite.salvaging import Salvaged
    from aoftool.servers.finding import FoundServer

__all__ = ["register"]

_WHAT = "What to write"
_KEYS = "Which keys"
_CHUNK_ITEMS = 64


class FormatOption(str, Enum):
    """How the data are written."""

    rdb = "rdb"
    resp = "resp"


class LayoutOption(str, Enum):
    """What files there will be."""

    multi_part = "multi-part"
    single = "single"


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command(epilog=epilog(REFUSED, VERIFY, NOT_JUDGED))(rewrite)


def rewrite(
    path: PathArgument = None,
    out: OutOption = None,
    in_place: Annotated[
        bool,
        typer.Option("--in-place", help="Replace the log, undoably.", rich_help_panel=HOW_PANEL),
    ] = False,
    dry_run: DryRunOption = False,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="Estimate only: replay a sample at most, write nothing.",
            rich_help_panel=HOW_PANEL,
        ),
    ] = False,
    force: ForceOption = False,
    engine: Annotated[
        EngineOption,
        typer.Option(
            "--engine",
            help="server: load the log on a private real server, which runs its scripts, and let that"
            " rewrite it.",
            rich_help_panel=HOW_PANEL,
        ),
    ] = EngineOption.own,
    salvage: Annotated[
        bool,
        typer.Option(
            "--salvage",
            help="Repair a copy of a damaged log first, as fix --salvage does.",
            rich_help_panel=HOW_PANEL,
        ),
    ] = False,
    in_use: InUseOption = False,
    new_owner: NewOwnerOption = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Load log and result on a real server and compare.", rich_help_panel=HOW_PANEL
        ),
    ] = False,
    server: ServerOption = None,
    form: Annotated[
        FormatOption,
        typer.Option("--format", help="An RDB base, or commands.", rich_help_panel=_WHAT),
    ] = FormatOption.rdb,
    layout: Annotated[
        LayoutOption | None,
        typer.Option(
            "--layout",
            help="A directory with a manifest, or one file. Default: as the log.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            metavar="SERVER",
            help="Release the result is for, such as redis-7.2; valkey-9 is what every release of that"
            " major version reads. Default: the one that wrote the log.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    written_by: WrittenByOption = None,
    databases: Annotated[
        int | None,
        typer.Option(
            "--databases",
            min=1,
            help="The `databases` setting of the server. Default: as the log needs, 16 at least.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    chunk_items: Annotated[
        int,
        typer.Option(
            "--chunk-items", min=1, help="Elements in one command, with --format resp.", rich_help_panel=_WHAT
        ),
    ] = _CHUNK_ITEMS,
    drop_unsupported: Annotated[
        bool,
        typer.Option(
            "--drop-unsupported",
            help="Leave out what the target cannot hold (module data, functions, expire times of hash"
            " fields, idempotent producers, commands it lacks), and list it.",
            rich_help_panel=_WHAT,
        ),
    ] = False,
    memory_limit: Annotated[
        str | None,
        typer.Option(
            "--memory-limit",
            metavar="SIZE",
            help="Bound the memory, that of all --jobs together, such as 256MB: what does not fit waits on"
            " disk, beside the result.",
            rich_help_panel=HOW_PANEL,
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", min=1, help="Processes that work at once.", rich_help_panel=HOW_PANEL)
    ] = 1,
    to_timestamp: ToTimestampOption = None,
    to_offset: ToOffsetOption = None,
    before: BeforeOption = None,
    drop_expired: Annotated[
        bool,
        typer.Option("--drop-expired", help="Leave out keys whose time has passed.", rich_help_panel=_KEYS),
    ] = False,
    now: Annotated[
        str | None,
        typer.Option(
            "--now", metavar="TIME", help="The clock for expire times; default: now.", rich_help_panel=_KEYS
        ),
    ] = None,
    db: Annotated[
        list[int] | None,
        typer.Option("--db", metavar="N", help="Only this database; may repeat.", rich_help_panel=_KEYS),
    ] = None,
    match: Annotated[
        str | None,
        typer.Option("--match", metavar="GLOB", help="Only keys like this.", rich_help_panel=_KEYS),
    ] = None,
    rename_db: Annotated[
        list[str] | None,
        typer.Option(
            "--rename-db",
            metavar="OLD=NEW",
            help="Write a database under another number; may repeat.",
            rich_help_panel=_KEYS,
        ),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="Rows of dead commands to show.")] = 12,
    redact: RedactOption = None,
    salt: SaltOption = None,
    as_json: JsonOption = False,
    color: ColorOption = Color.auto,
    quiet: QuietOption = False,
    progress: ProgressOption = ProgressMode.auto,
) -> None:
    """Write the smallest log with the same data; no server needed.

    The result is what a server holds after it has loaded the log: commands
    that are overwritten, deleted or flushed later are dropped, the rest is
    replayed. Without -o and --in-place nothing is written: you see what
    would be saved, to the byte, and why the log is so large.

    \b
    Examples:
      aoftool rewrite                               what would it save?
      aoftool rewrite --quick /var/lib/valkey
      aoftool rewrite -o new-aof --verify
      aoftool rewrite --in-place                    take back with: aoftool undo
      aoftool rewrite --before FLUSHALL -o rescued
      aoftool rewrite --salvage damaged.aof -o whole.aof
      aoftool rewrite --db 3 --rename-db 3=0 --layout single -o db3.aof
    """
    from aoftool.aof.model import LogKind
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter
    from aoftool.repair.forget import room_of
    from aoftool.report.jsonout import print_json
    from aoftool.report.rewrite import render_rewrite, rewrite_json
    from aoftool.rewrite.model import Layout, OutputFormat, RewriteOptions
    from aoftool.rewrite.salvaging import describe_original
    from aoftool.rewrite.server_engine import rewrite_on_server

    make_redactor(redact, salt)
    refuse_pairs(out, in_place=in_place, dry_run=dry_run, quick=quick, verify=verify)
    if salvage:
        refuse_with_salvage(path, in_place=in_place, to_offset=to_offset)
    if engine is EngineOption.server:
        given = {
            "--in-place": in_place,
            "--target": target,
            "--written-by": written_by,
            "--chunk-items": chunk_items != _CHUNK_ITEMS,
            "--memory-limit": memory_limit,
            "--jobs": jobs > 1,
            "--to-timestamp": to_timestamp,
            "--to-offset": to_offset,
            "--before": before,
            "--drop-expired": drop_expired,
            "--now": now,
            "--db": db,
            "--match": match,
            "--rename-db": rename_db,
        }
        refuse_with_server(out, given)
    if server is not None and not verify and engine is EngineOption.own:
        raise UsageError("--server names the server of --verify or --engine server", hint="add --verify")
    log = find_input(path, hold=not in_place)
    if verify and log.kind is LogKind.STDIN:
        raise UsageError("standard input can be read only once, so there is nothing to compare with")
    clock = clock_ms(now)
    same = Layout.MULTI_PART if log.kind is LogKind.MULTI_PART else Layout.SINGLE
    options = RewriteOptions(
        target=target,
        written_by=written_by,
        format=OutputFormat(form.value),
        layout=same if layout is None else Layout(layout.value),
        databases=databases or INFERRED,
        chunk_items=chunk_items,
        cut=choose_cut(log, to_timestamp, to_offset, before),
        selection=choose_selection(db, match, rename_db, clock if drop_expired else None),
        now_ms=clock,
        memory_limit_bytes=memory_limit_bytes(memory_limit),
        drop_unsupported=drop_unsupported,
    )
    mode = "quick" if quick else "done" if out is not None or in_place else "dry-run"
    with ExitStack() as stack:
        source = log
        if salvage:
            salvaged = stack.enter_context(
                _salvaged(log, databases or DEFAULT_DATABASES, out, progress, quiet)
            )
            source = salvaged.log
            options = replace(options, written_by=written_by or _named_writer(log))
        if engine is EngineOption.server and not databases:
            options = _with_databases(options, source)
        worker = _worker(source, server) if engine is EngineOption.server else None
        check = _comparison(source, options, worker, server) if verify else None
        if worker is not None and out is not None:
            mode, undo = "server", None
            result = rewrite_on_server(
                source,
                options,
                out,
                worker,
                force=force,
                stage=lambda name, total: ProgressReporter(name, total, progress, quiet),
            )
        else:
            reporter = stack.enter_context(ProgressReporter("rewriting", source.size_bytes, progress, quiet))
            risks = Risks(in_use, new_owner)
            result, undo = _run(source, options, mode, out, force, risks, reporter)
            if now is None:
                result.summary.notes += _clock_notes(result)
        if check is not None:
            result.verified = check.run(out, result, undo)
    if salvage:
        describe_original(result, salvaged)
    kept = 0 if undo is None else room_of(undo)
    if as_json:
        shown = rewrite_json(result, mode=mode)
        print_json({**shown, "receipt": undo, "kept_bytes": None if undo is None else kept})
    else:
        render_rewrite(results_console(color), result, top=top, mode=mode, receipt=undo, kept_bytes=kept)
    if not result.judged:
        print("aoftool: not judged: what no known release has was carried as it is", file=sys.stderr)
    raise typer.Exit(DONE if result.judged else NOT_JUDGED)


def _clock_notes(result: RewriteResult) -> list[str]:
    """Say what is in the result of the moment it was made at."""
    from aoftool.units import counted

    seen = max((size.seen_now for size in result.sizes), default=0)
    if not seen:
        return []
    who = counted(seen, "stream has", "streams have")
    return [
        f"{who} consumers that are written as seen just now, as by a server's load: a rewrite at another"
        " time differs there; --now TIME sets the moment"
    ]


def _named_writer(log: Log) -> str | None:
    """Return the release that the RDB part of a damaged log names: what is salvaged may not name it."""
    from aoftool.replay.log_writer import writer_of_log
    from aoftool.replay.writer_model import Certainty

    writer = writer_of_log(log)
    return writer.name if writer.certainty is Certainty.NAMED else None


def _with_databases(options: RewriteOptions, log: Log) -> RewriteOptions:
    """Let a server have as many databases as the log needs."""

    from aoftool.aof.model import LogKind
    from aoftool.aof.numbers import highest_database
    from aoftool.databases import databases_for

    highest = 0 if log.kind is LogKind.STDIN else highest_database(log)
    return replace(options, databases=databases_for(highest))


def _worker(log: Log, given: str | None) -> FoundServer:
    """Return the server that shall rewrite a log: of the release that wrote it, and able to write a set."""
    from aoftool.replay.log_writer import writer_of_log
    from aoftool.servers.choosing import choose_server, needed_for

    return choose_server(needed_for(writer_of_log(log), sets=True), given)


def _comparison(
    log: Log, options: RewriteOptions, worker: FoundServer | None, given: str | None
) -> Comparison:
    """Load the log on a server; what the target of the rewrite does not keep is left out of account."""
    from aoftool.releases import find_releases, release_named
    from aoftool.rewrite.comparing import Comparison
    from aoftool.rewrite.model import Layout
    from aoftool.rewrite.planner import plan_rewrite
    from aoftool.servers.choosing import choose_server, needed_for, needs_sets, other_patch

    if worker is not None:
        return Comparison(log, options.databases, worker)
    with plan_rewrite(log, options) as plan:
        target, count, writer = plan.target, plan.options.databases, plan.summary.writer
    assert writer is not None
    sets = needs_sets(log) or options.layout is Layout.MULTI_PART
    targets = find_releases(options.target) if options.target else (release_named(target.name),)
    server = choose_server(needed_for(writer, sets=sets, targets=targets), given)
    return Comparison(log, count, server, target, other_patch(server, writer))


@contextmanager
def _salvaged(
    log: Log, databases: int, out: str | None, mode: ProgressMode, quiet: bool
) -> Iterator[Salvaged]:
    """Give the log to rewrite in place of a damaged one, and what to tell about it."""
    from aoftool.cli.progress import ProgressReporter
    from aoftool.rewrite.salvaging import salvaged_log

    with ExitStack() as stack:
        with ProgressReporter("salvaging", log.size_bytes, mode, quiet) as reporter:
            found = stack.enter_context(salvaged_log(log, databases, out, reporter))
        yield found


def _run(
    log: Log,
    options: RewriteOptions,
    mode: str,
    out: str | None,
    force: bool,
    risks: Risks,
    progress: Progress,
) -> tuple[RewriteResult, str | None]:
    """Run what was asked for; the second is the receipt of a rewrite in place."""

    from aoftool.rewrite.bounded import BoundedPlan, with_shares
    from aoftool.rewrite.estimating import estimated
    from aoftool.rewrite.in_place import rewrite_in_place, stamps_of
    from aoftool.rewrite.model import RewriteResult
    from aoftool.rewrite.placing import write_new
    from aoftool.rewrite.planner import RewritePlan, refuse_torn, with_plan
    from aoftool.rewrite.rivalry import dispute_notes, refuse_disputed
    from aoftool.rewrite.runner import Sinks, count_rewrite, write_rewrite

    receipt: list[str] = []
    before = stamps_of(log) if mode == "done" and out is None else {}

    def write(
        plan: RewritePlan | BoundedPlan, sinks: list[Sinks], *, optional: bool = False
    ) -> RewriteResult:
        if isinstance(plan, RewritePlan):
            return write_rewrite(plan, sinks, progress, optional=optional)
        beside = out if out is not None or mode != "done" else log.path
        return plan.write(sinks, progress, out=beside, optional=optional)

    def act(plan: RewritePlan | BoundedPlan) -> RewriteResult:
        refuse_torn(plan, log)
        if isinstance(plan, RewritePlan) and mode == "quick":
            return estimated(plan)
        if mode == "dry-run":
            plan.summary.notes += dispute_notes(plan, progress)
            return count_rewrite(lambda sinks: write(plan, sinks, optional=True))
        refuse_disputed(plan, progress)
        if out is not None:
            return write_new(plan, log, out, lambda sinks: write(plan, sinks), force=force)
        result, made = rewrite_in_place(
            plan, log, before, lambda sinks: write(plan, sinks), **risks._asdict()
        )
        receipt.append(made.directory)
        return result

    note = ""
    if mode != "quick" and (options.memory_limit_bytes is not None or options.jobs > 1):
        found = with_shares(log, options, act, progress)
        if isinstance(found, RewriteResult):
            return found, receipt[-1] if receipt else None
        note = found
        if not note:
            options = replace(options, memory_limit_bytes=None)
    result = with_plan(log, options, act, progress)
    if note:
        result.summary.notes.append(note)
    return result, receipt[-1] if receipt else None
