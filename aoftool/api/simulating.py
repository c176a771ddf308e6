"""What rewrites would do under other settings: from a log, or from INFO where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aoftool.advise.model import SettingRow
from aoftool.captures.conf import memory_bytes
from aoftool.progress import Progress, no_progress
from aoftool.simulate.from_info import HORIZON_S, child_of_info, measured_of_info
from aoftool.simulate.model import DEFAULT_USE, ChildTime, Forecast, Measured, Settings, Simulation
from aoftool.simulate.neighbours import settings_around
from aoftool.simulate.outcome import conclusion
from aoftool.simulate.running import ranged

if TYPE_CHECKING:
    from aoftool.analysis.census.reading import Reading
    from aoftool.aof.model import Log
    from aoftool.replay.writer_model import Writer

__all__ = ["InUse", "settings_in_use", "simulated", "simulated_of_info"]

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


def simulated(
    log: Log,
    *,
    in_use: InUse = DEFAULT_USE,
    info: Mapping[str, str] | None = None,
    read: Reading | None = None,
    quick: bool = False,
    writer: Writer | None = None,
    progress: Progress = no_progress,
) -> Simulation:
    """Return what the settings in use and those around them would do with a log.

    Args:
        info: the newest INFO of the server, for how long a rewrite takes.
        read: the first reading, of the whole log, where it has been made.
        quick: replay a small sample of the keys.
        writer: who wrote the log, where that is known.

    Raises:
        SourceError: a file is not there.
        UnsupportedError: standard input; nobody can tell what a command does; or no small sample of keys can
            stand for all.
    """
    from aoftool.aof.log import need_every_file
    from aoftool.simulate.forecast import forecast
    from aoftool.simulate.measuring import measure_log

    need_every_file(log)
    child = (None if info is None else child_of_info(info)) or ChildTime()
    measured, writer = measure_log(log, read=read, quick=quick, writer=writer, progress=progress)
    base = measured.start.base_bytes
    # The disk of whoever reads the log now says nothing of the server's.
    ahead = forecast(
        measured,
        in_use[0],
        child,
        current_bytes=base + measured.appended_bytes,
        base_bytes=base,
        base_known=False,
        free_bytes=None,
    )
    return _simulation(log.path, measured, child, in_use, ahead, writer.release.name)


def simulated_of_info(
    first: Mapping[str, str], last: Mapping[str, str], in_use: InUse, free_bytes: int | None = None
) -> Simulation:
    """Return the same of a log that grows as INFO says.

    Args:
        first, last: two replies of one run of a server, or one of them twice.
        free_bytes: on the disk of the log, where that was captured.

    Raises:
        InputError: AOF is off, or nothing tells a pace.
    """
    from aoftool.simulate.forecast import forecast

    measured = measured_of_info(first, last)
    rate = measured.rate or 0.0
    least = min(settings.min_size_bytes for settings in settings_around(in_use[0]))
    # Of a fast log a day holds more rewrites than are worth playing.
    horizon_s = next((each for each in _HORIZONS_S if rate * each <= _MOST_REWRITES * least), _HORIZONS_S[-1])
    measured = measured_of_info(first, last, horizon_s=horizon_s)
    child = child_of_info(last) or ChildTime()
    start = measured.start
    ahead = forecast(
        measured,
        in_use[0],
        child,
        current_bytes=start.current_bytes,
        base_bytes=start.base_bytes,
        base_known=True,
        free_bytes=free_bytes,
    )
    return _simulation(None, measured, child, in_use, ahead, "")


def _simulation(
    path: str | None, measured: Measured, child: ChildTime, in_use: InUse, ahead: Forecast, server: str
) -> Simulation:
    now, source = in_use
    rows = [ranged(measured, settings, child) for settings in settings_around(now)]
    told = conclusion(measured, rows)
    return Simulation(path, measured, child, now, source, rows, ahead, server=server, conclusion=told)
