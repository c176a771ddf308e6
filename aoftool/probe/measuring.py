"""The measurements, one after the other, each told as soon as it is done.

Runs in a process of its own: a sync that hangs cannot be interrupted, so somebody else has to keep the time.
Only one file is written, and it has no name. The second sync of a server's manifest is that of the renamed
name in its directory; here it is that of changed permission bits, which the journal of a file system treats
alike, so that no name is ever on the disk.
Source: Valkey 9.1 src/aof.c writeAofManifestFile: write, sync, rename, sync of the directory.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any

from aoftool.files.syscalls import SYSTEM, SystemCalls
from aoftool.probe.model import MOST_BYTES
from aoftool.units import format_bytes

__all__ = ["APPEND_MOST_BYTES", "Tell", "measure"]

MIB = 1 << 20
# (bytes, times at most, seconds at most)
_SYNCS = ((512, 200, 0.3), (4096, 200, 0.5), (64 << 10, 60, 0.5), (MIB, 8, 1.0))
_UNSYNCED_MIB = (0, 1, 4, 8)
_STEP_S = 0.01
# Disks do not always take the same time.
_SLACK = 1.1
APPEND_MOST_BYTES = 16 * MIB
_MANIFEST = b"file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"
# A sync is under way that much later.
_HEAD_START_S = 0.002

Tell = Callable[[dict[str, Any]], None]


class _Writer:
    """Write to the end of the log and to the manifest, and count the bytes.

    Raises:
        RuntimeError: more than allowed would be written.
    """

    def __init__(self, log: int, manifest: int, noise: bytes, calls: SystemCalls) -> None:
        self._log, self._manifest, self._noise, self._calls = log, manifest, noise, calls
        self.written = 0
        self._mode = 0o600

    def _write(self, descriptor: int, data: memoryview) -> None:
        if self.written + len(data) > MOST_BYTES:
            raise RuntimeError("the probe would write more than it may")
        while data:
            done = self._calls.write(descriptor, data)
            self.written += done
            data = data[done:]

    def append(self, size_bytes: int) -> None:
        """Append to the log."""
        while size_bytes:
            piece = min(size_bytes, len(self._noise))
            at = self.written % (len(self._noise) - piece + 1)
            self._write(self._log, memoryview(self._noise)[at : at + piece])
            size_bytes -= piece

    def sync(self) -> None:
        """Sync the log."""
        self._calls.sync_data(self._log)

    def manifest(self) -> None:
        """Write and sync a manifest as a rewrite does, and sync a change of metadata behind it."""
        self._write(self._manifest, memoryview(_MANIFEST))
        self._calls.sync_data(self._manifest)
        self._mode ^= 0o040
        self._calls.change_mode(self._manifest, self._mode)
        self._calls.sync(self._manifest)


def measure(
    log: int,
    manifest: int,
    noise: bytes,
    rate: int,
    tell: Tell,
    until: float = math.inf,
    calls: SystemCalls = SYSTEM,
) -> None:
    """Run all measurements and tell each.

    Args:
        log, manifest: descriptors of two empty files.
        noise: a MiB or so that does not compress.
        rate: bytes a second to append; capped at `APPEND_MOST_BYTES`.
        tell: takes what begins (`begins`) and what was found, with the bytes written so far.
        until: what cannot be done by then, on the monotonic clock, is left out.
    """
    writer = _Writer(log, manifest, noise, calls)

    def told(**found: Any) -> None:
        tell({**found, "written_bytes": writer.written})

    for size_bytes, most, limit_s in _SYNCS:
        told(begins=f"a sync of {format_bytes(size_bytes)}")
        told(kind="sync", size_bytes=size_bytes, seconds=_syncs(writer, size_bytes, most, limit_s))
    told(begins="appending for a second, and its sync")
    told(kind="append", rate=rate, **_append(writer, min(rate, APPEND_MOST_BYTES)))
    mib_s = 0.0
    for count in _UNSYNCED_MIB:
        if time.monotonic() + count * mib_s * _SLACK > until:
            told(kind="left-out", unsynced_bytes=count * MIB)
            continue
        told(begins=f"the sync of a manifest beside {count} MiB")
        found = _beside(writer, count * MIB)
        told(kind="beside", unsynced_bytes=count * MIB, **found)
        if count:
            mib_s = max(found["stall_s"], found["sync_s"]) / count


def _syncs(writer: _Writer, size_bytes: int, most: int, limit_s: float) -> list[float]:
    found: list[float] = []
    until = time.monotonic() + limit_s
    while len(found) < most and (not found or time.monotonic() < until):
        began = time.monotonic()
        writer.append(size_bytes)
        writer.sync()
        found.append(time.monotonic() - began)
    return found


def _append(writer: _Writer, size_bytes: int) -> dict[str, Any]:
    """Append for a second in small steps, as an event loop does."""
    began = time.monotonic()
    worst = 0.0
    done = 0
    while done < size_bytes:
        due = min(int(size_bytes * (time.monotonic() - began)) + 1, size_bytes)
        if due > done:
            wrote = time.monotonic()
            writer.append(due - done)
            worst = max(worst, time.monotonic() - wrote)
            done = due
        time.sleep(_STEP_S)
    synced = time.monotonic()
    writer.sync()
    return {"size_bytes": done, "worst_write_s": worst, "sync_s": time.monotonic() - synced}


def _beside(writer: _Writer, unsynced_bytes: int) -> dict[str, Any]:
    """Sync a manifest while another thread syncs a log, as servers do."""
    took: list[float] = []

    def sync() -> None:
        began = time.monotonic()
        writer.sync()
        took.append(time.monotonic() - began)

    writer.append(unsynced_bytes)
    other = threading.Thread(target=sync)
    if unsynced_bytes:
        other.start()
        time.sleep(_HEAD_START_S)
    began = time.monotonic()
    writer.manifest()
    stall_s = time.monotonic() - began
    if unsynced_bytes:
        other.join()
    return {"stall_s": stall_s, "sync_s": took[0] if took else None}
