"""Rules on the CPU, the watchdog, and what is not watched."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from aoftool.advise.model import Evidence, Finding, Severity
from aoftool.advise.rule import Answer, Case, Rule, Unknown
from aoftool.advise.situation import Situation
from aoftool.captures.model import Kind, Report
from aoftool.regex import regex
from aoftool.units import counted, format_wait

__all__ = ["RULES", "cpu_count"]

_SPAN = regex(r"(\d{1,5})(?:-(\d{1,5}))?")

# Releases before 7.2 know the names with underscores alone, later ones both.
_LISTS = ("aof_rewrite_cpulist", "aof-rewrite-cpulist", "bgsave_cpulist", "bgsave-cpulist")


def _listed(text: str) -> list[int]:
    """Return the CPUs of a list such as `0-3,8`."""
    found: list[int] = []
    for part in text.split(","):
        match = _SPAN.fullmatch(part.strip())
        if match is None:
            return []
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last - first > 4096:
            return []
        found.extend(range(first, last + 1))
    return found


def _allowed(situation: Situation) -> list[int]:
    entry = situation.captured.status.get("Cpus_allowed_list")
    return _listed(entry.value) if entry else []


def cpu_count(situation: Situation) -> int | None:
    """Return how many CPUs there are: by iostat, else those the server may use, where that is several."""
    if situation.captured.iostat.cpus:
        return situation.captured.iostat.cpus
    allowed = len(_allowed(situation))
    return allowed if allowed > 1 else None


def _median(rows: Sequence[Report], name: str) -> float:
    return median(row.figures.get(name, 0.0) for row in rows)


def cpu_short(case: Case) -> Answer:
    """Judge the run queue and what is idle, by the median of the intervals."""
    situation = case.situation
    rows, cpus, limits = situation.captured.vmstat, cpu_count(situation), situation.limits
    if not rows:
        return Unknown("vmstat has no interval")
    if cpus is None:
        return Unknown("how many CPUs there are is not known")
    queue, idle = _median(rows, "r"), _median(rows, "id")
    if queue <= limits["cpu-short.queue"] * cpus or idle >= limits["cpu-short.idle"]:
        return None
    return Finding(
        "cpu-short",
        Severity.HIGH,
        f"{queue:.0f} threads want to run on {counted(cpus, 'CPU')}: the server waits for its turn",
        (Evidence(f"median of vmstat: run queue {queue:g}, idle {idle:g} %", rows[0].where),),
        why="what takes less than 50 ms in LATENCY may be this alone",
        do=("see who else runs: top", "fewer neighbours, or more CPUs"),
        values={"queue": queue, "cpus": cpus, "idle_percent": idle},
    )


def cpu_stolen(case: Case) -> Answer:
    """Judge what the host takes."""
    situation = case.situation
    rows = [row for row in situation.captured.vmstat if "st" in row.figures]
    disks = [row for row in situation.captured.iostat.reports if "%steal" in row.figures]
    if not rows and not disks:
        return Unknown("no interval has a figure of steal")
    share = _median(rows, "st") if rows else _median(disks, "%steal")
    where = (rows or disks)[0].where
    if share < situation.limits["cpu-stolen.share"]:
        return None
    return Finding(
        "cpu-stolen",
        Severity.HIGH,
        f"the host keeps {share:.0f} % of the CPU for others",
        (Evidence(f"steal {share:g} %, median of the intervals", where),),
        do=("another host, or an instance with CPUs of its own",),
        values={"steal_percent": share},
    )


def cpu_pinned(case: Case) -> Answer:
    """Judge a server that is bound to one CPU, where its children run too."""
    situation = case.situation
    allowed = _allowed(situation)
    if not allowed:
        return Unknown("status has no Cpus_allowed_list")
    if len(allowed) != 1:
        return None
    cpus = situation.captured.iostat.cpus
    if allowed == [0] and cpus is None:
        return Unknown("whether there is more than one CPU is not known")
    lists = [situation.setting(name) for name in _LISTS]
    if cpus == 1 or any(entry is not None and entry.value.strip().strip('"') for entry in lists):
        return None
    if situation.is_aof_on is not True:
        return None
    entry = situation.captured.status["Cpus_allowed_list"]
    return Finding(
        "cpu-pinned",
        Severity.MEDIUM,
        "the server is bound to one CPU, and so are its rewrites and its sync thread",
        (Evidence(f"Cpus_allowed_list {entry.value}", entry.where),),
        why="a child that writes the base takes half of that CPU from the main thread",
        do=(
            "in the file, of two CPUs: server_cpulist 1, bio_cpulist 0, aof_rewrite_cpulist 0,"
            " bgsave_cpulist 0",
            "or start it without taskset",
        ),
    )


def intrinsic(case: Case) -> Answer:
    """Judge how long a loop that does nothing was kept from running."""
    found = case.situation.captured.intrinsic
    if found is None:
        return Unknown("no measurement can be read")
    limits = case.situation.limits
    worst = found.worst_usec.value / 1e6
    if worst < limits["intrinsic-latency.medium"]:
        return None
    quota = case.situation.captured.kernel.get("cpu.max")
    seen = [Evidence(f"at worst {format_wait(worst)}", found.worst_usec.where)]
    if quota is not None and not quota.value.startswith("max"):
        seen.append(Evidence(f"a CPU quota: cpu.max {quota.value}", quota.where))
    return Finding(
        "intrinsic-latency",
        Severity.HIGH if worst >= limits["intrinsic-latency.high"] else Severity.MEDIUM,
        f"this machine itself stops a program for up to {format_wait(worst)}",
        tuple(seen),
        why="no reply can be faster than that; behind it are a CPU quota, other programs, or the host",
        do=("a quota: cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu.stat", "the host: st in vmstat 1"),
        not_this=("it is not the server, and no setting of it helps",),
        values={"worst_s": worst},
    )


def watchdog_on(case: Case) -> Answer:
    """Judge a watchdog that was left on."""
    entry = case.situation.setting("watchdog-period")
    period = case.situation.size("watchdog-period")
    if entry is None or period is None:
        return Unknown("watchdog-period is hidden: ask CONFIG GET watchdog-period")
    if period == 0:
        return None
    return Finding(
        "watchdog-on",
        Severity.HIGH,
        f"the software watchdog is on, at {period:.0f} ms",
        (Evidence(f"watchdog-period {entry.value}", entry.where),),
        why="it interrupts the server with a signal that writes stacks; made for minutes of looking",
        do=("CONFIG SET watchdog-period 0",),
        undo=f"CONFIG SET watchdog-period {period:.0f}",
        not_this=("that it cannot stand in the file is often said: it can, and works",),
    )


def watchdog_report(case: Case) -> Answer:
    """Tell what the main thread did when the watchdog looked."""
    reports = case.situation.captured.watchdog
    if not reports:
        return None
    last = reports[-1]
    name = next((frame for frame in last.frames if _is_telling(frame)), "")
    what = _in_words(name) if name else "something the stack does not name"
    return Finding(
        "watchdog-report",
        Severity.HIGH,
        f"the watchdog found the main thread in {what}",
        (
            Evidence(
                f"{counted(len(reports), 'report')}, the last in {name or 'no known function'}", last.where
            ),
        ),
        do=(f"SLOWLOG GET, and what calls {what}",) if name.endswith("Command") else (),
        because="watchdog-on" if "watchdog-on" in case.found else "",
    )


_FUNCTIONS = {
    "activeExpireCycle": "the expire cycle",
    "flushAppendOnlyFile": "writing the log",
    "rewriteAppendOnlyFileBackground": "the start of a rewrite",
    "backgroundRewriteDoneHandler": "the end of a rewrite",
    "performEvictions": "evictions",
    "rdbSaveBackground": "the start of a save",
}


def _is_telling(frame: str) -> bool:
    # These two call commands and are none.
    return frame in _FUNCTIONS or (frame.endswith("Command") and frame not in ("processCommand",))


def _in_words(name: str) -> str:
    return _FUNCTIONS.get(name) or name.removesuffix("Command").upper()


def monitor_off(case: Case) -> Answer:
    """Tell that LATENCY records nothing."""
    return _off(
        case,
        "latency-monitor-threshold",
        "latency-monitor-off",
        "0",
        "LATENCY records nothing",
        "CONFIG SET latency-monitor-threshold 100",
    )


def slowlog_off(case: Case) -> Answer:
    """Tell that SLOWLOG records nothing."""
    names = ("slowlog-log-slower-than", "commandlog-execution-slower-than")
    name = next((name for name in names if case.situation.setting(name) is not None), names[0])
    return _off(
        case,
        name,
        "slowlog-off",
        "-1",
        "SLOWLOG records nothing",
        f"CONFIG SET {name} 10000",
    )


def _off(case: Case, name: str, code: str, off: str, title: str, do: str) -> Answer:
    entry = case.situation.setting(name)
    if entry is None:
        return Unknown(f"{name} is not known")
    if entry.value.strip() != off:
        return None
    return Finding(
        code,
        Severity.INFO,
        title,
        (Evidence(f"{name} {off}", entry.where),),
        do=(do,),
        undo=f"CONFIG SET {name} {off}",
    )


RULES = (
    Rule(
        "cpu-short",
        "CPU",
        ((Kind.VMSTAT,),),
        "a run queue above twice the CPUs and less than 5 % idle, median",
        cpu_short,
    ),
    Rule("cpu-stolen", "CPU", ((Kind.VMSTAT,), (Kind.IOSTAT,)), "5 % of the CPU stolen, median", cpu_stolen),
    Rule(
        "cpu-pinned",
        "CPU",
        ((Kind.STATUS, Kind.CONFIG),),
        "one CPU allowed, the log on, and no CPUs for children",
        cpu_pinned,
        "not on a machine of one CPU",
    ),
    Rule("intrinsic-latency", "CPU", ((Kind.INTRINSIC,),), "5 ms; high: 20 ms", intrinsic),
    Rule("watchdog-on", "watching", ((Kind.CONFIG,), (Kind.CONF,)), "watchdog-period is not 0", watchdog_on),
    Rule(
        "watchdog-report",
        "watching",
        ((Kind.SERVER_LOG,),),
        "a report of the watchdog in the log",
        watchdog_report,
    ),
    Rule(
        "latency-monitor-off",
        "watching",
        ((Kind.CONFIG,), (Kind.CONF,)),
        "latency-monitor-threshold 0",
        monitor_off,
        "it is the default",
    ),
    Rule(
        "slowlog-off", "watching", ((Kind.CONFIG,), (Kind.CONF,)), "slowlog-log-slower-than -1", slowlog_off
    ),
)
