"""Everything that was captured, read: one record that the rules look into."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from aoftool.captures.conf import read_conf
from aoftool.captures.config import read_config
from aoftool.captures.info import read_info
from aoftool.captures.intrinsic import Intrinsic, read_intrinsic
from aoftool.captures.latency import read_history, read_latest
from aoftool.captures.lines import Text
from aoftool.captures.model import (
    Directive,
    DiskTable,
    Entry,
    Info,
    Kind,
    LatencyEvent,
    LatencySample,
    LogEntry,
    Mount,
    Reading,
    Report,
    SlowCommand,
    Trace,
)
from aoftool.captures.numbers import integer
from aoftool.captures.proc import MAPPING, read_fields, read_mounts, read_sizes, read_smaps
from aoftool.captures.serverlog import read_log
from aoftool.captures.slowlog import read_slowlog
from aoftool.captures.space import FileSystem, SizedFile, read_df, read_files
from aoftool.captures.strace import read_strace
from aoftool.captures.tables import read_iostat, read_vmstat
from aoftool.captures.telling import kind_of
from aoftool.captures.watchdog import WatchdogReport, read_watchdog
from aoftool.dataclass import dataclass, field

__all__ = ["Captured", "read_captured"]


@dataclass(slots=True)
class Captured:
    """What the texts hold. A kind that is not in `kinds` was not captured; one that is may be empty.

    Attributes:
        kinds: by kind the names of the texts.
        each_kind: the kinds of the texts, in their order.
        infos: replies of INFO by their age, oldest first; parts such as `INFO debug` are in the last.
        proc_io: by age, oldest first, in bytes.
        smaps_largest: the largest Swap of one map in bytes and where; only where maps were listed one by one.
    """

    kinds: dict[Kind, list[str]] = field(default_factory=dict)
    each_kind: list[Kind] = field(default_factory=list)
    infos: list[Info] = field(default_factory=list)
    config: dict[str, Entry] = field(default_factory=dict)
    conf: tuple[Directive, ...] = ()
    latest: tuple[LatencyEvent, ...] = ()
    history: tuple[LatencySample, ...] = ()
    doctor: Text | None = None
    slowlog: tuple[SlowCommand, ...] = ()
    log: tuple[LogEntry, ...] = ()
    watchdog: tuple[WatchdogReport, ...] = ()
    trace: Trace | None = None
    status: dict[str, Entry] = field(default_factory=dict)
    smaps: dict[str, Reading] = field(default_factory=dict)
    smaps_largest: tuple[int, str] | None = None
    proc_io: list[dict[str, Reading]] = field(default_factory=list)
    meminfo: dict[str, Reading] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    vmstat: tuple[Report, ...] = ()
    iostat: DiskTable = field(default_factory=DiskTable)
    df: tuple[FileSystem, ...] = ()
    files: tuple[SizedFile, ...] = ()
    intrinsic: Intrinsic | None = None
    kernel: dict[str, Entry] = field(default_factory=dict)
    fatal: tuple[Text, ...] = ()

    def has(self, kind: Kind) -> bool:
        """Tell whether a kind was captured."""
        return kind in self.kinds


def read_captured(
    texts: Iterable[Text], settings: Collection[str] = (), told: Mapping[str, Kind] | None = None
) -> Captured:
    """Read all texts.

    Args:
        settings: names of settings of any server, by which CONFIG GET and conf files are told.
        told: kinds that the user says, by name of the text.
    """
    captured = Captured()
    for text in texts:
        kind = (told or {}).get(text.name) or kind_of(text, settings)
        captured.kinds.setdefault(kind, []).append(text.name)
        captured.each_kind.append(kind)
        _take(captured, kind, text)
    _order_infos(captured)
    return captured


def _take(captured: Captured, kind: Kind, text: Text) -> None:
    if kind is Kind.INFO:
        captured.infos.append(read_info(text))
    elif kind is Kind.CONFIG:
        captured.config.update(read_config(text))
    elif kind is Kind.CONF:
        captured.conf += read_conf(text)
    elif kind in (Kind.LATENCY_LATEST, Kind.LATENCY_HISTORY, Kind.LATENCY_DOCTOR):
        _take_latency(captured, kind, text)
    elif kind is Kind.SLOWLOG:
        # One reply may have been captured in several forms.
        captured.slowlog = tuple(
            {(row.id, row.at_s, row.usec): row for row in (*read_slowlog(text), *captured.slowlog)}.values()
        )
    elif kind is Kind.SERVER_LOG:
        captured.log += read_log(text)
        captured.watchdog += read_watchdog(text)
    elif kind is Kind.STRACE:
        captured.trace = captured.trace or read_strace(text)
    elif kind in (Kind.INTRINSIC, Kind.VMSTAT, Kind.IOSTAT):
        _take_table(captured, kind, text)
    elif kind is Kind.UNKNOWN:
        captured.fatal += (text,)
    else:
        _take_system(captured, kind, text)


def _take_latency(captured: Captured, kind: Kind, text: Text) -> None:
    if kind is Kind.LATENCY_LATEST:
        captured.latest = captured.latest or read_latest(text)
    elif kind is Kind.LATENCY_DOCTOR:
        captured.doctor = text
    else:
        event = text.name.rpartition("/")[2].removesuffix(".txt")
        known = {(row.event, row.at_s, row.ms) for row in captured.history}
        samples = read_history(text, event)
        captured.history += tuple(row for row in samples if (row.event, row.at_s, row.ms) not in known)


def _take_table(captured: Captured, kind: Kind, text: Text) -> None:
    if kind is Kind.VMSTAT:
        captured.vmstat += read_vmstat(text)
    elif kind is Kind.IOSTAT:
        captured.iostat = read_iostat(text)
    else:
        captured.intrinsic = read_intrinsic(text)


def _take_system(captured: Captured, kind: Kind, text: Text) -> None:
    if kind is Kind.STATUS:
        captured.status = read_fields(text)
    elif kind is Kind.SMAPS:
        _take_smaps(captured, text)
    elif kind is Kind.PROC_IO:
        captured.proc_io.append(read_sizes(text))
        captured.proc_io.sort(key=lambda sizes: sizes["wchar"].value if "wchar" in sizes else 0)
    elif kind is Kind.MEMINFO:
        captured.meminfo = read_sizes(text)
    elif kind is Kind.MOUNTINFO:
        captured.mounts += read_mounts(text)
    elif kind is Kind.DF:
        captured.df += read_df(text)
    elif kind is Kind.FILES:
        captured.files += read_files(text)
    elif kind is Kind.KERNEL:
        base = text.name.rpartition("/")[2].removesuffix(".txt")
        if text.lines:
            captured.kernel[base] = Entry(text.lines[0].strip(), text.where(0))


def _take_smaps(captured: Captured, text: Text) -> None:
    """Take sums; of rollup and a list of maps the rollup, as a list is often shortened."""
    sums, largest, where = read_smaps(text)
    is_rollup = any("[rollup]" in line for line in text.lines[:3])
    if is_rollup or not captured.smaps:
        captured.smaps = sums
    if not is_rollup and any(MAPPING.fullmatch(line) for line in text.lines):
        captured.smaps_largest = (largest, where)


def _order_infos(captured: Captured) -> None:
    """Put replies of INFO in order of age; parts without an age belong to the newest."""
    whole = [info for info in captured.infos if _age(info) is not None]
    parts = [info for info in captured.infos if _age(info) is None]
    whole.sort(key=lambda info: (_clock(info), _age(info) or 0))
    if parts:
        last = whole.pop() if whole else Info(parts[0].name, {})
        fields = dict(last.fields)
        for part in parts:
            for name, entry in part.fields.items():
                fields.setdefault(name, entry)
        whole.append(Info(last.name, fields))
    captured.infos = whole


def _age(info: Info) -> int | None:
    entry = info.fields.get("uptime_in_seconds")
    return integer(entry.value) if entry else None


def _clock(info: Info) -> int:
    entry = info.fields.get("server_time_usec")
    return (integer(entry.value) if entry else None) or 0
