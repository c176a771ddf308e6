"""`aoftool snapshot`: a copy of a log in use that is of one moment."""

from __future__ import annotations

from aoftool.cli.console import line_console
from aoftool.cli.exit_codes import DONE, REFUSED, VERDICT
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.requests.snapshot import SnapshotRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.errors import UsageError

__all__ = ["register"]


def register(app: Application) -> None:
    """Add the verb to the application."""
    add_verb(app, snapshot, SnapshotRequest, VERDICT, REFUSED)


def snapshot(asked: SnapshotRequest) -> int:
    """Copy a log, also one in use, as it is at one moment.

    All files are opened before anything is read, so that a rewrite beside
    changes nothing: the copy is one generation, whole, up to the end of the
    last whole command. It is checked before it gets its name. Of a bad copy
    the newest generation is taken that is whole and lies there too; where
    none is, nothing is written and the exit code is 4. Blocks are shared with
    the originals where the file system can. `aoftool check` of a sealed copy
    tells whether it is as it was sealed.

    \b
    Examples:
      aoftool snapshot /var/lib/valkey -o /backup/valkey-20261121
      aoftool snapshot --seal /var/lib/valkey -o /backup/today
      aoftool snapshot --link --seal /var/lib/valkey -o /var/lib/snapshots/1
      aoftool snapshot --json bad-copy -o whole | jq .generation
    """
    from aoftool.api.snapshots import snapshot as take
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter

    make_redactor(asked.redact, asked.salt)
    if asked.out is None:
        raise UsageError("a snapshot needs a place", hint="-o DIR, a folder that is not there yet")
    log = find_input(asked.path)
    with ProgressReporter("copying", log.size_bytes, asked.progress, asked.quiet) as reporter:
        taken = take(log, asked.out, seal=asked.seal, link=asked.link, as_is=asked.as_is, progress=reporter)
    if asked.as_json:
        from aoftool.report.jsonout import print_json
        from aoftool.report.unattended.snapshot import snapshot_json

        print_json(snapshot_json(taken))
    else:
        from aoftool.report.unattended.snapshot import render_snapshot

        render_snapshot(line_console(asked.color), taken)
    return DONE if taken.intact else VERDICT
