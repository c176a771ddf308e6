"""Rules on rewrites and saves: failing, too often, never, too late, in the way of syncs."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

from aoftool.advise.model import Evidence, Finding, Severity
from aoftool.advise.rewrites import Child
from aoftool.advise.rule import Answer, Case, Rule, Unknown
from aoftool.advise.rules.syncing import late_syncs
from aoftool.advise.situation import Situation
from aoftool.captures.model import Kind
from aoftool.units import counted, format_bytes, format_duration

__all__ = ["RULES"]

_HOUR_S = 3600
_PERCENTAGE = "auto-aof-rewrite-percentage"
_MIN_SIZE = "auto-aof-rewrite-min-size"


def rewrite_failing(case: Case) -> Answer:
    """Judge rewrites that fail, by the server's count or by the end of its log."""
    situation = case.situation
    reading = situation.reading("aof_rewrites_consecutive_failures")
    ended = [child for child in situation.rewrites.rewrites if child.is_good is not None]
    trailing = 0
    for child in reversed(ended):
        if child.is_good:
            break
        trailing += 1
    count = int(reading.value) if reading is not None else trailing
    if not count:
        return None if reading is not None or situation.captured.log else Unknown("INFO has no such count")
    found = []
    if reading is not None and reading.value:
        found.append(Evidence(f"aof_rewrites_consecutive_failures:{count}", reading.where))
    if trailing and ended[-1].ended is not None:
        found.append(Evidence(f'"{ended[-1].ended.message[:50]}"', ended[-1].ended.where))
    if not found:
        return None
    high = count >= situation.limits["rewrite-failing.high"]
    return Finding(
        "rewrite-failing",
        Severity.HIGH if high else Severity.MEDIUM,
        f"{'the last rewrite' if count == 1 else f'the last {count} rewrites'} failed",
        tuple(found),
        why="each leaves one more file behind the base; after 3 failures the server waits 1, 2, 4 to 60 min",
        do=(
            "read the line of the child (role C) in the log: no space, killed for memory, fork refused",
            "mend that, then BGREWRITEAOF",
        ),
        values={"failures": count},
        because=next((c for c in ("disk-full", "rewrite-no-room") if c in case.found), ""),
    )


def rewrite_often(case: Case) -> Answer:
    """Judge how often rewrites start by themselves; manual and failed ones do not count."""
    situation = case.situation
    limits = situation.limits
    if situation.captured.log:
        return _often_by_log(situation)
    rise = situation.rise("aof_rewrites")
    manual = situation.rise("cmdstat_bgrewriteaof", part="calls")
    failures = situation.number("aof_rewrites_consecutive_failures") or 0
    if rise is None or manual is None:
        return Unknown("the log is missing, and INFO does not tell automatic rewrites from others")
    count = rise.by - manual.by - failures
    if (
        count < limits["rewrite-often.count"]
        or _HOUR_S * count / rise.seconds <= limits["rewrite-often.an_hour"]
    ):
        return None
    where = Evidence(f"aof_rewrites {rise.in_words} in {format_duration(rise.seconds)}", rise.last.where)
    return _often(situation, int(count), rise.seconds / count, where)


def _often_by_log(situation: Situation) -> Answer:
    limits = situation.limits
    good = [
        child
        for child in situation.rewrites.rewrites
        if child.is_automatic and child.is_good is not False and child.begin_s is not None
    ]
    starts = [child.begin_s for child in good if child.begin_s is not None]
    if len(starts) < max(2, limits["rewrite-often.count"]):
        return None
    gaps = [after - before for before, after in pairwise(starts) if after >= before]
    if not gaps:
        return None
    usual = median(gaps)
    lives = [child.life_s for child in good if child.life_s is not None]
    too_close = bool(lives) and usual < limits["rewrite-often.durations"] * median(lives)
    if not too_close and (usual <= 0 or _HOUR_S / usual <= limits["rewrite-often.an_hour"]):
        return None
    last = good[-1].forked or good[-1].creating
    text = f"{len(starts)} automatic rewrites in the log, one each {format_duration(usual)}"
    return _often(situation, len(starts), usual, Evidence(text, last.where if last else ""))


def _often(situation: Situation, count: int, each: float, seen: Evidence) -> Finding:
    found = [seen]
    least = situation.setting(_MIN_SIZE)
    for name in (_MIN_SIZE, _PERCENTAGE):
        entry = situation.setting(name)
        if entry is not None:
            found.append(Evidence(f"{name} {entry.value}", entry.where))
    return Finding(
        "rewrite-often",
        Severity.MEDIUM,
        f"the log is rewritten every {format_duration(each)}",
        tuple(found),
        why="each rewrite forks, writes all data anew, and syncs the manifest in the main thread",
        do=(
            "what other settings would do with this log: aoftool simulate DIR",
            "raise auto-aof-rewrite-min-size to what is written in half an hour or more",
        ),
        undo="" if least is None else f"CONFIG SET {_MIN_SIZE} {least.value}",
        not_this=("a rewrite saves room and start time; it adds writes",),
        values={"rewrites": count, "seconds_between": each},
    )


def rewrite_off(case: Case) -> Answer:
    """Judge a percentage of 0, where nothing rewrites the log."""
    situation = case.situation
    entry = situation.setting(_PERCENTAGE)
    if entry is None:
        return Unknown(f"{_PERCENTAGE} is not known")
    if situation.size(_PERCENTAGE) != 0 or situation.is_aof_on is False:
        return None
    size = situation.reading("aof_current_size")
    found = [Evidence(f"{_PERCENTAGE} 0", entry.where)]
    large = size is not None and size.value > situation.limits["rewrite-off.high"]
    if size is not None:
        found.append(Evidence(f"the log has {format_bytes(int(size.value))}", size.where))
    regular = _is_regular([child for child in situation.rewrites.rewrites if not child.is_automatic])
    severity = Severity.INFO if regular else Severity.HIGH if large else Severity.MEDIUM
    return Finding(
        "rewrite-off",
        severity,
        "the log is never rewritten by itself" + (", but by somebody at regular times" if regular else ""),
        tuple(found),
        why="it grows until the disk ends, and a restart loads all of it",
        do=("CONFIG SET auto-aof-rewrite-percentage 100", "or BGREWRITEAOF at quiet times, by cron"),
        undo="CONFIG SET auto-aof-rewrite-percentage 0",
        values={"size_bytes": size.value if size else 0},
    )


def _is_regular(manual: list[Child]) -> bool:
    """Tell a schedule: three rewrites that were asked for, ten minutes apart or more, at like distances."""
    starts = [child.begin_s for child in manual if child.begin_s is not None]
    gaps = [after - before for before, after in pairwise(starts)]
    return len(gaps) >= 2 and min(gaps) >= 600 and max(gaps) <= 1.5 * min(gaps)


def rewrite_late(case: Case) -> Answer:
    """Judge whether the disk ends before the next automatic rewrite begins."""
    situation = case.situation
    current, disk = situation.reading("aof_current_size"), situation.disk
    minimum, percentage = situation.size(_MIN_SIZE), situation.size(_PERCENTAGE)
    if current is None or disk is None or minimum is None or percentage is None:
        return Unknown("sizes, thresholds or free space are not known")
    if percentage == 0 or "rewrite-no-room" in case.found:
        return None
    base = situation.number("aof_base_size") or 0
    trigger = max(minimum, base * (1 + percentage / 100))
    if trigger <= current.value + situation.limits["rewrite-late.share"] * disk.free_bytes:
        return None
    return Finding(
        "rewrite-late",
        Severity.CRITICAL,
        f"the disk is full before the next rewrite, which waits for {format_bytes(int(trigger))}",
        (
            Evidence(f"the log has {format_bytes(int(current.value))}", current.where),
            Evidence(f"{format_bytes(disk.free_bytes)} are free", disk.where),
        ),
        do=("BGREWRITEAOF now", "a lower threshold: aoftool simulate DIR --disk SIZE"),
        values={"trigger_bytes": trigger, "free_bytes": disk.free_bytes},
        because="disk-full" if "disk-full" in case.found else "",
    )


def rewrite_contention(case: Case) -> Answer:
    """Judge whether slow syncs fall into the lives of children."""
    situation = case.situation
    lives = [(child.begin_s, child.end_s) for child in situation.rewrites.children]
    spans = [(begin, end if end is not None else float("inf")) for begin, end in lives if begin is not None]
    moments = [(line.at_s, line.where) for line in late_syncs(situation) if line.at_s is not None]
    inside = [where for at, where in moments if any(begin <= at <= end for begin, end in spans)]
    if not inside or (
        len(inside) < situation.limits["rewrite-contention.syncs"] and len(inside) < len(moments)
    ):
        return None
    return Finding(
        "rewrite-contention",
        Severity.MEDIUM,
        f"{len(inside)} of {counted(len(moments), 'slow sync')} fell into a rewrite or save",
        (Evidence("the log between a child's start and its end", inside[0]),),
        why="the child writes all data to the disk that the log is synced to",
        do=(
            "rewrites at quiet times, or fewer: aoftool simulate DIR",
            'leave aof-rewrite-incremental-fsync at yes; save "" where nobody needs RDB files',
        ),
        not_this=(
            "no-appendfsync-on-rewrite yes ends the waits and syncs nothing while a child runs: all of"
            " that is lost with the power",
        ),
        values={"inside": len(inside), "slow": len(moments)},
        because="" if "fsync-slow" not in case.found else "fsync-slow",
    )


def save_and_aof(case: Case) -> Answer:
    """Judge RDB saves beside the log."""
    situation = case.situation
    entry = situation.captured.config.get("save")
    if entry is None:
        return Unknown("save is not known")
    if not entry.value.strip().strip('"') or situation.is_aof_on is not True:
        return None
    least = situation.limits["save-and-aof.forks"]
    saves, rewrites = len(situation.rewrites.saves), len(situation.rewrites.rewrites)
    rises = [situation.rise(name) for name in ("rdb_saves", "aof_rewrites")]
    by_info = all(rise is not None and rise.by >= least for rise in rises)
    both = by_info or (saves >= least and rewrites >= least)
    found = [Evidence(f"save {entry.value}", entry.where)]
    if both:
        found.append(Evidence(f"{saves} saves and {rewrites} rewrites in the log"))
    return Finding(
        "save-and-aof",
        Severity.MEDIUM if both else Severity.INFO,
        "RDB files are saved beside the log" + (": two kinds of children fork and write" if both else ""),
        tuple(found),
        why="it is the default; each save forks and writes all data, and a rewrite waits for it",
        do=('where no backup uses the RDB files: CONFIG SET save ""',),
        undo=f'CONFIG SET save "{entry.value}"',
        not_this=("with the log on, a start does not read the RDB file",),
    )


def preamble_off(case: Case) -> Answer:
    """Judge bases written as commands."""
    return _wrong_flag(
        case,
        "aof-use-rdb-preamble",
        "preamble-off",
        "the base is written as commands: larger, and slower to load",
        "RDB bases loaded 1.3 to 5 times faster, in all 17 kinds of data that were measured",
        "only programs that read the file and know no RDB need commands",
    )


def incremental_off(case: Case) -> Answer:
    """Judge rewrites that sync all at the end."""
    return _wrong_flag(
        case,
        "aof-rewrite-incremental-fsync",
        "incremental-fsync-off",
        "a rewrite syncs all it wrote at its end, which blocks the disk",
        "with yes it syncs each 4 MiB",
        "",
    )


def _wrong_flag(case: Case, name: str, code: str, title: str, why: str, not_this: str) -> Answer:
    situation = case.situation
    entry = situation.setting(name)
    if entry is None:
        return Unknown(f"{name} is not known")
    if situation.flag(name) is not False or situation.is_aof_on is False:
        return None
    return Finding(
        code,
        Severity.MEDIUM,
        title,
        (Evidence(f"{name} no", entry.where),),
        why=why,
        do=(f"CONFIG SET {name} yes",),
        undo=f"CONFIG SET {name} no",
        not_this=(not_this,) if not_this else (),
    )


_CONFIG = ((Kind.CONFIG,), (Kind.CONF,))
RULES = (
    Rule(
        "rewrite-failing",
        "rewrites",
        ((Kind.INFO,), (Kind.SERVER_LOG,)),
        "the last rewrite failed; high: the last three",
        rewrite_failing,
        "a status of err alone after a later success is none",
    ),
    Rule(
        "rewrite-often",
        "rewrites",
        ((Kind.SERVER_LOG,), (Kind.INFO,)),
        "three automatic rewrites or more, more than 4 an hour or closer than 5 times their length",
        rewrite_often,
        "manual and failed ones are taken off",
    ),
    Rule(
        "rewrite-off",
        "rewrites",
        _CONFIG,
        "auto-aof-rewrite-percentage 0; high above 64 MiB",
        rewrite_off,
        "for information where somebody rewrites at regular times",
    ),
    Rule(
        "rewrite-late",
        "rewrites",
        ((Kind.INFO, Kind.CONFIG, Kind.DF),),
        "the size that starts the next rewrite is above the log and 0.8 of what is free",
        rewrite_late,
    ),
    Rule(
        "rewrite-contention",
        "rewrites",
        ((Kind.SERVER_LOG,),),
        "two slow syncs or more within the life of a child, or all of them",
        rewrite_contention,
    ),
    Rule(
        "save-and-aof",
        "rewrites",
        ((Kind.CONFIG,),),
        "save is set beside the log; medium where both forked twice",
        save_and_aof,
        "it is the default",
    ),
    Rule("preamble-off", "settings", _CONFIG, "aof-use-rdb-preamble no", preamble_off),
    Rule("incremental-fsync-off", "settings", _CONFIG, "aof-rewrite-incremental-fsync no", incremental_off),
)
