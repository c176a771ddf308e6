"""Probe a disk: another process measures, this one keeps the time.

Ends within ten seconds whatever the disk does. A sync that hangs is left to the kernel: the process that
waits for it is told to end, and its nameless file goes with it. When this process is ended, that one is too.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

from aoftool.errors import SinkError
from aoftool.files.syscalls import SYSTEM, SystemCalls
from aoftool.probe.measuring import Tell, measure
from aoftool.probe.model import MOST_S, Appended, Beside, Place, Probe, SyncTimes
from aoftool.probe.nameless import open_nameless

__all__ = ["DEFAULT_RATE", "probe_place"]

DEFAULT_RATE = 3 << 20
"""Bytes a second to append unless asked otherwise."""

_NOISE_BYTES = (1 << 20) + 4099
# Source: Linux include/uapi/linux/prctl.h
_PR_SET_PDEATHSIG = 1
# The measuring process is given so long to end by itself.
_REAP_S = 0.2


def probe_place(
    place: Place, rate: int = DEFAULT_RATE, limit_s: float = MOST_S, calls: SystemCalls = SYSTEM
) -> Probe:
    """Measure a disk within its limits.

    Args:
        rate: bytes a second to append.
        limit_s: what is not done by then is given up.

    Raises:
        SinkError: nothing can be written there, or writing failed.
    """
    began = time.monotonic()
    log, nameless = open_nameless(place.path, calls)
    manifest, _ = open_nameless(place.path, calls)
    found = Probe(place, nameless)
    answers, told = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if not pid:
        os.close(answers)
        until = began + limit_s
        _work_and_exit(parent, lambda tell: _measure(log, manifest, rate, until, tell, calls), told)
    os.close(told)
    # Only the measuring process may hold the files, or they would outlive it.
    os.close(log)
    os.close(manifest)
    try:
        doing, since, problem = _collect(answers, began + limit_s, found)
    finally:
        os.close(answers)
        _end(pid)
    found.elapsed_s = time.monotonic() - began
    if problem:
        raise SinkError(f"the probe failed: {problem}", path=place.path)
    if doing:
        found.unfinished, found.unfinished_s = doing, time.monotonic() - since
    return found


def _work_and_exit(parent: int, work: Callable[[Tell], None], told: int) -> None:
    """Measure, and never return."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == parent:
            work(lambda found: _tell(told, found))
            status = 0
    finally:
        os._exit(status)


def _tell(told: int, found: dict[str, Any]) -> None:
    os.write(told, json.dumps(found).encode() + b"\n")


def _measure(log: int, manifest: int, rate: int, until: float, tell: Tell, calls: SystemCalls) -> None:
    try:
        measure(log, manifest, os.urandom(_NOISE_BYTES), rate, tell, until, calls)
        tell({"done": True})
    except (OSError, RuntimeError) as error:
        tell({"problem": getattr(error, "strerror", None) or str(error)})


def _collect(answers: int, deadline: float, found: Probe) -> tuple[str, float, str]:
    """Take what is told until time is over; return what is under way, since when, and a problem."""
    doing, since = "the start", time.monotonic()
    for answer in _lines(answers, deadline):
        found.written_bytes = answer.get("written_bytes", found.written_bytes)
        if "problem" in answer:
            return "", since, answer["problem"]
        if "done" in answer:
            return "", since, ""
        if "begins" in answer:
            doing, since = answer["begins"], time.monotonic()
        else:
            _KINDS[answer["kind"]](found, answer)
    return doing, since, ""


def _lines(answers: int, deadline: float) -> Iterator[dict[str, Any]]:
    held = b""
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([answers], [], [], left)
        if not ready:
            return
        more = os.read(answers, 1 << 16)
        if not more:
            return
        *lines, held = (held + more).split(b"\n")
        yield from map(json.loads, lines)


def _end(pid: int) -> None:
    """End the measuring process; one that waits for a disk ends when the disk lets it."""
    os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + _REAP_S
    while time.monotonic() < until:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return
        time.sleep(0.005)


def _take_sync(found: Probe, answer: dict[str, Any]) -> None:
    ordered = sorted(answer["seconds"])
    count = len(ordered)

    def rank(share: float) -> float:
        return float(ordered[min(int(share * count), count - 1)])

    found.syncs.append(SyncTimes(answer["size_bytes"], count, rank(0.5), rank(0.99), ordered[-1]))


def _take_append(found: Probe, answer: dict[str, Any]) -> None:
    figures = (answer["rate"], answer["size_bytes"], answer["worst_write_s"], answer["sync_s"])
    found.appended = Appended(*figures)


def _take_beside(found: Probe, answer: dict[str, Any]) -> None:
    found.beside.append(Beside(answer["unsynced_bytes"], answer["stall_s"], answer["sync_s"]))


_KINDS: dict[str, Callable[[Probe, dict[str, Any]], None]] = {
    "sync": _take_sync,
    "append": _take_append,
    "beside": _take_beside,
    "left-out": lambda found, answer: found.left_out.append(answer["unsynced_bytes"]),
}
