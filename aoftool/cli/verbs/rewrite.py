"""`aoftool rewrite`: the smallest log with the same data, without a server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from aoftool.cli.console import line_console
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, REFUSED, VERDICT, VERIFY
from aoftool.cli.options.common_options import (
    ProgressMode,
)
from aoftool.cli.options.engines import EngineOption, refuse_with_server
from aoftool.cli.options.moments import cut_at, only_moment
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.options.rewrite_choice import (
    choose_selection,
    clock_ms,
    memory_limit_bytes,
    refuse_pairs,
    refuse_with_salvage,
)
from aoftool.cli.output_place import output_place
from aoftool.cli.requests.rewrite import CHUNK_ITEMS, ROWS, RewriteRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.databases import DEFAULT_DATABASES, INFERRED
from aoftool.dataclass import replace
from aoftool.errors import UsageError
from aoftool.files.remote.names import refuse_remote
from aoftool.next_step import next_step

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.aof.moment import Moment
    from aoftool.api.rewriting import Ending
    from aoftool.rewrite.model import RewriteOptions, RewriteResult
    from aoftool.rewrite.salvaging import Salvaged

__all__ = ["register"]


def register(app: Application) -> None:
    """Add the verb to the application."""
    add_verb(app, rewrite, RewriteRequest, VERDICT, REFUSED, VERIFY, NOT_JUDGED)


def rewrite(asked: RewriteRequest) -> int:
    """Write the smallest log with the same data; no server needed.

    The result is what a server holds after it has loaded the log: commands
    that are overwritten, deleted or flushed later are dropped, the rest is
    replayed. Without -o and --in-place nothing is written: you see what
    would be saved, to the byte, and why the log is so large. --salvage repairs
    a copy first; --verify loads the log too, and compares.

    \b
    Examples:
      aoftool rewrite                               what would it save?
      aoftool rewrite --quick /var/lib/valkey
      aoftool rewrite -o new-aof --verify
      aoftool rewrite --in-place                    take back with: aoftool undo
      aoftool rewrite --to before:FLUSHALL -o rescued
      aoftool rewrite --salvage damaged.aof -o whole.aof
      aoftool rewrite --db 3 --rename-db 3=0 --layout single -o db3.aof
      aoftool rewrite s3://backups/node-7 -o s3://backups/small/node-7
    """
    from aoftool.aof.local_copy import local_copy
    from aoftool.aof.model import LogKind
    from aoftool.api.rewriting import Where, comparison_of, rewriting_server, run_rewrite, with_databases
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter
    from aoftool.replay.log_writer import fields_of_base
    from aoftool.report.jsonout import print_json
    from aoftool.report.rewrite import render_rewrite, rewrite_json

    make_redactor(asked.redact, asked.salt)
    moment = only_moment(asked.to, "--to")
    _refuse_pairs(asked, moment)
    if asked.in_place:
        refuse_remote(asked.path, "rewritten in place", next_step("rewrite", asked.path or ".", "-o OUT"))
    log = find_input(asked.path)
    if asked.verify and log.kind is LogKind.STDIN:
        raise UsageError("standard input can be read only once, so there is nothing to compare with")
    options = _options(asked, log, moment)
    mode = "quick" if asked.quick else "done" if asked.out is not None or asked.in_place else "dry-run"
    with ExitStack() as stack:
        place = stack.enter_context(output_place(asked.out, force=asked.force))
        asked = replace(asked, out=place.local)
        source = log
        if asked.verify or asked.engine is EngineOption.server:
            # A server opens files by name.
            source = log = stack.enter_context(local_copy(log))
        if asked.salvage:
            salvaged = stack.enter_context(
                _salvaged(log, asked.databases or DEFAULT_DATABASES, asked.out, asked.progress, asked.quiet)
            )
            source = salvaged.log
            # What is salvaged may not name its writer any more.
            options = replace(options, base_fields=fields_of_base(log))
        if asked.engine is EngineOption.server and not asked.databases:
            options = with_databases(options, source)
        worker = rewriting_server(source, asked.server) if asked.engine is EngineOption.server else None
        check = comparison_of(source, options, worker, asked.server) if asked.verify else None
        if worker is not None and asked.out is not None:
            from aoftool.rewrite.server_engine import rewrite_on_server

            mode, undo = "server", None
            result = rewrite_on_server(
                source,
                options,
                asked.out,
                worker,
                force=asked.force,
                stage=lambda name, total: ProgressReporter(name, total, asked.progress, asked.quiet),
            )
        else:
            reporter = stack.enter_context(
                ProgressReporter("rewriting", source.size_bytes, asked.progress, asked.quiet)
            )
            ending = _ending(asked.out, in_place=asked.in_place, quick=asked.quick)
            where = Where(ending, asked.out, asked.force, asked.in_use, asked.new_owner)
            result, undo = run_rewrite(source, options, where, reporter)
            if asked.now is None:
                result.summary.notes += _clock_notes(result)
        if check is not None:
            result.verified = check.run(asked.out, result, undo)
        place.publish(sum(file.size_bytes for file in result.files), asked.progress, asked.quiet)
        for file in result.files:
            file.path = place.shown(file.path)
    if asked.salvage:
        from aoftool.rewrite.salvaging import describe_original

        describe_original(result, salvaged)
    kept = 0 if undo is None else _room_of(undo)
    if asked.as_json:
        shown = rewrite_json(result, mode=mode)
        print_json({**shown, "receipt": undo, "kept_bytes": None if undo is None else kept})
    else:
        rows = asked.limit or ROWS
        render_rewrite(line_console(asked.color), result, top=rows, mode=mode, receipt=undo, kept_bytes=kept)
    if not result.judged:
        print("aoftool: not judged: what no known release has was carried as it is", file=sys.stderr)
    return DONE if result.judged else NOT_JUDGED


def _refuse_pairs(asked: RewriteRequest, moment: Moment | None) -> None:
    """Refuse options that contradict each other."""
    refuse_pairs(
        asked.out, in_place=asked.in_place, dry_run=asked.dry_run, quick=asked.quick, verify=asked.verify
    )
    if asked.salvage:
        refuse_with_salvage(asked.path, in_place=asked.in_place, to=moment)
    if asked.engine is EngineOption.server:
        given = {
            "--in-place": asked.in_place,
            "--target": asked.target,
            "--written-by": asked.written_by,
            "--chunk-items": asked.chunk_items != CHUNK_ITEMS,
            "--memory-limit": asked.memory_limit,
            "--jobs": (asked.jobs or 1) > 1,
            "--to": asked.to,
            "--drop-expired": asked.drop_expired,
            "--now": asked.now,
            "--db": asked.db,
            "--match": asked.match,
            "--rename-db": asked.rename_db,
        }
        refuse_with_server(asked.out, given, drop_unsupported=asked.drop_unsupported, path=asked.path)
    if asked.server is not None and not asked.verify and asked.engine is EngineOption.own:
        raise UsageError("--server names the server of --verify or --engine server", hint="add --verify")


def _options(asked: RewriteRequest, log: Log, moment: Moment | None) -> RewriteOptions:
    from aoftool.api.rewriting import layout_of
    from aoftool.rewrite.model import Layout, OutputFormat, RewriteOptions

    clock = clock_ms(asked.now)
    return RewriteOptions(
        target=asked.target,
        written_by=asked.written_by,
        format=OutputFormat(asked.form.value),
        layout=layout_of(log) if asked.layout is None else Layout(asked.layout.value),
        databases=asked.databases or INFERRED,
        chunk_items=asked.chunk_items,
        cut=cut_at(moment, log, "--to", late=True),
        selection=choose_selection(
            asked.db, asked.match, asked.rename_db, clock if asked.drop_expired else None
        ),
        now_ms=clock,
        memory_limit_bytes=memory_limit_bytes(asked.memory_limit),
        jobs=asked.jobs or 1,
        threads=2 if asked.jobs is None else 1,
        drop_unsupported=asked.drop_unsupported,
    )


def _ending(out: str | None, *, in_place: bool, quick: bool) -> Ending:
    from aoftool.api.rewriting import Ending

    if out is not None:
        return Ending.BESIDE
    return Ending.IN_PLACE if in_place else Ending.QUICK if quick else Ending.COUNT


def _room_of(receipt: str) -> int:
    from aoftool.repair.forget import room_of

    return room_of(receipt)


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
