"""`aoftool advise`: why a server is slow, whether its log is safe, which settings, from what was captured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT
from aoftool.cli.options.asking import password
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.requests.advise import AdviseRequest
from aoftool.cli.verb import Application, add_verb

if TYPE_CHECKING:
    from aoftool.advise.model import LogFacts
    from aoftool.aof.model import Log
    from aoftool.api.inspecting import Inspection

__all__ = ["register"]


def register(app: Application) -> None:
    """Add the verb to the application."""
    add_verb(app, advise, AdviseRequest, VERDICT, NOT_JUDGED)


def advise(asked: AdviseRequest) -> int:
    """Say why a server is slow, whether its log is safe, and which settings to change.

    From what was captured of it, in any form and from any machine. First all
    that kept the main thread from serving clients, worst first; then findings,
    each with its evidence, what to do, how to take it back, and what does not
    help; what every policy may lose here; what is fine; what could not be
    looked at. Nothing is written; a server is asked only with --server, and
    only what changes nothing.

    \b
    Examples:
      aoftool advise bundle.tgz                     what `aoftool capture` wrote
      aoftool advise info.txt server.log            what there is
      valkey-cli info everything | aoftool advise -
      aoftool advise --server /run/valkey.sock --for 30s
      aoftool advise bundle.tgz --aof /var/lib/valkey
      aoftool advise bundle.tgz --only fsync-slow --set fsync-slow.p99=500ms
      aoftool advise bundle.tgz --html advice.html  the same as a page
      aoftool advise bundle.tgz --json | jq .ledger
    """
    from aoftool.advise.redacting import redacted_advice
    from aoftool.api.advising import advised, happened_in, what_if
    from aoftool.cli.answers.advise import show_advice, write_page
    from aoftool.cli.choices.advise import (
        changed_thresholds,
        list_thresholds,
        read_inputs,
        refuse_contradictions,
        seconds_apart,
        typed_time,
    )

    begin, end = typed_time(asked.since, "--since"), typed_time(asked.until, "--until")
    if asked.change == ["list"]:
        list_thresholds()
        return DONE
    refuse_contradictions(asked)
    thresholds = changed_thresholds(asked.change or [])
    redactor = make_redactor(asked.redact, asked.salt)
    texts, kinds = read_inputs(asked.inputs or [], asked.told or [])
    if asked.server is not None:
        from aoftool.collecting.texts import ask_into

        ask_into(texts, asked.server, seconds_apart(asked.wait), password())
    log, facts, seen = _log_facts(asked)
    advice = advised(
        texts,
        kinds=kinds,
        since=begin,
        until=end,
        thresholds=thresholds,
        log=facts,
        only=asked.only or (),
    )
    simulated, why_not = None, ""
    if asked.html is not None or asked.as_json:
        simulated, why_not = what_if(texts, advice, log, seen, kinds=kinds)
    advice = redacted_advice(advice, redactor)
    if asked.html is not None:
        write_page(asked.html, advice, happened_in(texts, begin, end)[0], simulated, why_not)
    return show_advice(advice, simulated, why_not, asked)


def _log_facts(asked: AdviseRequest) -> tuple[Log | None, LogFacts | None, Inspection | None]:
    """Read the log itself, where that is asked for."""
    from aoftool.api.advising import facts_of_log
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter

    if asked.aof is None:
        return None, None, None
    log = find_input(asked.aof)
    with ProgressReporter("reading", log.size_bytes, asked.progress, asked.quiet) as reporter:
        return log, *facts_of_log(asked.aof, log, reporter)
