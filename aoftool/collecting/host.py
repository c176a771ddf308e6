"""What the machine says of a server process: files under /proc and /sys, its log, its configuration file.

Only where the server is proved to run here: the process number, its start and its program agree. A file that
the server names is read only where the server itself may read it: nobody gets others' files through us.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

from aoftool.dataclass import dataclass
from aoftool.escape import shown_path

__all__ = ["LocalServer", "find_local", "host_files", "io_counts", "read_for"]

_MOST_BYTES = 1 << 20
_APART_S = 5.0
_NAMES = (b"redis", b"valkey", b"keydb")
_PROC = ("status", "smaps_rollup", "smaps", "mountinfo", "limits")
_KERNEL = {
    "sys/transparent_hugepage_enabled": "/sys/kernel/mm/transparent_hugepage/enabled",
    "sys/overcommit_memory": "/proc/sys/vm/overcommit_memory",
    "sys/swappiness": "/proc/sys/vm/swappiness",
    "sys/dirty_ratio": "/proc/sys/vm/dirty_ratio",
    "sys/dirty_bytes": "/proc/sys/vm/dirty_bytes",
    "sys/dirty_background_ratio": "/proc/sys/vm/dirty_background_ratio",
    "sys/dirty_background_bytes": "/proc/sys/vm/dirty_background_bytes",
    "sys/dirty_expire_centisecs": "/proc/sys/vm/dirty_expire_centisecs",
    "sys/meminfo": "/proc/meminfo",
}
_CGROUP = "/sys/fs/cgroup"
_LIMITS = ("cpu.max", "memory.max")


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server process of this machine, and whom it runs as."""

    pid: int
    uid: int
    gid: int


def find_local(pid: int, uptime_s: int, peer_pid: int | None) -> LocalServer | None:
    """Return the process of a server when it runs on this machine; None where that is not proved."""
    if pid <= 1 or (peer_pid is not None and peer_pid != pid):
        return None
    try:
        ticks = int(Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[19])
        up_s = float(Path("/proc/uptime").read_text().split()[0])
        words = Path(f"/proc/{pid}/status").read_text("utf-8", "replace").split("\n")
    except (OSError, ValueError, IndexError):
        return None
    lived_s = up_s - ticks / os.sysconf("SC_CLK_TCK")
    if not _is_server(pid) or abs(lived_s - uptime_s) > _APART_S:
        return None
    ids = {name: line.split()[2] for line in words for name in ("Uid", "Gid") if line.startswith(name + ":")}
    return LocalServer(pid, int(ids["Uid"]), int(ids["Gid"]))


def _is_server(pid: int) -> bool:
    """Tell by its name or the files in its memory whether a process is a server.

    One that a loader or a wrapper started has the name of that.
    """
    words: list[bytes] = []
    for name in ("comm", "maps"):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                words += re.split(rb"[\0\s]+", file.read(_MOST_BYTES))
        except OSError:
            continue
    return any(word.rpartition(b"/")[2].startswith(_NAMES) for word in words)


def host_files(local: LocalServer, data: str | None) -> Iterator[tuple[str, str | None]]:
    """Yield (name in the bundle, text, None where it cannot be read).

    Args:
        data: the data directory of the server; its files are listed with their sizes.
    """
    for name in _PROC:
        yield f"proc/{name}", _read(f"/proc/{local.pid}/{name}")
    yield "proc/io", io_counts(local)
    for name, path in _KERNEL.items():
        text = _read(path)
        if text is not None:
            yield name, text
    for name in _LIMITS:
        text = _read(f"{_CGROUP}{_group_of(local.pid)}/{name}")
        if text is not None:
            yield f"sys/{name}", text
    if data is not None:
        yield "sys/files.txt", _listed(data)
        yield "sys/df.txt", _space(data)


def _group_of(pid: int) -> str:
    """Return the control group of a process, version 2; empty for the root and for none."""
    found = re.search(r"^0::(/[^\n]*)$", _read(f"/proc/{pid}/cgroup") or "", re.MULTILINE)
    path = found[1] if found is not None else "/"
    return "" if path == "/" or ".." in path else path


def io_counts(local: LocalServer) -> str | None:
    """Return what a process has read and written so far."""
    return _read(f"/proc/{local.pid}/io")


def _read(path: str) -> str | None:
    try:
        with open(path, "rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return None


def read_for(local: LocalServer, path: str, *, tail: bool) -> str | None:
    """Return a file that the server named, or the end of it; None where the server may not read it either."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        there = os.fstat(descriptor)
        if not stat.S_ISREG(there.st_mode) or not _may_read(there, local):
            return None
        start = max(there.st_size - _MOST_BYTES, 0) if tail else 0
        return os.pread(descriptor, _MOST_BYTES, start).decode("utf-8", "replace")
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _may_read(there: os.stat_result, local: LocalServer) -> bool:
    if local.uid == 0 or there.st_mode & stat.S_IROTH:
        return True
    if there.st_uid == local.uid:
        return bool(there.st_mode & stat.S_IRUSR)
    return there.st_gid == local.gid and bool(there.st_mode & stat.S_IRGRP)


def _listed(data: str) -> str | None:
    rows = []
    for folder in (data, os.path.join(data, "appendonlydir")):
        try:
            with os.scandir(folder) as entries:
                for entry in sorted(entries, key=lambda item: item.name):
                    if entry.is_file(follow_symlinks=False):
                        size = entry.stat(follow_symlinks=False).st_size
                        rows.append(f"{size:>12} {shown_path(entry.path)}")
        except OSError:
            continue
    return "\n".join(rows[:10_000]) + "\n" if rows else None


def _space(data: str) -> str | None:
    """Return room and device as df -Pk has them."""
    try:
        done = subprocess.run(["df", "-Pk", "--", data], capture_output=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace")[:_MOST_BYTES]
