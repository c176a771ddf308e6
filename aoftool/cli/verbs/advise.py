"""`aoftool advise`: why a server is slow, whether its log is safe, which settings, from what was captured."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aoftool.cli.console import line_console, tell
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT
from aoftool.cli.options.asking import password
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.requests.advise import AdviseRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.errors import UsageError

if TYPE_CHECKING:
    from aoftool.advise.between import Back
    from aoftool.advise.model import Advice, DatedEvent, LogFacts
    from aoftool.advise.thresholds import Thresholds
    from aoftool.aof.model import Log
    from aoftool.api.inspecting import Inspection
    from aoftool.captures.bundle import Texts
    from aoftool.captures.model import Kind
    from aoftool.simulate.model import Simulation

__all__ = ["register"]


_LONGEST_S = 3600


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
    from aoftool.advise.rules.all import CODES
    from aoftool.api.advising import advised, happened_in, what_if

    begin, end = _moment(asked.since, "--since"), _moment(asked.until, "--until")
    if asked.change == ["list"]:
        _list_thresholds()
        return DONE
    if not asked.inputs and asked.aof is None and not asked.told and asked.server is None:
        raise UsageError("nothing to look at", hint="name a bundle, or files that were captured")
    wrong = next((code for code in asked.only or () if code not in CODES), None)
    if wrong is not None:
        raise UsageError(f"there is no finding named {wrong!a}", hint="docs/advise.md lists them")
    if asked.html is not None and os.path.lexists(asked.html):
        from aoftool.files.sink import output_exists

        # Not only when all the work is done.
        raise output_exists(asked.html)
    thresholds = _thresholds(asked.change or [])
    redactor = make_redactor(asked.redact, asked.salt)
    texts, kinds = _read(asked.inputs or [], asked.told or [])
    if asked.server is not None:
        _ask(asked.server, _number(asked.wait), texts)
    log = None if asked.aof is None else _log(asked.aof)
    facts, seen = (None, None) if log is None else _log_facts(log, asked)
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
        _write_page(asked.html, advice, happened_in(texts, begin, end)[0], simulated, why_not)
    if asked.as_json:
        from aoftool.report.jsonout import print_json
        from aoftool.report.running.advise_json import advice_json

        print_json(advice_json(advice, simulated, why_not))
    else:
        from aoftool.report.running.advise import render_advice

        render_advice(line_console(asked.color), advice)
    return _code(advice)


def _code(advice: Advice) -> int:
    """Say what to type next of a log that is not whole, and return the exit code."""
    health = None if advice.log is None else advice.log.health
    if health is not None and health.next and not (health.is_whole and health.is_judged):
        tell(health.next)
    if advice.is_log_damaged or (advice.worst is not None and advice.worst.is_bad):
        return VERDICT
    return DONE if health is None or health.is_judged else NOT_JUDGED


def _write_page(
    out: str, advice: Advice, happened: Sequence[DatedEvent], simulated: Simulation | None, why_not: str
) -> None:
    """Write the page; a line about it goes to stderr, as the answer itself is on standard output."""
    import platform

    from aoftool import __version__
    from aoftool.escape import shown_path
    from aoftool.files.sink import write_atomically
    from aoftool.report.page.advice import advice_page
    from aoftool.report.page.html import page_html
    from aoftool.units import format_bytes

    made = [
        ("aoftool", f"{__version__}, aoftool advise"),
        ("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
    ]
    page = advice_page(advice, happened, made, simulated, why_not)
    size = write_atomically(out, [page_html(page).encode("utf-8")])
    print(f"aoftool: {shown_path(out)}: {format_bytes(size)}", file=sys.stderr)


def _moment(text: str | None, option: str) -> float | Back | None:
    """Return a time in seconds since 1970, or how long before the newest time that was captured."""
    from aoftool.advise.between import Back
    from aoftool.aof.moment import Moment, MomentKind, parse_time_ms

    if text is None:
        return None
    try:
        moment = Moment.parse(text)
        if moment.kind is MomentKind.BACK:
            return Back(moment.number, moment.text)
        return parse_time_ms(text) / 1000
    except UsageError as error:
        raise UsageError(
            f"{option}: not a point in time: {text!a}",
            hint="use YYYY-MM-DD[THH:MM:SS], Unix time, or 10m, 2h, 3d or yesterday before the newest time"
            " that was captured",
        ) from error


def _read(inputs: Sequence[str], told: Sequence[str]) -> tuple[Texts, dict[str, Kind]]:
    """Read all inputs; kinds that were told come back by name of the text."""
    from aoftool.captures.bundle import Texts, read_texts

    texts = Texts()
    for path in inputs:
        if path == "-":
            texts.add("standard input", sys.stdin.buffer.read(), False)
        else:
            read_texts(path, texts)
    kinds = {}
    for word in told:
        name, separator, path = word.partition("=")
        if not separator:
            raise UsageError(f"--as takes KIND=FILE, not {word!a}")
        kind, before = _kind(name), len(texts.texts)
        read_texts(path, texts)
        for text in texts.texts[before:]:
            kinds[text.name] = kind
    return texts, kinds


def _ask(server: str, seconds: float, into: Texts) -> None:
    """Ask a running server, and read what lies beside it where it is on this machine."""
    from aoftool.captures.config import read_config
    from aoftool.captures.lines import text_of
    from aoftool.collecting.address import parse_address
    from aoftool.collecting.beside import read_beside
    from aoftool.collecting.questions import ask_server
    from aoftool.collecting.talking import Talk

    if not 0 <= seconds <= _LONGEST_S:
        raise UsageError(f"--for takes up to {_LONGEST_S} seconds")
    address = parse_address(server, password=password())
    with Talk(address) as talk:
        asked = ask_server(talk, seconds)
        peer_pid = talk.peer_pid
    found = asked.texts
    if address.is_local:
        config = read_config(text_of("config.txt", found.get("config.txt", b"")))
        settings = {name: row.value for name, row in config.items()}
        found |= read_beside(found.get("info.txt", b""), settings, peer_pid)
    for name, raw in found.items():
        into.add(name, raw, False)
    into.left_out += asked.left_out


def _kind(name: str) -> Kind:
    from aoftool.captures.model import Kind

    words = {kind.name.lower().replace("_", "-"): kind for kind in Kind if kind is not Kind.UNKNOWN}
    if name not in words:
        raise UsageError(f"there is no kind of input named {name!a}", hint="use one of: " + ", ".join(words))
    return words[name]


def _thresholds(changes: Sequence[str]) -> Thresholds:
    from aoftool.advise.thresholds import THRESHOLDS, Thresholds

    changed = {}
    for word in changes:
        name, separator, value = word.partition("=")
        if not separator or name not in THRESHOLDS:
            raise UsageError(f"there is no threshold {name!a}", hint="--set list lists them")
        changed[name] = _number(value)
    return Thresholds(changed)


def _number(text: str) -> float:
    """Return a number, a length such as `500ms` in seconds, or a size such as `64mb` in bytes."""
    from aoftool.captures.conf import memory_bytes
    from aoftool.captures.numbers import decimal

    for ending, factor in (("ms", 0.001), ("s", 1.0), ("%", 0.01), ("", 1.0)):
        if text.endswith(ending) and (value := decimal(text.removesuffix(ending))) is not None:
            return value * factor
    size = memory_bytes(text)
    if size is None:
        raise UsageError(f"not a number, time or size: {text!a}", hint="write 5, 500ms, 2s, 10% or 64mb")
    return size


def _list_thresholds() -> None:
    from aoftool.advise.thresholds import THRESHOLDS

    for name, value in THRESHOLDS.items():
        print(f"{name}={value:.10g}")


def _log_facts(log: Log, asked: AdviseRequest) -> tuple[LogFacts, Inspection]:
    """Read the log itself."""
    from aoftool.api.advising import facts_of_log
    from aoftool.cli.progress import ProgressReporter

    assert asked.aof is not None
    with ProgressReporter("reading", log.size_bytes, asked.progress, asked.quiet) as reporter:
        return facts_of_log(asked.aof, log, reporter)


def _log(path: str) -> Log:
    from aoftool.cli.inputs import find_input

    return find_input(path)
