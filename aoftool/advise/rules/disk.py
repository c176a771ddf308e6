"""Rules on the disk under the log: full, busy, shared, limited, or none that keeps anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median

from aoftool.advise.model import Evidence, Finding, Severity
from aoftool.advise.rule import TWICE, Answer, Case, Rule, Unknown
from aoftool.advise.situation import Situation
from aoftool.captures.model import Kind, LogEntry
from aoftool.units import format_bytes, format_wait

__all__ = ["RULES", "is_base", "known_base", "no_space_of_child"]

# A server writes an empty base when it starts; what a rewrite leaves is not known by that.
_LEAST_BASE = 1024
_NO_SPACE = "No space left on device"
_WRITE_ERRORS = ("Error writing to the AOF file", "Short write while writing to the AOF file")
_SOLVED = "AOF write error looks solved"
_STARTED = "Server initialized"
_NOT_KEPT = frozenset(("tmpfs", "ramfs", "devtmpfs"))
_DISTANT = frozenset(("nfs", "nfs4", "cifs", "smb3", "overlay", "glusterfs", "ceph", "9p", "virtiofs"))


def _main(line: LogEntry) -> bool:
    return line.role in ("M", "S")


def write_failed(case: Case) -> Answer:
    """Judge the last word of the server on its writes."""
    situation = case.situation
    status = situation.field("aof_last_write_status")
    error = _unsolved(situation)
    failed = status is not None and status.value.strip() == "err"
    # What INFO says is newer than a line of the log, or of the same moment.
    if not failed and (status is not None or error is None):
        return None
    found = []
    if status is not None and failed:
        found.append(Evidence("aof_last_write_status:err", status.where))
    if error is not None:
        found.append(Evidence(f'"{error.message[:60]}"', error.where))
    return Finding(
        "write-failed",
        Severity.CRITICAL,
        "the log cannot be written: the server refuses every write (MISCONF)",
        tuple(found),
        why="with everysec and no the server goes on serving reads and tries again each second; with"
        " always it ends",
        do=("make room or mend the disk; the server then goes on by itself",),
        not_this=("a restart, before the log is looked at: aoftool check",),
        because="disk-full" if "disk-full" in case.found else "",
    )


def _unsolved(situation: Situation) -> LogEntry | None:
    """Return the last error of writing the log that nothing after it says is over."""
    error: LogEntry | None = None
    for line in situation.captured.log:
        if not _main(line):
            continue
        if line.message.startswith(_WRITE_ERRORS):
            error = line
        elif line.message.startswith((_SOLVED, _STARTED)):
            error = None
    return error


def disk_full(case: Case) -> Answer:
    """Judge the room that is left, and what the server itself was refused."""
    situation = case.situation
    disk, error = situation.disk, _unsolved(situation)
    full = disk is not None and disk.free_bytes < situation.limits["disk-full.free"]
    refused = error is not None and _NO_SPACE in error.message
    if not full and not refused:
        return (
            None if disk is not None or situation.captured.log else Unknown("df names no file system of it")
        )
    found = []
    if disk is not None:
        text = f"{format_bytes(disk.free_bytes)} of {format_bytes(disk.size_bytes)} are free"
        found.append(Evidence(text, disk.where))
    if error is not None and refused:
        found.append(Evidence(f'"{_NO_SPACE}"', error.where))
    return Finding(
        "disk-full",
        Severity.CRITICAL,
        f"the disk of the log is full{f' ({disk.device})' if disk else ''}",
        tuple(found),
        do=(
            "make room: aoftool inspect DIR lists what servers left behind and nobody uses",
            "never delete what the manifest names",
        ),
        not_this=("blocks reserved for root count as used: the server cannot have them",),
        values={"free_bytes": disk.free_bytes if disk else 0},
    )


def is_base(path: str) -> bool:
    """Tell the base of a log from its name."""
    return ".base." in path


def known_base(situation: Situation) -> tuple[float, str] | None:
    """Return what a rewrite leaves, by the log itself or the newest base; None where neither is known."""
    if situation.log_facts is not None and situation.log_facts.base_bytes:
        return situation.log_facts.base_bytes, situation.log_facts.path
    bases = [file for file in situation.captured.files if is_base(file.path)]
    if bases and bases[-1].size_bytes >= _LEAST_BASE:
        newest = bases[-1]
        return newest.size_bytes, newest.where
    reading = situation.reading("aof_base_size")
    return (reading.value, reading.where) if reading is not None and reading.value >= _LEAST_BASE else None


def no_space_of_child(situation: Situation) -> LogEntry | None:
    """Return the last line by which a child says it had no room, unless a later rewrite was good."""
    last: LogEntry | None = None
    for line in situation.captured.log:
        if line.role == "C" and _NO_SPACE in line.message:
            last = line
        elif _main(line) and line.message.startswith("Background AOF rewrite terminated with success"):
            last = None
    return last


def rewrite_no_room(case: Case) -> Answer:
    """Judge whether the next rewrite finds room: for a new base, and what is written meanwhile."""
    situation = case.situation
    refused = no_space_of_child(situation)
    disk, base = situation.disk, known_base(situation)
    needed = _needed(situation, base[0]) if base else None
    short = disk is not None and needed is not None and disk.free_bytes < needed
    if refused is None and not short:
        return (
            None if needed is not None and disk is not None else Unknown("no base or no free space is known")
        )
    found = []
    if refused is not None:
        found.append(Evidence(f'a child: "{_NO_SPACE}"', refused.where))
    if disk is not None:
        found.append(Evidence(f"{format_bytes(disk.free_bytes)} are free", disk.where))
    if base is not None and needed is not None:
        text = f"the base has {format_bytes(int(base[0]))}: a rewrite needs {format_bytes(int(needed))}"
        found.append(Evidence(text, base[1]))
    return Finding(
        "rewrite-no-room",
        Severity.CRITICAL,
        "a rewrite has no room on this disk: the log can only grow",
        tuple(found),
        why="the new base is written beside the old one, which stays until the new one is whole",
        do=(
            "make room, or mount more; then BGREWRITEAOF",
            "without room here: aoftool rewrite DIR -o OTHER, on another disk",
        ),
        values={"needed_bytes": needed or 0, "free_bytes": disk.free_bytes if disk else 0},
        because="disk-full" if "disk-full" in case.found else "",
    )


def _needed(situation: Situation, base: float) -> float:
    lives = [child.life_s for child in situation.rewrites.rewrites if child.life_s]
    last = situation.number("aof_last_rewrite_time_sec") or 0
    seconds = max([*lives, last, 1.0])
    growth = situation.rise("aof_current_size")
    return situation.limits["rewrite-no-room.factor"] * (base + (growth.rate * seconds if growth else 0))


def not_durable(case: Case) -> Answer:
    """Judge what kind of file system the log lies on."""
    mount = case.situation.mount
    if mount is None:
        return Unknown("the file system of the log is not known")
    kind = mount.kind.split(".")[0]
    is_memory = kind in _NOT_KEPT
    if case.situation.is_aof_on is False or not (is_memory or kind in _DISTANT or kind == "fuse"):
        return None
    what = "in memory: a reboot takes it all" if is_memory else f"on {mount.kind}"
    return Finding(
        "not-durable-storage",
        Severity.HIGH if is_memory else Severity.MEDIUM,
        f"the log lies {what}",
        (Evidence(f"{mount.point} is {mount.kind}", mount.where),),
        why="" if is_memory else "a sync there means what the other side makes of it, and waits for it",
        do=("put dir on a disk of this machine",),
    )


def _figures(case: Case) -> tuple[list[Mapping[str, float]], str] | None:
    """Return the intervals of the log's device and their first line; None where iostat does not have it."""
    reports = [report for report in case.situation.captured.iostat.reports if report.devices]
    device = case.situation.device
    names = {name for report in reports for name in report.devices}
    if not device and len(names) == 1:
        device = names.pop()
    elif device not in names:
        device = next((name for name in sorted(names) if device.startswith(name) and device != name), device)
    rows = [report.devices[device] for report in reports if device in report.devices]
    return (rows, next(r.where for r in reports if device in r.devices)) if rows else None


def _median(rows: list[Mapping[str, float]], figure: Callable[[Mapping[str, float]], float]) -> float:
    return median(figure(row) for row in rows)


def _wait_ms(row: Mapping[str, float]) -> float:
    return max(row.get("w_await", row.get("await", 0.0)), row.get("f_await", 0.0))


def disk_busy(case: Case) -> Answer:
    """Judge the device: all of its time, and requests that wait."""
    limits = case.situation.limits
    rows = _figures(case)
    if rows is None or len(rows[0]) < limits["disk-busy.intervals"] or "%util" not in rows[0][0]:
        return Unknown("iostat has too few intervals of the log's device")
    util = _median(rows[0], lambda row: row.get("%util", 0.0))
    wait = _median(rows[0], _wait_ms)
    if util < limits["disk-busy.util"] or wait < limits["disk-busy.await_ms"]:
        return None
    return Finding(
        "disk-busy",
        Severity.HIGH,
        f"the disk of the log is busy {util:.0f} % of the time, a write waits {format_wait(wait / 1000)}",
        (Evidence(f"median of {len(rows[0])} intervals of iostat", rows[1]),),
        why="what is written now waits behind what was written before",
        do=("see who writes: pidstat -d 1", "another disk for appendonlydir"),
        not_this=("100 % alone says nothing of an SSD: here requests wait as well",),
        values={"util": util, "wait_ms": wait},
        because="disk-shared" if "disk-shared" in case.found else "",
    )


def disk_shared(case: Case) -> Answer:
    """Judge who writes to a busy disk."""
    situation = case.situation
    busy = disk_busy(case)
    if not isinstance(busy, Finding):
        return busy
    ours = _written(situation)
    rows = _figures(case)
    if ours is None or rows is None or "wkB/s" not in rows[0][0]:
        return Unknown("/proc/PID/io twice is missing")
    theirs = 1024 * sum(row["wkB/s"] for row in rows[0]) / len(rows[0])
    if theirs <= 0 or ours >= situation.limits["disk-shared.share"] * theirs:
        return None
    return Finding(
        "disk-shared",
        Severity.HIGH,
        f"others write to the disk of the log: {format_bytes(int(theirs))} a second, the server"
        f" {format_bytes(int(ours))}",
        (
            Evidence(f"iostat: {format_bytes(int(theirs))} a second", rows[1]),
            Evidence(f"/proc/PID/io: {format_bytes(int(ours))} a second", _io_where(situation)),
        ),
        do=("find them: pidstat -d 1, iotop -o", "another disk for appendonlydir"),
        not_this=("children of the server are counted with it",),
        values={"device_bytes_s": theirs, "server_bytes_s": ours},
    )


def _io_where(situation: Situation) -> str:
    sizes = situation.captured.proc_io[-1]
    return sizes["write_bytes"].where if "write_bytes" in sizes else ""


def _written(situation: Situation) -> float | None:
    """Return what the server wrote a second, with a base for each child that ran meanwhile."""
    io, window = situation.captured.proc_io, situation.window_s
    if len(io) < 2 or not window or any("write_bytes" not in sizes for sizes in io):
        return None
    own = io[-1]["write_bytes"].value - io[0]["write_bytes"].value
    base = known_base(situation)
    for name in ("aof_rewrites", "rdb_saves"):
        rise = situation.rise(name)
        if rise is not None and rise.by:
            if base is None:
                return None
            own += rise.by * base[0]
    return own / window if own >= 0 else None


def disk_limited(case: Case) -> Answer:
    """Judge slow syncs on a disk that is not busy: something above it holds them back."""
    limits = case.situation.limits
    slow = next((code for code in ("fsync-slow", "fsync-always-slow") if code in case.found), "")
    rows = _figures(case)
    if not slow:
        return None
    if rows is None or len(rows[0]) < limits["disk-busy.intervals"] or "%util" not in rows[0][0]:
        return Unknown("iostat has too few intervals of the log's device")
    util = max(row.get("%util", 0.0) for row in rows[0])
    wait = max(_wait_ms(row) for row in rows[0])
    if util >= limits["disk-limited.util"] or wait >= limits["disk-limited.await_ms"]:
        return None
    return Finding(
        "disk-limited",
        Severity.MEDIUM,
        f"syncs are slow though the disk is idle {100 - util:.0f} % of the time",
        (Evidence(f"at most {util:.0f} % busy, {format_wait(wait / 1000)} a write", rows[1]),),
        why="a limit above the disk: of the container (io.max), the volume, or its journal",
        do=("cat /sys/fs/cgroup/*/io.max", "look for burst credits of the volume"),
        values={"util": util, "wait_ms": wait},
    )


RULES = (
    Rule(
        "disk-full",
        "disk",
        ((Kind.DF,), (Kind.SERVER_LOG,)),
        "less than 4 MiB are free, or the server had no room for its log",
        disk_full,
        "blocks reserved for root count as used; a child without room is another rule",
    ),
    Rule(
        "write-failed",
        "disk",
        ((Kind.INFO,), (Kind.SERVER_LOG,)),
        "aof_last_write_status:err, or the last error of the log has no 'looks solved' after it",
        write_failed,
    ),
    Rule(
        "rewrite-no-room",
        "disk",
        ((Kind.DF,), (Kind.SERVER_LOG,)),
        "less is free than 1.2 times the base and what is written during a rewrite, or a child had no room",
        rewrite_no_room,
        "without a base it is not looked at",
    ),
    Rule(
        "not-durable-storage",
        "disk",
        ((Kind.MOUNTINFO,),),
        "tmpfs; medium: nfs, cifs, fuse, overlay",
        not_durable,
    ),
    Rule(
        "disk-shared",
        "disk",
        ((Kind.IOSTAT, Kind.PROC_IO, TWICE),),
        "the disk is busy and the server wrote less than half of what was written",
        disk_shared,
        "children of the server are counted in",
    ),
    Rule(
        "disk-busy",
        "disk",
        ((Kind.IOSTAT,),),
        "90 % busy and 50 ms a write or flush, median of two intervals or more",
        disk_busy,
        "an SSD shows 100 % while idle inside: the time of a request must agree",
    ),
    Rule(
        "disk-limited",
        "disk",
        ((Kind.IOSTAT,),),
        "syncs are slow while the disk is less than 50 % busy and a write takes less than 20 ms",
        disk_limited,
    ),
)
