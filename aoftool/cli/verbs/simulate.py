"""`aoftool simulate`: what rewrites would do under other settings, and when the next one comes."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from aoftool.cli.console import line_console, tell
from aoftool.cli.ending import tell_damage
from aoftool.cli.exit_codes import NOT_JUDGED, VERDICT
from aoftool.cli.options.asking import parse_seconds
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.options.writing import parse_size
from aoftool.cli.requests.simulate import SimulateRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.errors import InputError, UsageError
from aoftool.next_step import next_step

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.replay.writer_model import Writer
    from aoftool.simulate.model import Advice, ChildTime, Forecast, Goals, Measured, Settings

__all__ = ["register"]

_TAKES = "a size such as 64m, 1g or 4096"
_INFO_BYTES = 1 << 20
_MOST_PAIRS = 64


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
    from aoftool.report.running.simulate import render_simulation, sawtooth_svg, simulation_json
    from aoftool.simulate.goals import advise
    from aoftool.simulate.model import DEFAULTS, ChildTime, Simulation
    from aoftool.simulate.outcome import conclusion
    from aoftool.simulate.running import ranged

    make_redactor(asked.redact, asked.salt)
    goals = _goals(asked.restart_under, asked.disk, asked.at_most)
    present = DEFAULTS if asked.now is None else _present(asked.now)
    captures = [_info_of(name) for name in (asked.info or [])]
    if len(captures) > 2:
        raise UsageError("--info is given once or twice", hint="leave one out")
    if asked.rate is not None and (asked.path is not None or not captures):
        raise UsageError("--rate goes with --info alone", hint="leave out PATH, or --rate")
    lives = _child_time(asked.child, captures)
    log, measured, writer = _measured(asked, captures)
    pairs = _pairs(asked.min_sizes, asked.percentages, present, measured)
    rows = [ranged(measured, settings, lives or ChildTime()) for settings in pairs]
    found = Simulation(
        None if log is None else log.path,
        measured,
        lives or ChildTime(),
        present,
        "the defaults" if asked.now is None else "as you say",
        rows,
        _forecast(log, measured, present, lives or ChildTime(), captures),
        goals,
        server="" if writer is None else writer.release.name,
        conclusion=conclusion(measured, rows),
    )
    if goals.any:
        found.advice = advise(measured, present, goals, found.child)
    if asked.svg is not None:
        from aoftool.files.sink import write_atomically

        write_atomically(asked.svg, [sawtooth_svg(rows).encode()], force=asked.force)
    if asked.as_json:
        from aoftool.report.jsonout import print_json

        print_json(simulation_json(found))
    else:
        from aoftool.cli.told_writer import tell_writer

        render_simulation(line_console(asked.color), found)
        tell_writer(writer)
    code = 0 if log is None else tell_damage(log, measured.damage)
    return code or _tell_goals(found.advice, log, asked.now)


def _tell_goals(advice: Advice | None, log: Log | None, now: str | None) -> int:
    """Say which goals could be met in place of those that cannot; return the exit code."""
    if advice is None or advice.reachable is None:
        return 0
    goals = advice.reachable
    options = [
        "" if now is None else f"--now {now}",
        "" if goals.restart_s is None else f"--restart-under {goals.restart_s:g}s",
        "" if goals.disk_bytes is None else f"--disk {goals.disk_bytes}",
        "" if goals.per_hour is None else f"--at-most {goals.per_hour:g}/h",
    ]
    if log is not None:
        line = next_step("simulate", log.path, *options)
    else:
        line = f"the same, with {' '.join(filter(None, options))}"
    tell(line)
    return 1


def _measured(
    request: SimulateRequest, captures: list[dict[str, str]]
) -> tuple[Log | None, Measured, Writer | None]:
    """Return what is known of the log: from itself, or from INFO where there is nothing else."""
    if request.path is None and captures:
        from aoftool.simulate.from_info import measured_of_info

        rate = None if request.rate is None else float(parse_size(request.rate, "--rate", _TAKES))
        return None, measured_of_info(captures[0], captures[-1], rate), None
    from aoftool.aof.log import need_every_file
    from aoftool.cli.inputs import find_input
    from aoftool.cli.progress import ProgressReporter
    from aoftool.simulate.measuring import measure_log

    log = find_input(request.path)
    need_every_file(log)
    with ProgressReporter("replaying", log.size_bytes, request.progress, request.quiet) as reporter:
        measured, writer = measure_log(log, written_by=request.written_by, progress=reporter)
    return log, measured, writer


def _forecast(
    log: Log | None, measured: Measured, now: Settings, child: ChildTime, captures: list[dict[str, str]]
) -> Forecast:
    """Return what comes next: by INFO where it is given, else by the files."""
    from aoftool.simulate.forecast import forecast

    fields = captures[-1] if captures else {}
    base, current = fields.get("aof_base_size", ""), fields.get("aof_current_size", "")
    known = base.isdigit() and current.isdigit()
    size = measured.start.base_bytes + measured.appended_bytes if log is not None else 0
    return forecast(
        measured,
        now,
        child,
        current_bytes=int(current) if known else size,
        base_bytes=int(base) if known else measured.start.base_bytes,
        base_known=known,
        free_bytes=None if log is None else _free(log),
    )


def _free(log: Log) -> int | None:
    """Return the bytes that a server may still write where the log is."""
    try:
        there = os.statvfs(log.directory or os.path.dirname(log.path) or ".")
    except OSError:
        return None
    return there.f_bavail * there.f_frsize


def _info_of(name: str) -> dict[str, str]:
    from aoftool.files.failures import reading
    from aoftool.simulate.from_info import info_fields

    try:
        with reading(name), open(name, "rb") as file:
            return info_fields(file.read(_INFO_BYTES))
    except InputError as error:
        error.path = name
        raise


def _child_time(text: str | None, captures: list[dict[str, str]]) -> ChildTime | None:
    from aoftool.simulate.from_info import child_of_info
    from aoftool.simulate.model import ChildTime

    if text is not None:
        return ChildTime(parse_seconds(text, "--child"), 0.0, "asked")
    return child_of_info(captures[-1]) if captures else None


def _goals(restart_under: str | None, disk: str | None, at_most: str | None) -> Goals:
    from aoftool.simulate.model import Goals

    return Goals(
        None if restart_under is None else parse_seconds(restart_under, "--restart-under"),
        None if disk is None else parse_size(disk, "--disk", _TAKES),
        None if at_most is None else _per_hour(at_most),
    )


def _per_hour(text: str) -> float:
    found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)/([hd])", text.strip())
    if found is None:
        raise UsageError("--at-most takes a number of rewrites such as 4/h or 24/d")
    return float(found[1]) / (24 if found[2] == "d" else 1)


def _present(text: str) -> Settings:
    from aoftool.simulate.model import Settings

    size, comma, number = text.partition(",")
    if not comma:
        raise UsageError("--now takes both settings: 64m,100")
    return Settings(parse_size(size, "--now", _TAKES), _percentage(number, "--now"))


def _percentage(text: str, option: str) -> int:
    if not re.fullmatch(r"\d{1,6}", text.strip(), re.ASCII):
        raise UsageError(f"{option} takes whole numbers such as 100")
    return int(text)


def _pairs(
    min_sizes: str | None, percentages: str | None, now: Settings, measured: Measured
) -> list[Settings]:
    """Return the settings to try, ascending; the present ones are always among them."""
    from aoftool.simulate.neighbours import in_order, percentages_around, sizes_around

    sizes = sizes_around(now)
    if min_sizes is not None:
        sizes = {parse_size(part, "--minsize", _TAKES) for part in min_sizes.split(",")}
    shares = percentages_around(now)
    if percentages is not None:
        shares = {_percentage(part, "--pct") for part in percentages.split(",")}
    if len(sizes) * len(shares) > _MOST_PAIRS:
        raise UsageError(f"at most {_MOST_PAIRS} pairs of settings are shown", hint="name fewer, or a goal")
    return in_order(sizes, shares, now)
