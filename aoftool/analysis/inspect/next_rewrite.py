"""When a server will next rewrite the log by itself, by the settings that it has unless they were changed.

Source: Valkey 9.1 src/server.c serverCron, src/aof.c: above the least size, when the log has grown by the
percentage over its size after the last rewrite, or at the last start, which no log tells.
"""

from __future__ import annotations

from aoftool.analysis.clock.model import Axis
from aoftool.analysis.growth.model import Growth
from aoftool.analysis.inspect.contents_model import NextRewrite
from aoftool.analysis.inspect.model import Overview
from aoftool.commands.groups import SCRIPTS

__all__ = ["next_rewrite_of"]

PERCENTAGE = 100
LEAST_BYTES = 64 << 20
# Less than this says nothing of a pace.
_LEAST_S = 60


def next_rewrite_of(overview: Overview, growth: Growth) -> NextRewrite | None:
    """Return the size at which a log is due; None where there is no log that grows."""
    if overview.layout == "rdb" or not overview.commands:
        return None
    base = sum(part.size_bytes for part in overview.rdb_parts)
    if not base:
        base = sum(file.size_bytes for file in overview.files if file.role == "base")
    due = max(base + base * PERCENTAGE // 100, LEAST_BYTES)
    pace = None
    if growth.axis is Axis.TIME and growth.buckets:
        seconds = growth.buckets[-1].end - growth.buckets[0].start
        pace = growth.size_bytes / seconds if seconds >= _LEAST_S else None
    has_scripts = any(row.name in SCRIPTS for row in overview.commands)
    return NextRewrite(overview.size_bytes, base, due, pace, PERCENTAGE, LEAST_BYTES, has_scripts)
