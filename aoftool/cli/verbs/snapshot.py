"""`aoftool snapshot`: a copy of a log in use that is of one moment."""

from __future__ import annotations

from typing import Annotated

from aoftool.cli.console import line_console
from aoftool.cli.declared import Option
from aoftool.cli.exit_codes import DONE, REFUSED, VERDICT
from aoftool.cli.options.common_options import PathArgument
from aoftool.cli.options.looks import LooksOfWork
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.options.writing import OutOption
from aoftool.cli.requests import Application, add_verb
from aoftool.dataclass import dataclass
from aoftool.errors import UsageError

__all__ = ["SnapshotRequest", "register"]


@dataclass(frozen=True)
class SnapshotRequest(LooksOfWork):
    """What `aoftool snapshot` is asked."""

    path: PathArgument = None
    out: OutOption = None
    seal: Annotated[
        bool, Option("--seal", help="Write a seal into it: SHA-256 and end of every file, for `check`.")
    ] = False
    link: Annotated[
        bool,
        Option("--link", help="Give files that never change any more a second name (a hard link)."),
    ] = False
    as_is: Annotated[bool, Option("--as-is", help="Keep a copy of a damaged log too, as it is.")] = False


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
