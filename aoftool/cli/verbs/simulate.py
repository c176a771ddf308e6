"""`aoftool simulate`: what rewrites would do under other settings, and when the next one comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.cli.ending import tell_damage
from aoftool.cli.exit_codes import NOT_JUDGED, VERDICT
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.requests.simulate import SimulateRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.dataclass import replace

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.api.simulating import Played
    from aoftool.cli.choices.simulate import Replies
    from aoftool.replay.writer_model import Writer
    from aoftool.simulate.model import Simulation

__all__ = ["register"]


def register(app: Application) -> None:
    """Add the verb to the application."""
    add_verb(app, simulate, SimulateRequest, VERDICT, NOT_JUDGED)


def simulate(asked: SimulateRequest) -> int:
    """Show what rewrites would do under other settings.

    Plays the rule by which a server rewrites its log over the log itself: bytes
    by time, and what a rewrite would leave, counted at 50 places of one replay.
    For each pair of settings: rewrites, bytes they write, the largest log, the
    peak on the disk, the longest restart. Says when the next rewrite comes and
    when the disk is full. With a goal: the smallest change of the settings that
    meets it, or why none does; the exit code is 1 then. --info alone, without a
    PATH, takes INFO of a server in place of a log.

    \b
    Examples:
      aoftool simulate /var/lib/valkey
      aoftool simulate /var/lib/valkey --minsize 16m,64m,1g --pct 100,200
      aoftool simulate /var/lib/valkey --restart-under 30s --at-most 4/h
      aoftool simulate --info info-1.txt --info info-2.txt
    """
    from aoftool.cli.answers.simulate import show_simulation, tell_goals
    from aoftool.cli.choices.simulate import played

    make_redactor(asked.redact, asked.salt)
    what, replies = played(asked)
    if asked.path is None and replies:
        from aoftool.api.simulating import simulated_of_info
        from aoftool.cli.choices.simulate import rate_of

        log, writer = None, None
        found = simulated_of_info(replies[0], replies[-1], what, rate=rate_of(asked))
    else:
        log, found, writer = _of_log(asked, what, replies)
    show_simulation(found, writer, asked)
    code = 0 if log is None else tell_damage(log, found.measured.damage)
    return code or tell_goals(found.advice, log, asked.now)


def _of_log(asked: SimulateRequest, what: Played, replies: Replies) -> tuple[Log, Simulation, Writer]:
    """Return the log, what was played with it, and who wrote it."""
    from aoftool.api.simulating import simulated
    from aoftool.cli.choices.simulate import on_disk_of
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter

    log = find_input(asked.path)
    server_sizes, free_bytes = on_disk_of(log, replies)
    what = replace(what, server_sizes=server_sizes, free_bytes=free_bytes)
    with ProgressReporter("replaying", log.size_bytes, asked.progress, asked.quiet) as reporter:
        found, writer = simulated(log, what, written_by=asked.written_by, progress=reporter)
    return log, found, writer
