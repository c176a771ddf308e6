"""`aoftool capture`: one bundle of what a running server and its machine say, read-only."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from aoftool.cli.console import line_console, tell
from aoftool.cli.exit_codes import DONE, REFUSED, VERDICT
from aoftool.cli.options.asking import parse_seconds, password
from aoftool.cli.requests.capture import FOR, WAITS, CaptureRequest, Masking
from aoftool.cli.verb import Application, add_verb
from aoftool.errors import InputError, UsageError
from aoftool.next_step import next_step
from aoftool.regex import regex

if TYPE_CHECKING:
    from aoftool.capture.model import Captured
    from aoftool.collecting.address import Address
    from aoftool.collecting.talking import Talk

__all__ = ["register"]

_WHEN = regex(r"latency ?> ?(\d{1,7})(ms|s)")
_MOST_S = 3600
_ANSWER_S = 5.0


def register(app: Application) -> None:
    """Add the verb to the application."""
    add_verb(app, capture, CaptureRequest, VERDICT, REFUSED)


def capture(asked: CaptureRequest) -> int:
    """Collect what advise reads from a running server, read-only.

    One bundle: INFO twice, all settings, what the server noted of its latency and
    slow commands, its memory; of a server on this machine also its log, its
    configuration file, what /proc and /sys say, vmstat and iostat. The server is
    only asked: PING, INFO, CONFIG GET, LATENCY LATEST, HISTORY and DOCTOR, SLOWLOG
    GET, COMMANDLOG GET, MEMORY STATS and DOCTOR. Passwords, arguments, addresses
    and host names are masked. The exit code is 1 when an awaited event does not
    happen.

    \b
    Examples:
      aoftool capture --server unix:/run/valkey/valkey.sock -o bundle.tgz
      aoftool capture --for 60s --trace 10s
      aoftool capture --when 'latency>200ms' --for 1h
      aoftool capture --script > capture.sh
    """
    if asked.script:
        from aoftool.capture.script import script_text

        sys.stdout.write(script_text())
        return DONE
    from aoftool.collecting.address import parse_address
    from aoftool.collecting.talking import Talk

    address = parse_address(asked.server, asked.user or "", password())
    if address.user and not address.password:
        raise UsageError("a user needs a password", hint="put it into AOFTOOL_PASSWORD")
    span_s = _seconds(asked.seconds or (FOR if asked.when is None else WAITS), "--for")
    traced_s = 0 if asked.trace is None else _seconds(asked.trace, "--trace")
    event_ms = None if asked.when is None else _least_ms(asked.when)
    path = asked.output or time.strftime("aoftool-capture-%Y%m%dT%H%M%SZ.tgz", time.gmtime())
    with Talk(address, _ANSWER_S) as connection:
        event = None if event_ms is None else _wait(connection, event_ms, span_s)
        if event == "":
            print(
                f"aoftool: no event of {event_ms} ms or more in {span_s} s: nothing was taken",
                file=sys.stderr,
            )
            return 1
        span_s = span_s if asked.when is None else _seconds(FOR, "--for")
        made = _capture(connection, address, (span_s, traced_s), path, asked, event)
    if asked.as_json:
        from aoftool.report.jsonout import print_json
        from aoftool.report.running.capture import capture_json

        print_json(capture_json(made))
        return DONE
    from aoftool.report.running.capture import render_capture

    render_capture(line_console(asked.color), made)
    tell(next_step("advise", path))
    return DONE


def _wait(connection: Talk, least_ms: int, seconds: int) -> str:
    """Return the event that came, empty for none in time."""
    from aoftool.capture.collecting import wait_for
    from aoftool.collecting.talking import Refusal

    try:
        return wait_for(connection, least_ms, seconds) or ""
    except Refusal as error:
        raise InputError(f"the server does not tell its latency: {error}") from None


def _capture(
    connection: Talk,
    address: Address,
    spans_s: tuple[int, int],
    path: str,
    asked: CaptureRequest,
    event: str | None,
) -> Captured:
    """Take everything and write the bundle."""
    from aoftool import __version__
    from aoftool.capture.collecting import collect, server_words
    from aoftool.capture.masking import Masker
    from aoftool.capture.model import Captured
    from aoftool.capture.packing import packed
    from aoftool.files.access import PRIVATE
    from aoftool.files.sink import AtomicFile

    everything = asked.redact is Masking.ALL
    masker = Masker(everything=everything, host=os.uname().nodename)
    masker.learn([address.password])
    began = time.time()
    with AtomicFile(path, force=asked.force, access=PRIVATE) as file:
        bundle = collect(connection, masker, *map(float, spans_s))
        name = server_words(bundle.files["info.txt"])
        facts = {
            "tool": f"aoftool {__version__}",
            "server": name,
            "started_s": int(began),
            "ended_s": int(time.time()),
            "seconds": spans_s[0],
            "traced_s": spans_s[1],
            "event": event,
            "redact": "all" if everything else "passwords",
        }
        file.write(packed(bundle, facts, int(time.time())))
        file.commit()
        size = file.size_bytes
    return Captured(
        path,
        address.shown,
        name,
        size,
        time.time() - began,
        tuple((name, len(text.encode("utf-8", "replace"))) for name, text in bundle.files.items()),
        tuple(bundle.missing.items()),
        tuple(sorted((kind, count) for kind, count in bundle.masked.items() if count)),
        event,
    )


def _seconds(text: str, option: str) -> int:
    seconds = int(parse_seconds(text, option))
    if not 1 <= seconds <= (24 * _MOST_S if option == "--for" else _MOST_S):
        raise UsageError(f"{option} takes a time such as 30s, 5m or 1h")
    return seconds


def _least_ms(text: str) -> int:
    found = _WHEN.fullmatch(text.strip())
    if found is None:
        raise UsageError("--when takes 'latency>200ms'", hint="a time in ms or s")
    return int(found[1]) * (1000 if found[2] == "s" else 1)
