"""`aoftool guard`: make a log fit for a server, nobody being there to be asked, and start the server."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from aoftool.cli.console import line_console
from aoftool.cli.exit_codes import DONE, REFUSED, VERIFY
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.options.writing import parse_loss, parse_size
from aoftool.cli.requests.guard import GuardRequest
from aoftool.cli.room import own_environment
from aoftool.cli.verb import Application, add_verb
from aoftool.errors import UsageError

if TYPE_CHECKING:
    from aoftool.repair.guard_model import Guarded

__all__ = ["register"]

# What Python ignores, and a program that is started expects to be told.
_IGNORED = ("SIGPIPE", "SIGXFSZ")


def register(app: Application) -> None:
    """Add the verb to the application."""
    add_verb(app, guard, GuardRequest, REFUSED, VERIFY)


def guard(asked: GuardRequest) -> int:
    """Check a log before a server starts, repair what loses nothing, start.

    For entrypoints, init containers and units: nobody is asked. Without
    --max-loss a repair may take out a torn end, a transaction without EXEC
    included, and nothing else. With it, damage inside files is repaired too,
    as long as no more bytes, or commands, go than that. Beyond the limit
    nothing is changed, the server does not start, and the exit code is 4. Of
    every repair the original bytes are kept, for `aoftool undo`, and the
    oldest removed. The server takes the place of this program: it gets its
    process id and all signals.

    \b
    Examples:
      aoftool guard /data -- valkey-server /etc/valkey.conf
      aoftool guard --max-loss 64k /data -- redis-server --appendonly yes
      aoftool guard --max-loss 64k,10c --keep 3 --keep-size 256m /data
      aoftool guard --must-exist --json /var/lib/valkey
    """
    from aoftool.api.unattended.guarding import guard_log
    from aoftool.cli.progress import ProgressReporter

    make_redactor(asked.redact, asked.salt)
    limit = None if asked.max_loss is None else parse_loss(asked.max_loss, "--max-loss")
    keep_bytes = parse_size(asked.keep_size, "--keep-size", "bytes (4096, 64k, 2M)")
    if asked.keep < 1:
        raise UsageError("--keep takes a number from 1 on: the newest repair can always be taken back")
    program = _program(asked.command)
    done = guard_log(
        asked.path,
        limit,
        keep=asked.keep,
        keep_bytes=keep_bytes,
        must_exist=asked.must_exist,
        stage=lambda name, total: ProgressReporter(name, total, asked.progress, asked.quiet),
    )
    _show(done, asked)
    if program is not None and asked.command:
        become(program, asked.command)
    return DONE


def _program(command: list[str] | None) -> str | None:
    """Return where the server is, found before anything is changed."""
    if not command:
        return None
    found = shutil.which(command[0])
    if found is None:
        raise UsageError(f"no program {command[0]!a} on the path", hint="name the server by its full path")
    return found


def become(program: str, command: list[str]) -> NoReturn:
    """Let the server take the place of this process, in the surroundings this program was started in."""
    sys.stdout.flush()
    sys.stderr.flush()
    for name in _IGNORED:
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    os.execve(program, command, own_environment())


def _show(done: Guarded, asked: GuardRequest) -> None:
    from aoftool.report.unattended.guard import guard_json, guard_lines

    if asked.as_json:
        from aoftool.report.jsonout import print_json

        print_json(guard_json(done, asked.command or []))
    elif not asked.quiet or done.receipt is not None or done.notes:
        # The server's own output is what follows on the other stream.
        console = line_console(asked.color, sys.stderr)
        style = "green" if done.receipt is None else "yellow"
        for line in guard_lines(done, asked.command or []):
            console.print(line, style=style)
