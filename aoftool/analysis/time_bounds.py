"""When the commands of a log ran, as exactly as the log itself says without guessing.

With `#TS` annotations a command ran in the second named last, or later only if the clock stood still;
without them, between the time a base was written and the last write to the file. Inferring more from the
contents is not done here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from aoftool.analysis.history_model import TimeBounds
from aoftool.aof.model import Log

__all__ = ["LogClock", "created_s"]


def created_s(aux: Mapping[bytes, bytes]) -> int | None:
    """Return when an RDB part was begun, Unix seconds, by its `ctime` field."""
    text = aux.get(b"ctime", b"")
    return int(text) if text.isdigit() and len(text) < 12 else None


class LogClock:
    """Bound the times of commands.

    Args:
        base_s: when the RDB part was begun, Unix seconds; what follows it ran later.
    """

    def __init__(self, log: Log, base_s: int | None) -> None:
        self._earliest_ms = None if base_s is None else base_s * 1000
        self._latest_ms: list[int | None] = []
        for file in log.files:
            try:
                self._latest_ms.append(os.stat(file.path).st_mtime_ns // 1_000_000)
            except OSError:
                self._latest_ms.append(None)

    def bounds(self, file_number: int, time_s: int | None) -> TimeBounds:
        """Return when a command ran.

        Args:
            file_number: of its file in load order.
            time_s: the last `#TS` before it, None without one.
        """
        if time_s is not None:
            return TimeBounds(time_s * 1000, time_s * 1000 + 999)
        return TimeBounds(self._earliest_ms, self._latest_ms[file_number])
