"""What processes of a fleet do in tests: die, hang, or go over a log. Importable by any of them."""

from __future__ import annotations

import os
import signal
import time

from aoftool.fleet.model import LogRow
from aoftool.fleet.summary import summarized

__all__ = ["misbehaving"]


def misbehaving(path: str) -> LogRow:
    """Do as the name of a log says, or go over it."""
    if path.endswith("killed"):
        os.kill(os.getpid(), signal.SIGKILL)
    if path.endswith("hangs"):
        time.sleep(600)
    if path.endswith("leaves"):
        os._exit(7)
    return summarized(path)
