"""Why a server is slow, whether its log is safe, which settings to change: from captures and the log."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from aoftool.advise.advising import advise
from aoftool.advise.between import Back, captured_between, last_day_of_log, moment_of
from aoftool.advise.catalogue import all_settings
from aoftool.advise.model import Advice, DatedEvent, LogFacts, LogHealth
from aoftool.advise.one_server import need_known, need_one_server
from aoftool.advise.situation import Situation
from aoftool.advise.thresholds import Thresholds
from aoftool.api.machine import REPLAYED_UNASKED_BYTES
from aoftool.captures.bundle import Texts
from aoftool.captures.captured import read_captured
from aoftool.captures.model import Info, Kind
from aoftool.errors import AoftoolError, ReadFailedError, UsageError
from aoftool.progress import Progress, no_progress

if TYPE_CHECKING:
    from aoftool.analysis.inspect.contents_model import ContentsView
    from aoftool.analysis.inspect.model import Overview
    from aoftool.aof.model import Log
    from aoftool.api.inspecting import Inspection
    from aoftool.check.health_model import Health
    from aoftool.simulate.model import Simulation

__all__ = [
    "advised",
    "facts_of_log",
    "facts_of_overview",
    "happened_in",
    "replies_in",
    "what_if",
]


def advised(
    texts: Texts,
    *,
    kinds: Mapping[str, Kind] | None = None,
    since: float | Back | None = None,
    until: float | Back | None = None,
    thresholds: Thresholds | None = None,
    log: LogFacts | None = None,
    only: Collection[str] = (),
) -> Advice:
    """Return what captured texts say.

    Args:
        kinds: of texts whose content leaves doubt, by name.
        since, until: leave out what is of another time, in seconds since 1970. Without them the last
            day of the server's log is taken.
        thresholds: changed ones.
        log: what the log itself tells, from `facts_of_log`.
        only: codes of findings; all where there is none.

    Raises:
        InputError: nothing is known of what was given, or it is of several servers.
        UsageError: nothing lies between the two moments, or nothing tells where they are.
    """
    captured = read_captured(texts.texts, all_settings(), kinds)
    if log is None or texts.texts:
        need_known(captured)
    need_one_server(texts.texts, texts.places, captured.each_kind)
    since_s, words = moment_of(captured, since)
    until_s, more = moment_of(captured, until)
    if since_s is not None and until_s is not None and since_s > until_s:
        raise UsageError("--since is later than --until: nothing lies between", hint="exchange the two")
    left_out = [*texts.left_out, *words, *more, *captured_between(captured, since_s, until_s)]
    if since is None and until is None:
        left_out += last_day_of_log(captured)
    return advise(captured, thresholds=thresholds, log=log, only=only, left_out=left_out)


def happened_in(
    texts: Texts, since: float | Back | None = None, until: float | Back | None = None
) -> tuple[list[DatedEvent], bool]:
    """Return what captured texts say happened when, and whether the clock of the log is known against UTC.

    Args:
        since, until: leave out what is of another time. Without them the last day of the server's log is
            taken, as in `advised`.
    """
    from aoftool.advise.happened import dated_events

    captured = read_captured(texts.texts, all_settings(), None)
    captured_between(captured, moment_of(captured, since)[0], moment_of(captured, until)[0])
    if since is None and until is None:
        last_day_of_log(captured)
    return dated_events(captured)


def replies_in(
    texts: Texts, kinds: Mapping[str, Kind] | None = None
) -> tuple[dict[str, str], dict[str, str]] | None:
    """Return the fields of the oldest and the newest INFO of one run of the server; None without any."""
    situation = Situation(read_captured(texts.texts, all_settings(), kinds))
    last = situation.last
    if last is None:
        return None
    first = situation.first or last
    return _fields(first), _fields(last)


def _fields(info: Info) -> dict[str, str]:
    return {name: entry.value for name, entry in info.fields.items()}


def what_if(
    texts: Texts,
    advice: Advice,
    log: Log | None = None,
    seen: Inspection | None = None,
    *,
    kinds: Mapping[str, Kind] | None = None,
    progress: Progress = no_progress,
) -> tuple[Simulation | None, str]:
    """Return what other thresholds would do, from the log where it is given, else from INFO; or why not.

    Args:
        advice: what was said of these texts, for the settings in use.
        seen: the log as it was inspected; of a log above 16 MiB a sample of its keys is replayed.
    """
    from aoftool.api.simulating import Played, settings_in_use, simulated, simulated_of_info
    from aoftool.simulate.from_info import child_of_info

    in_use, replies = settings_in_use(advice.settings), replies_in(texts, kinds)
    try:
        if log is not None:
            child = None if replies is None else child_of_info(replies[1])
            reading, writer = (None, None) if seen is None else (seen.reading, seen.overview.reading)
            quick = reading is not None and (log.size_bytes or 0) > REPLAYED_UNASKED_BYTES
            # The disk of whoever reads the log now says nothing of the server's.
            played = Played(in_use, child=child)
            found, _ = simulated(log, played, read=reading, quick=quick, writer=writer, progress=progress)
            return found, ""
        if replies is None:
            return None, "it takes INFO, or the log (--aof PATH)"
        return simulated_of_info(*replies, Played(in_use, child=child_of_info(replies[1])), bounded=True), ""
    except ReadFailedError:
        raise
    except AoftoolError as error:
        more = "" if log is not None else "; the log itself does: --aof PATH"
        return None, error.message + more


def facts_of_log(path: str, log: Log, progress: Progress = no_progress) -> tuple[LogFacts, Inspection]:
    """Return how large a log is, what was written when, how long a load takes, what expires, if it is whole.

    And all that was seen of it, for who wants more.

    Args:
        path: as the user named it.
    """
    # Captures alone are read in a tenth of the time that this takes to load.
    from aoftool.api.inspecting import inspect

    seen = inspect(log, savings=False, rows=1, progress=progress)
    return facts_of_overview(path, seen.overview, seen.health, seen.contents), seen


def facts_of_overview(path: str, overview: Overview, health: Health, view: ContentsView | None) -> LogFacts:
    """Return the same of a log that was inspected already, with its contents where they were looked at."""
    from aoftool.analysis.inspect.restart import restart_of

    span = overview.time_range
    restart = restart_of(overview)
    return LogFacts(
        path,
        overview.size_bytes,
        sum(file.size_bytes for file in overview.files if file.role == "base"),
        sum(file.commands for file in overview.files if file.role != "base"),
        float(span.latest_s - span.earliest_s) or None if span is not None else None,
        # No restart is foretold of a log that is damaged.
        None if restart.is_open or not health.intact else restart.rdb_s + restart.commands_s,
        LogHealth(health.verdict.value, health.placed, health.intact, health.judged, health.next_command),
        tuple(sorted(view.expiry.seconds)) if view is not None and view.expiry is not None else (),
    )
