"""`aoftool rewrite`: the smallest log with the same data, without a server."""

from __future__ import annotations

from aoftool.cli.exit_codes import NOT_JUDGED, REFUSED, VERDICT, VERIFY
from aoftool.cli.options.moments import only_moment
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.output_place import output_place
from aoftool.cli.requests.rewrite import EngineOption, RewriteRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.dataclass import replace
from aoftool.errors import UsageError
from aoftool.files.remote.names import refuse_remote
from aoftool.next_step import next_step

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
    from aoftool.aof.model import LogKind
    from aoftool.api.rewriting_with import Around, rewrite_with
    from aoftool.cli.answers.rewrite import show_result
    from aoftool.cli.choices.rewrite import refuse_contradictions, rewrite_options, rewrite_place
    from aoftool.cli.inputs import find_input
    from aoftool.cli.interrupted import told_of_interruption
    from aoftool.cli.progress import stages

    make_redactor(asked.redact, asked.salt)
    moment = only_moment(asked.to, "--to")
    refuse_contradictions(asked, moment)
    if asked.in_place:
        refuse_remote(asked.path, "rewritten in place", next_step("rewrite", asked.path or ".", "-o OUT"))
    log = find_input(asked.path)
    if asked.verify and log.kind is LogKind.STDIN:
        raise UsageError("standard input can be read only once, so there is nothing to compare with")
    options = rewrite_options(asked, log, moment)
    on_server = asked.engine is EngineOption.server
    around = Around(asked.salvage, on_server, asked.verify, asked.server, asked.databases)
    with told_of_interruption(log, is_in_place=asked.in_place):
        with output_place(asked.out, force=asked.force) as place:
            asked = replace(asked, out=place.local)
            result, receipt = rewrite_with(log, options, rewrite_place(asked), around, stage=stages(asked))
            place.publish(sum(file.size_bytes for file in result.files), asked.progress, asked.quiet)
            for file in result.files:
                file.path = place.shown(file.path)
        return show_result(result, receipt, asked)
