"""What rewrites would do under other settings: from a log, or from INFO where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aoftool.advise.model import SettingRow
from aoftool.captures.conf import memory_bytes
from aoftool.dataclass import dataclass, field
from aoftool.progress import Progress, no_progress
from aoftool.simulate.from_info import HORIZON_S, measured_of_info
from aoftool.simulate.model import (
    DEFAULT_USE,
    ChildTime,
    Forecast,
    Goals,
    Measured,
    Settings,
    Simulation,
)
from aoftool.simulate.neighbours import settings_around
from aoftool.simulate.outcome import conclusion
from aoftool.simulate.running import ranged

if TYPE_CHECKING:
    from aoftool.analysis.census.reading import Reading
    from aoftool.aof.model import Log
    from aoftool.replay.writer_model import Writer

__all__ = ["InUse", "Played", "settings_in_use", "simulated", "simulated_of_info"]

_HORIZONS_S = (HORIZON_S, 3600.0, 600.0)
_MOST_REWRITES = 2000

InUse = tuple[Settings, str]
"""Both settings of a server, and what says so."""


def settings_in_use(rows: Sequence[SettingRow]) -> InUse:
    """Return what captures say of both settings; the defaults for what they do not say."""
    told = {row.name: row.value for row in rows if row.value is not None}
    size = memory_bytes(told.get("auto-aof-rewrite-min-size", ""))
    share = memory_bytes(told.get("auto-aof-rewrite-percentage", ""))
    if size is None or share is None:
        return DEFAULT_USE
    return Settings(int(size), int(share)), "as captured"


@dataclass(frozen=True)
class Played:
    """What is played, of whichever log.

    Attributes:
        in_use: both settings that the server has, and what says so.
        tried: the settings to play; none for those around the ones in use.
        child: how long a rewrite takes; None where nothing tells.
        goals: what the settings have to meet.
        server_sizes: bytes of the log and of its base as the server has them; None for those of the files.
        free_bytes: on the disk of the log; None where that is not known.
    """

    in_use: InUse = DEFAULT_USE
    tried: Sequence[Settings] = ()
    child: ChildTime | None = None
    goals: Goals = field(default_factory=Goals)
    server_sizes: tuple[int, int] | None = None
    free_bytes: int | None = None


def simulated(
    log: Log,
    played: Played,
    *,
    read: Reading | None = None,
    quick: bool = False,
    written_by: str | None = None,
    writer: Writer | None = None,
    progress: Progress = no_progress,
) -> tuple[Simulation, Writer]:
    """Return what the settings in use and others would do with a log, and who wrote it.

    Args:
        read: the first reading, of the whole log, where it has been made.
        quick: replay a small sample of the keys.
        written_by: the release that wrote the log, as the user says.
        writer: who wrote the log, where that is known.

    Raises:
        SourceError: a file is not there.
        UnsupportedError: standard input; nobody can tell what a command does; or no small sample of keys can
            stand for all.
    """
    from aoftool.aof.log import need_every_file
    from aoftool.simulate.measuring import measure_log

    need_every_file(log)
    measured, writer = measure_log(
        log, written_by=written_by, read=read, quick=quick, writer=writer, progress=progress
    )
    base = measured.start.base_bytes
    sizes = played.server_sizes or (base + measured.appended_bytes, base)
    known = played.server_sizes is not None
    return _simulation(log.path, measured, played, sizes, known=known, server=writer.release.name), writer


def simulated_of_info(
    first: Mapping[str, str],
    last: Mapping[str, str],
    played: Played,
    *,
    rate: float | None = None,
    bounded: bool = False,
) -> Simulation:
    """Return the same of a log that grows as INFO says.

    Args:
        first, last: two replies of one run of a server, or one of them twice.
        rate: bytes a second, as the user says.
        bounded: play less than a day of a fast log, which holds more rewrites than are worth playing.

    Raises:
        InputError: AOF is off, or nothing tells a pace.
    """
    measured = measured_of_info(first, last, rate)
    if bounded:
        measured = measured_of_info(first, last, rate, _horizon_s(measured.rate or 0.0, played.in_use[0]))
    start = measured.start
    return _simulation(None, measured, played, (start.current_bytes, start.base_bytes), known=True)


def _horizon_s(rate: float, now: Settings) -> float:
    """Return how long a log is taken to grow, for not too many rewrites."""
    least = min(settings.min_size_bytes for settings in settings_around(now))
    return next((each for each in _HORIZONS_S if rate * each <= _MOST_REWRITES * least), _HORIZONS_S[-1])


def _simulation(
    path: str | None,
    measured: Measured,
    played: Played,
    sizes: tuple[int, int],
    *,
    known: bool,
    server: str = "",
) -> Simulation:
    """Return what is known of a log, played under each of the settings.

    Args:
        sizes: bytes of the log and of its base now; `known` says whether the server has told them.
    """
    now, source = played.in_use
    child = played.child or ChildTime()
    rows = [ranged(measured, settings, child) for settings in played.tried or settings_around(now)]
    found = Simulation(
        path,
        measured,
        child,
        now,
        source,
        rows,
        _ahead(measured, now, child, sizes, known, played.free_bytes),
        played.goals,
        server=server,
        conclusion=conclusion(measured, rows),
    )
    if played.goals.any:
        from aoftool.simulate.goals import advise

        found.advice = advise(measured, now, played.goals, child)
    return found


def _ahead(
    measured: Measured,
    now: Settings,
    child: ChildTime,
    sizes: tuple[int, int],
    known: bool,
    free_bytes: int | None,
) -> Forecast:
    from aoftool.simulate.forecast import forecast

    return forecast(
        measured,
        now,
        child,
        current_bytes=sizes[0],
        base_bytes=sizes[1],
        base_known=known,
        free_bytes=free_bytes,
    )
