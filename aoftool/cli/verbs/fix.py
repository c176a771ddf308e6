"""`aoftool fix`: show what would repair a log, ask, do it, and say how to take it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.cli.exit_codes import NOT_JUDGED, REFUSED, VERDICT, VERIFY
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.options.writing import parse_loss
from aoftool.cli.requests.fix import FixRequest
from aoftool.cli.typed import typed_with
from aoftool.cli.verb import Application, add_verb
from aoftool.dataclass import replace
from aoftool.files.remote.names import refuse_remote

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.cli.output_place import OutputPlace

__all__ = ["register"]


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
    from aoftool.cli.inputs import find_input
    from aoftool.cli.interrupted import told_of_interruption

    in_place = asked.out is None and not asked.dry_run
    if in_place:
        refuse_remote(asked.path, "repaired in place", typed_with("", asked.path, "-o OUT"))
    asked = replace(asked, out=asked.out if asked.dry_run else place.local)
    log = find_input(asked.path)
    with told_of_interruption(log, is_in_place=in_place):
        return _mended(asked, log, place)


def _mended(asked: FixRequest, log: Log, place: OutputPlace) -> int:
    """Do what was asked with a log that was found, and say what came of it."""
    from aoftool.api.mending import new_bytes, verify_mended
    from aoftool.api.repairing import planned_repair
    from aoftool.cli.answers.agreement import carried_out
    from aoftool.cli.answers.fix import exit_code, next_line, show_done
    from aoftool.cli.choices.fix import repair_choice
    from aoftool.cli.progress import stages

    in_place = asked.out is None and not asked.dry_run
    choice = repair_choice(asked, log)
    limit = None if asked.max_loss is None else parse_loss(asked.max_loss, "--max-loss")
    with planned_repair(log, choice, out=asked.out, in_place=in_place, stage=stages(asked)) as planned:
        plan = planned.plan
        judge, done = carried_out(planned, asked, limit, typed_with(log.path, asked.path, "--yes"))
        line = next_line(planned, log, asked, done)
    if judge is not None:
        verify_mended(judge, asked.out or log.path, done)
    if done.written:
        place.publish(new_bytes(plan), asked.progress, asked.quiet)
    done.written = [place.shown(path) for path in done.written]
    homes = (planned.log.directory or "", log.directory or "")
    show_done(plan, asked, done, None if line is None else place.shown(line), homes)
    return exit_code(plan, dry_run=asked.dry_run)
