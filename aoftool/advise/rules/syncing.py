"""Rules on syncs and writes of the log: slow ones, and ones that stop the main thread."""

from __future__ import annotations

from collections.abc import Iterable

from aoftool.advise.ledger import longest_loop, worst_event_s
from aoftool.advise.model import Evidence, Finding, Severity
from aoftool.advise.rule import Answer, Case, Rule, Unknown
from aoftool.advise.situation import Situation
from aoftool.advise.standstills import Standstill
from aoftool.advise.traced import MANIFEST_END, MANIFEST_START, sync_calls
from aoftool.captures.model import Call, Kind, LogEntry
from aoftool.units import counted, format_wait

__all__ = ["RULES", "late_syncs"]

_LATE = "Asynchronous AOF fsync is taking too long"
_WHOLE_SECONDS = {("redis", major) for major in ((6, 0), (6, 2), (7, 0), (7, 2))}
_MORE_SYNCS = (
    "another disk for appendonlydir alone; see what this one does: aoftool probe DIR",
    "fewer rewrites and saves beside the log: aoftool simulate DIR",
)


def late_syncs(situation: Situation) -> list[LogEntry]:
    """Return the lines of the log that say a sync takes too long."""
    return [line for line in situation.captured.log if line.message.startswith(_LATE)]


def percentile(values: Iterable[float], share: float) -> float:
    """Return the value that a share of all do not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def fsync_slow(case: Case) -> Answer:
    """Judge the syncs of the other thread: counted by the server, told by its log, traced."""
    situation = case.situation
    limit = situation.limits["fsync-slow.p99"]
    lines = late_syncs(situation)
    counted_late = _delayed(situation)
    syncs = sync_calls(situation)
    worst = max(syncs, key=lambda call: call.seconds, default=None)
    p99 = percentile((call.seconds for call in syncs), 0.99)
    late = max(len(lines), int(counted_late[0]))
    if not late and (worst is None or p99 < limit):
        return None
    found = []
    if counted_late[0]:
        found.append(Evidence(f"aof_delayed_fsync {counted_late[1]}", counted_late[2]))
    if lines:
        found.append(Evidence(f'"fsync is taking too long", {_times(len(lines))}', lines[-1].where))
    if worst is not None and worst.seconds >= limit:
        found.append(_traced_sync(worst))
    # What was counted since the start and did not rise while we looked is over, or rare.
    recent = max(len(lines), int(counted_late[0]) if _is_rising(situation) else 0)
    high = recent >= situation.limits["fsync-slow.high"] or p99 >= limit
    title = f"the disk did not finish a sync in time, {_times(late)}" if late else _slow_title(worst)
    return Finding(
        "fsync-slow",
        Severity.HIGH if high else Severity.MEDIUM,
        title,
        tuple(found),
        why="while a sync runs, writes wait up to 2 s in memory, then go to the disk and wait there;"
        f" what is not synced is lost with the power{_counting(situation)}",
        do=("see who else writes to the disk: iostat -xk 1, pidstat -d 1", *_MORE_SYNCS),
        not_this=(
            "no-appendfsync-on-rewrite hides the waits; a power cut then takes all that was written"
            " while a child ran",
        ),
        values={"late": late, "worst_traced_s": worst.seconds if worst else 0},
        because="disk-busy" if "disk-busy" in case.found else "",
    )


def _times(count: int) -> str:
    return "once" if count == 1 else counted(count, "time")


def _slow_title(worst: Call | None) -> str:
    return f"a sync of the log took {format_wait(worst.seconds if worst else 0)}"


def _traced_sync(call: Call) -> Evidence:
    ended = "took" if call.ended else "did not end within"
    return Evidence(f"a {call.name} of the log {ended} {format_wait(call.seconds)}", call.where)


def _counting(situation: Situation) -> str:
    release = situation.release
    if release is not None and (release.family, release.version) in _WHOLE_SECONDS:
        return "; this release counts whole seconds, so a delay of 1 to 2 s is counted"
    return ""


def _is_rising(situation: Situation) -> bool:
    """Tell whether the counter rose between two replies; so it may be where there is one."""
    rise = situation.rise("aof_delayed_fsync")
    return rise is None or rise.by > 0


def _delayed(situation: Situation) -> tuple[float, str, str]:
    """Return how often the server wrote without waiting: in the window, else since its start."""
    rise = situation.rise("aof_delayed_fsync")
    if rise is not None and rise.by:
        return rise.by, rise.in_words, rise.last.where
    entry, value, uptime = situation.field("aof_delayed_fsync"), situation.number("aof_delayed_fsync"), None
    uptime = situation.uptime_s
    # Once in a day is no state of the disk; without an age nothing can be said.
    if entry is None or not value or not uptime or value * 86_400 < uptime:
        return 0, "", ""
    return value, f"{entry.value} in {format_wait(uptime)}", entry.where


def write_blocked(case: Case) -> Answer:
    """Judge writes of the log that the main thread waited for."""
    situation = case.situation
    limit = situation.limits["write-blocked.worst"]
    slow = [item for item in case.standstills if item.cause == "aof-write" and item.seconds >= limit]
    if not slow:
        return None
    worst = slow[0]
    found = [Evidence(_write_words(worst, source), where) for source, where in worst.seen.items()]
    return Finding(
        "write-blocked",
        Severity.HIGH,
        f"a write of the log stopped all clients for {format_wait(worst.seconds)}",
        tuple(found),
        why="write(2) waits in the kernel while the same file is being synced, or too much is unwritten",
        do=(
            *_MORE_SYNCS,
            "fewer unwritten pages: sysctl vm.dirty_background_bytes=33554432",
        ),
        undo=_ratio_before(situation),
        not_this=("appendfsync no: the same writes wait, and some 30 s are lost with the power",),
        values={"worst_s": worst.seconds, "limit_s": limit},
        because="fsync-slow" if "fsync-slow" in case.found else "",
    )


def _ratio_before(situation: Situation) -> str:
    """Return the line that puts back how many pages may wait: as captured, else the kernel's default."""
    entry = situation.captured.kernel.get("dirty_background_ratio")
    value = entry.value if entry is not None and entry.value.isdigit() else "10"
    return f"sysctl vm.dirty_background_ratio={value}"


def _write_words(item: Standstill, source: str) -> str:
    event = f" {item.event}" if source == "LATENCY" and item.event else " write(2) to the log"
    return f"{source}:{event} {format_wait(item.seconds)}"


def main_thread_fsync(case: Case) -> Answer:
    """Judge syncs by the main thread: of the manifest at each rewrite, or of the log itself."""
    situation = case.situation
    stalls = [item for item in case.standstills if item.cause in _MAIN and _counts(situation, item)]
    if not stalls:
        return None
    worst = stalls[0]
    found = tuple(Evidence(_main_words(item), _best(item)) for item in stalls[:4])
    return Finding(
        "main-thread-fsync",
        Severity.HIGH,
        f"a rewrite stops all clients, here for {format_wait(worst.seconds)}",
        found,
        why="before the fork and after the child's end the main thread syncs the manifest; that small sync"
        " waits for the sync of the log that is under way",
        do=(
            "fewer rewrites: aoftool simulate DIR",
            "another disk for appendonlydir; see what this one does: aoftool probe DIR",
            "fewer unwritten pages: sysctl vm.dirty_background_bytes=33554432 (helped others, redis #1019)",
        ),
        undo=_ratio_before(situation),
        not_this=(
            "no-appendfsync-on-rewrite cannot help: no child runs at that moment",
            "LATENCY, SLOWLOG and aof_delayed_fsync do not count this",
        ),
        values={"worst_s": worst.seconds, "sum_s": sum(item.seconds for item in stalls)},
        because="fsync-slow" if "fsync-slow" in case.found else "",
    )


_MAIN = frozenset((MANIFEST_START, MANIFEST_END, "manifest-sync", "main-sync", "aof-sync"))


def _counts(situation: Situation, item: Standstill) -> bool:
    """Tell whether a sync is long enough; one of the log is the rule with always, and not judged here."""
    limits = situation.limits
    of_log = item.cause == "aof-sync" or (item.cause == "main-sync" and not situation.policy)
    if of_log and (situation.policy in ("", "always") or "strace" not in item.seen):
        return False
    if "strace" in item.seen:
        return item.seconds >= limits["main-thread-fsync.trace"]
    return "log" in item.seen and item.seconds >= limits["main-thread-fsync.log"]


def _main_words(item: Standstill) -> str:
    length = format_wait(item.seconds)
    if item.cause == MANIFEST_START:
        what = f"the manifest's sync before the fork: {length}"
    elif item.cause == MANIFEST_END:
        what = f"the manifest's sync behind the rename of the base: {length}"
    else:
        what = f"a sync in the main thread: {length}"
    return f"{what} ({', '.join(item.seen)})"


def _best(item: Standstill) -> str:
    return item.seen.get("strace") or next(iter(item.seen.values()), "")


def fsync_always_slow(case: Case) -> Answer:
    """Judge the syncs that each loop waits for under `always`."""
    situation = case.situation
    limits = situation.limits
    if situation.policy != "always":
        return None if situation.policy else Unknown("appendfsync is not known")
    traced = [call.seconds for call in situation.main_calls if call.name in ("fdatasync", "fsync")]
    samples = [sample for sample in situation.captured.history if sample.event == "aof-fsync-always"]
    slow = [sample for sample in samples if sample.ms / 1000 >= limits["fsync-always-slow.second"]]
    event = next((row for row in situation.captured.latest if row.event == "aof-fsync-always"), None)
    p95 = percentile(traced, 0.95)
    found = []
    if len(traced) >= limits["fsync-always-slow.samples"] and p95 >= limits["fsync-always-slow.p95"]:
        trace = situation.captured.trace
        text = f"of {len(traced)} traced syncs one in twenty took {format_wait(p95)} or more"
        found.append(Evidence(text, trace.name if trace else ""))
    if len(slow) >= limits["fsync-always-slow.seconds"]:
        worst = max(slow, key=lambda sample: sample.ms)
        text = f"aof-fsync-always {worst.ms} ms, 50 ms or more in {len(slow)} seconds"
        found.append(Evidence(text, worst.where))
    if event is not None and event.max_ms / 1000 >= limits["fsync-always-slow.worst"]:
        found.append(Evidence(f"aof-fsync-always at worst {event.max_ms} ms", event.where))
    if not found:
        return None
    worst_s = max([event.max_ms / 1000 if event else 0, *traced, *(s.ms / 1000 for s in samples)])
    return Finding(
        "fsync-always-slow",
        Severity.HIGH,
        f"with appendfsync always every write waits for this disk, at worst {format_wait(worst_s)}",
        tuple(found),
        why="the main thread syncs before it replies; reads of the same loop wait too",
        do=(
            "a faster disk for appendonlydir; see what this one does: aoftool probe DIR",
            "more writes a loop: pipelines, MULTI",
            "or everysec: faster, and loses the last second or more with the power; WAITAOF for the"
            " few writes that must not be lost",
        ),
        undo="CONFIG SET appendfsync always",
        not_this=("LATENCY DOCTOR's value 'onesec' keeps every server from starting: it is everysec",),
        values={"worst_s": worst_s, "p95_s": p95},
        because="disk-busy" if "disk-busy" in case.found else "",
    )


def unseen_stall(case: Case) -> Answer:
    """Judge a longest loop far above the worst event that LATENCY has."""
    situation = case.situation
    loop = longest_loop(situation)
    if loop is None:
        return Unknown("INFO debug is missing (Redis 7.2, Valkey 7.2 and later have it)")
    threshold = situation.size("latency-monitor-threshold")
    worst = worst_event_s(situation)
    if threshold == 0:
        return Unknown("latency-monitor-threshold is 0")
    if worst is None and threshold is None:
        return Unknown("latency-monitor-threshold is not known")
    limits = situation.limits
    if loop.value < limits["unseen-stall.loop"] or loop.value <= limits["unseen-stall.times"] * (worst or 0):
        return None
    named = next(
        (item for item in case.standstills if abs(item.seconds - loop.value) <= loop.value / 10), None
    )
    because = "main-thread-fsync" if named and "main-thread-fsync" in case.found else ""
    seen = f"LATENCY has {format_wait(worst)} at worst" if worst else "LATENCY has nothing"
    told = f"; what it was: {', '.join(named.seen)}" if named else ""
    return Finding(
        "unseen-stall",
        Severity.HIGH,
        f"the server stood still for {format_wait(loop.value)}, and LATENCY does not show it",
        (
            Evidence(f"eventloop_duration_max {format_wait(loop.value)}", loop.where),
            Evidence(f"{seen}{told}"),
        ),
        why="LATENCY times some places only; the sync of the manifest is none of them",
        do=(
            "have the log and a trace beside it: aoftool capture --trace 10s",
            "start the figure anew: CONFIG RESETSTAT",
        ),
        not_this=("since the start of the server or CONFIG RESETSTAT: it may be long ago",),
        values={"loop_s": loop.value, "worst_event_s": worst or 0},
        because=because,
    )


def aof_buffer(case: Case) -> Answer:
    """Judge what waits in memory to be written."""
    situation = case.situation
    reading = situation.reading("aof_buffer_length")
    if reading is None:
        return Unknown("INFO persistence has no aof_buffer_length")
    if reading.value < situation.limits["aof-buffer.size"]:
        return None
    return Finding(
        "aof-buffer",
        Severity.HIGH,
        f"{reading.value / (1 << 20):.0f} MiB wait in memory to be written: the disk does not keep up",
        (Evidence(f"aof_buffer_length {reading.value:.0f}", reading.where),),
        do=_MORE_SYNCS,
        values={"size_bytes": reading.value},
        because="fsync-slow" if "fsync-slow" in case.found else "",
    )


RULES = (
    Rule(
        "fsync-slow",
        "syncs",
        ((Kind.INFO,), (Kind.SERVER_LOG,), (Kind.STRACE,)),
        "aof_delayed_fsync rises, the log says a sync takes too long, or 1 in 100 traced takes a second",
        fsync_slow,
        "Redis before 7.4 counts whole seconds; 3 times is high",
    ),
    Rule(
        "write-blocked",
        "syncs",
        ((Kind.LATENCY_LATEST,), (Kind.STRACE,)),
        "an event aof-write-* or a traced write of the log of 100 ms",
        write_blocked,
        "by descriptor: never writes to clients",
    ),
    Rule(
        "main-thread-fsync",
        "syncs",
        ((Kind.SERVER_LOG,), (Kind.STRACE,)),
        "0.5 s between two lines of a rewrite in the log, or a traced sync of the main thread of 100 ms",
        main_thread_fsync,
        "lines of one process with none between; not with appendfsync always",
    ),
    Rule(
        "fsync-always-slow",
        "syncs",
        ((Kind.CONFIG, Kind.STRACE), (Kind.CONFIG, Kind.LATENCY_LATEST)),
        "one sync in twenty takes 20 ms, three seconds have one of 50 ms, or one takes 250 ms",
        fsync_always_slow,
        "one slow sync alone is none",
    ),
    Rule(
        "unseen-stall",
        "syncs",
        ((Kind.INFO, Kind.LATENCY_LATEST),),
        "the longest event loop is 200 ms or more and more than twice the worst event of LATENCY",
        unseen_stall,
        "LATENCY with a threshold set",
    ),
    Rule("aof-buffer", "syncs", ((Kind.INFO,),), "aof_buffer_length of 64 MiB", aof_buffer),
)
