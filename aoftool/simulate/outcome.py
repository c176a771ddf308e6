"""Tell in one sentence that settings make no difference to a log, where they make none."""

from __future__ import annotations

from collections.abc import Sequence

from aoftool.simulate.model import Measured, Pace, Row
from aoftool.simulate.running import trigger_bytes
from aoftool.units import counted, format_bytes, format_duration

__all__ = ["conclusion"]


def conclusion(measured: Measured, rows: Sequence[Row]) -> str:
    """Return what all settings have in common, in words; empty where they differ."""
    if len(rows) < 2 or any(row.teeth != rows[0].teeth for row in rows[1:]):
        return ""
    within = "the log"
    if measured.pace is Pace.CONSTANT and measured.seconds:
        within = format_duration(measured.seconds)
    if not rows[0].count:
        return f"no setting of these rewrites within {within}: {_never(measured, rows)}"
    return f"all settings of these do the same within {within}: {counted(rows[0].count, 'rewrite')}"


def _never(measured: Measured, rows: Sequence[Row]) -> str:
    """Say at which size the first of them would."""
    end = measured.start.current_bytes + measured.appended_bytes
    dues = [trigger_bytes(measured.start.base_bytes, row.settings) for row in rows]
    first = min((due for due in dues if due is not None), default=None)
    if first is None:
        return "a percentage of 0 is never"
    if first <= end:
        return f"it ends at {format_bytes(end)}, before the server looks again"
    return f"it ends at {format_bytes(end)}, and the first of them would rewrite at {format_bytes(first)}"
