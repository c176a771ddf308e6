"""What is kept of one log of a fleet: what `check` and `inspect` say of it, in one row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.errors import AoftoolError
from aoftool.escape import printable, shown_text
from aoftool.fleet.model import LogRow, RowState
from aoftool.next_step import next_step, parted

if TYPE_CHECKING:
    from aoftool.analysis.inspect.contents_model import ContentsView
    from aoftool.analysis.inspect.model import Overview
    from aoftool.aof.model import Log
    from aoftool.aof.survey import ReadTail
    from aoftool.check.model import Report

__all__ = ["summarized"]

# As `aoftool inspect` does it: larger logs are counted, and not looked into.
_CONTENTS_BYTES = 256 << 20


def summarized(path: str, read_tail: ReadTail | None = None) -> LogRow:
    """Return the row of a log; whatever goes wrong with it is in the row.

    Args:
        path: as for `aoftool.api.opening.open_log`.
        read_tail: counts the command streams of a log that is not looked into, where that was done before.
    """
    try:
        return _read(path, read_tail)
    except AoftoolError as error:
        return LogRow.not_read(path, RowState.UNREAD, error.message, error.hint or "")
    except (OSError, MemoryError, RecursionError) as error:
        return LogRow.not_read(
            path,
            RowState.UNREAD,
            f"{type(error).__name__}: {printable(str(error).encode('utf-8', 'surrogateescape'))}",
        )
    except Exception as error:  # a fault of ours is a row too, and the others are gone on with
        message = f"a bug in aoftool, {type(error).__name__}"
        return LogRow.not_read(path, RowState.CRASHED, message, next_step("check", path))


def _read(path: str, read_tail: ReadTail | None) -> LogRow:
    from aoftool.api.opening import held_log
    from aoftool.check.checker import check

    with held_log(path) as log:
        report = check(log, read_tail=read_tail)
        return _row(path, report, *_inspected(log, read_tail))


def _inspected(log: Log, read_tail: ReadTail | None) -> tuple[Overview, ContentsView | None]:
    """Return what `aoftool inspect` shows beside the line of health, which the check has told of."""
    if (log.size_bytes or 0) > _CONTENTS_BYTES:
        from aoftool.analysis.inspect.overview import overview_of
        from aoftool.aof.survey import survey

        return overview_of(survey(log, read_tail=read_tail)), None
    from aoftool.api.inspecting import InspectionRequest, inspected

    found = inspected(log, InspectionRequest(), workers=1)
    return found.overview, found.contents


def _row(path: str, report: Report, overview: Overview, contents: ContentsView | None) -> LogRow:
    from aoftool.analysis.inspect.model import RowKind
    from aoftool.check.model import Severity

    order = (Severity.DAMAGE, Severity.NOT_JUDGED, Severity.WARNING)
    firsts = [next((one for one in report.findings if one.severity is kind), None) for kind in order]
    first = next((one for one in firsts if one is not None), None)
    savings = None if contents is None else contents.savings
    known = savings is not None and savings.reason is None
    restart = None if contents is None else contents.restart
    later = None if contents is None else contents.next_rewrite
    reading = overview.reading
    steps = parted(report.next_step)
    return LogRow(
        path,
        RowState.READ,
        report.verdict.value,
        report.intact,
        report.judged,
        None if reading is None else reading.name,
        "" if reading is None else shown_text(reading.version),
        overview.size_bytes,
        sum(row.commands for row in overview.files),
        sum(part.keys for part in overview.rdb_parts),
        savings.dead_bytes + savings.base_dead_bytes if savings is not None and known else 0,
        savings.live_bytes + savings.dead_bytes + savings.base_bytes if savings is not None and known else 0,
        None if later is None else later.bytes_per_s,
        None if restart is None else restart.least_s,
        None if restart is None else restart.most_s,
        None if overview.time_range is None else overview.time_range.latest_s,
        "" if first is None else first.code,
        "" if first is None else first.message,
        steps["next"] or "",
        steps["hint"] or "",
        {
            printable(row.name): [row.count, row.size_bytes]
            for row in overview.commands
            if row.kind in (RowKind.COMMAND, RowKind.FRAMING)
        },
    )
