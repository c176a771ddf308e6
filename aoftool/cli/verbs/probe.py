"""`aoftool probe`: what the disk below a directory does to an append-only file."""

from __future__ import annotations

import sys

from aoftool.cli.console import line_console
from aoftool.cli.exit_codes import REFUSED, VERDICT
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.options.writing import parse_size
from aoftool.cli.requests.probe import ProbeRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.errors import RefusedError, UsageError
from aoftool.next_step import next_step

__all__ = ["register"]


def register(app: Application) -> None:
    """Add the verb to the application."""
    add_verb(app, probe, ProbeRequest, VERDICT, REFUSED)


def probe(asked: ProbeRequest) -> int:
    """Measure what a disk does to an append-only file.

    Writes and syncs as servers do: small pieces, a second of appending, and the
    manifest of a rewrite while 0, 1, 4 and 8 MiB of a log are being synced, for
    which the main thread of a server stands still. Writes at most 64 MiB in at
    most 10 s into a file without a name, of which nothing is left, whatever ends
    the probe. Refuses with less than 1 GiB or 5 % free, and inside the directory
    of an AOF. The exit code is 1 where the disk is poor or unfit.

    \b
    Examples:
      aoftool probe /var/lib/valkey
      aoftool probe /var/lib/valkey --rate 10M --yes --json
    """
    from aoftool.probe.model import Verdict
    from aoftool.probe.place import find_place, refuse_place
    from aoftool.probe.probing import probe_place
    from aoftool.report.running.probe import probe_json, render_probe

    make_redactor(asked.redact, asked.salt)
    size = parse_size(asked.rate, "--rate", "a size such as 3M")
    if not size:
        raise UsageError("--rate takes a size above 0")
    place = find_place(asked.directory)
    refuse_place(place)
    if not asked.yes:
        _ask(asked.as_json, next_step("probe", asked.directory, "--yes"))
    found = probe_place(place, size)
    if asked.as_json:
        from aoftool.report.jsonout import print_json

        print_json(probe_json(found))
    else:
        render_probe(line_console(asked.color), found)
    return 1 if found.verdict in (Verdict.POOR, Verdict.UNFIT) else 0


def _ask(as_json: bool, line: str) -> None:
    """Let the user agree to the load: the disk may be that of a server at work.

    Raises:
        RefusedError: the answer is no, or nobody is there to give one.
    """
    if as_json or not sys.stdin.isatty():
        raise RefusedError("a probe loads the disk for up to 10 s, and nobody is there to agree", hint=line)
    print("A probe loads the disk for up to 10 s; a server at work there may wait. Go on? [y/N] ", end="")
    sys.stdout.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise RefusedError("not probed")
