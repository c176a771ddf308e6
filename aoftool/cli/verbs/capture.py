"""`aoftool capture`: one bundle of what a running server and its machine say, read-only."""

from __future__ import annotations

import sys

from aoftool.cli.console import line_console, tell
from aoftool.cli.exit_codes import DONE, REFUSED, VERDICT
from aoftool.cli.requests.capture import FOR, WAITS, CaptureRequest, Masking
from aoftool.cli.verb import Application, add_verb
from aoftool.next_step import next_step

__all__ = ["register"]

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
    from aoftool.capture.taking import take_capture, wait_for_event
    from aoftool.cli.choices.capture import awaited_ms, bundle_path, server_address, whole_seconds
    from aoftool.collecting.talking import Talk

    address = server_address(asked)
    seconds = whole_seconds(asked.seconds or (FOR if asked.when is None else WAITS), "--for")
    traced_s = 0 if asked.trace is None else whole_seconds(asked.trace, "--trace")
    least_ms = None if asked.when is None else awaited_ms(asked.when)
    path, event = bundle_path(asked), None
    with Talk(address, _ANSWER_S) as connection:
        if least_ms is not None:
            event = wait_for_event(connection, least_ms, seconds)
            if not event:
                told = f"aoftool: no event of {least_ms} ms or more in {seconds} s: nothing was taken"
                print(told, file=sys.stderr)
                return VERDICT
            seconds = whole_seconds(FOR, "--for")
        made = take_capture(
            connection,
            address,
            path,
            seconds=seconds,
            traced_s=traced_s,
            everything=asked.redact is Masking.ALL,
            event=event,
            force=asked.force,
        )
    if asked.as_json:
        from aoftool.report.jsonout import print_json
        from aoftool.report.running.capture import capture_json

        print_json(capture_json(made))
        return DONE
    from aoftool.report.running.capture import render_capture

    render_capture(line_console(asked.color), made)
    tell(next_step("advise", path))
    return DONE
