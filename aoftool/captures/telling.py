"""Tells by its content what a captured text is; its name decides only where the content can be several."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence

from aoftool.captures.config import NAME
from aoftool.captures.latency import EVENT, MOMENT
from aoftool.captures.lines import Text
from aoftool.captures.model import Kind
from aoftool.captures.numbers import integer
from aoftool.captures.proc import MAPPING
from aoftool.captures.replies import is_numbered
from aoftool.captures.serverlog import LEGACY, LOGFMT
from aoftool.captures.strace import LINE
from aoftool.regex import regex

__all__ = ["KERNEL_FILES", "kind_of"]

_LOOKED_AT = 400
_INFO_FIELD = regex(r"[a-z][a-z0-9_|.\-]*:(?! ).*")
# A part of INFO without its heading; keys of clients look like fields too.
_WELL_KNOWN = regex(
    r"(?:redis_version|uptime_in_seconds|connected_clients|used_memory|aof_enabled|total_commands_processed"
    r"|eventloop_duration_max|used_cpu_sys|cmdstat_\w+|role):"
)
_SECTION = regex(r"# [A-Z][A-Za-z_ ]{1,30}")
_SMAPS = regex(r"(?:Rss|Pss|Swap|Private_Dirty|Shared_Clean|AnonHugePages):\s+\d+ kB")
_LATENCY_CLIENT = regex(r"\d+ \d+ \d+[.,]\d{2} \d+")
_FILE = regex(r"\s*\d+\s+/?\S*\.(?:aof|rdb|manifest|conf|log)\S*")
# What is told apart by the name of the file under /proc/sys or /sys alone.
KERNEL_FILES = (
    "transparent_hugepage_enabled",
    "overcommit_memory",
    "swappiness",
    "dirty_background_ratio",
    "dirty_background_bytes",
    "dirty_ratio",
    "dirty_bytes",
    "dirty_expire_centisecs",
    "cpu.max",
    "memory.max",
)
_NAMED = (
    ("latency-history/", Kind.LATENCY_HISTORY),
    ("latency-latest", Kind.LATENCY_LATEST),
    ("slowlog", Kind.SLOWLOG),
    ("commandlog", Kind.COMMANDLOG),
    ("info", Kind.INFO),
    ("config", Kind.CONFIG),
)


def kind_of(text: Text, settings: Collection[str] = ()) -> Kind:
    """Return what a text is.

    Args:
        settings: names of settings of any server, to tell CONFIG GET and conf files by.
    """
    base = text.name.rpartition("/")[2]
    kernel = _kernel(base)
    if kernel:
        return Kind.KERNEL
    lines = [line for line in text.lines[:_LOOKED_AT] if line.strip()]
    if not lines:
        return _named(text.name)
    for kind, is_it in _TESTS:
        if is_it(lines):
            return kind
    if _is_config(lines, settings):
        return Kind.CONFIG
    if _is_conf(lines, settings):
        return Kind.CONF
    return _by_shape(lines, text.name)


def _kernel(base: str) -> bool:
    return base.removesuffix(".txt") in KERNEL_FILES


def _named(name: str) -> Kind:
    low = name.lower()
    return next((kind for part, kind in _NAMED if part in low), Kind.UNKNOWN)


def _share(lines: Sequence[str], matches: Callable[[str], object]) -> float:
    return sum(1 for line in lines if matches(line)) / len(lines)


def _any(lines: Sequence[str], matches: Callable[[str], object]) -> bool:
    return any(matches(line) for line in lines)


def _is_info(lines: Sequence[str]) -> bool:
    fields = _share(lines, lambda line: _INFO_FIELD.fullmatch(line.rstrip()))
    sections = _share(lines, lambda line: _SECTION.fullmatch(line.rstrip()))
    return (sections > 0 or _any(lines, _WELL_KNOWN.match)) and fields > 0.3 and fields + sections > 0.6


def _is_log(lines: Sequence[str]) -> bool:
    found = _any(lines, lambda line: LEGACY.search(line) or LOGFMT.search(line))
    return found or _any(lines, lambda line: "WATCHDOG TIMER EXPIRED" in line)


def _is_strace(lines: Sequence[str]) -> bool:
    return _share(lines, lambda line: LINE.match(line) and (" = " in line or "<unfinished" in line)) > 0.3


def _is_smaps(lines: Sequence[str]) -> bool:
    return _any(lines, MAPPING.fullmatch) or _share(lines, _SMAPS.match) > 0.2


def _has(*words: str) -> Callable[[Sequence[str]], bool]:
    return lambda lines: all(any(line.startswith(word) for line in lines) for word in words)


def _has_one(*words: str) -> Callable[[Sequence[str]], bool]:
    return lambda lines: any(word in line for word in words for line in lines)


def _is_vmstat(lines: Sequence[str]) -> bool:
    return _any(lines, lambda line: {"r", "b", "si", "so", "us", "id"}.issubset(line.split()))


def _is_mounts(lines: Sequence[str]) -> bool:
    return _share(lines, lambda line: " - " in line and re.match(r"\d+ \d+ \d+:\d+ /", line)) > 0.5


def _is_history_of_client(lines: Sequence[str]) -> bool:
    return _share(lines, lambda line: _LATENCY_CLIENT.fullmatch(line.strip())) > 0.6


_TESTS: tuple[tuple[Kind, Callable[[Sequence[str]], bool]], ...] = (
    (Kind.SERVER_LOG, _is_log),
    (Kind.STRACE, _is_strace),
    (Kind.SMAPS, _is_smaps),
    (Kind.MEMINFO, _has("MemTotal:")),
    (Kind.MEMINFO, _has("MemAvailable:")),
    (Kind.STATUS, _has("Name:\t")),
    (Kind.STATUS, _has("VmRSS:")),
    (Kind.PROC_IO, _has("rchar:")),
    (Kind.PROC_IO, _has("write_bytes:")),
    (Kind.VMSTAT, _is_vmstat),
    (Kind.IOSTAT, _has("avg-cpu:")),
    (Kind.IOSTAT, _has("Device")),
    (Kind.DF, _has("Filesystem")),
    (Kind.MOUNTINFO, _is_mounts),
    (Kind.INTRINSIC, _has("Max latency so far:")),
    (Kind.LATENCY_CLIENT, _is_history_of_client),
    (Kind.MEMORY_DOCTOR, _has_one("Hi Sam,", "Sam, I ")),
    (Kind.LATENCY_DOCTOR, _has_one("latency spike", "Latency monitoring is disabled")),
    (Kind.MEMORY_STATS, _has_one("peak.allocated")),
    (Kind.INFO, _is_info),
)


def _is_config(lines: Sequence[str], settings: Collection[str]) -> bool:
    """Tell pairs of lines whose first are settings; in numbered output and JSON names stand in quotes."""
    quoted = [match[1] for line in lines for match in re.finditer(r'"([a-z][a-z0-9\-]{2,60})"', line)]
    if is_numbered(lines) or lines[0].lstrip()[:1] in "[{":
        return bool(quoted) and sum(name in settings for name in quoted) >= max(1, len(quoted) // 4)
    alone = [line.strip() for line in lines if NAME.fullmatch(line.strip())]
    known = sum(name in settings for name in alone)
    return known >= 1 and known >= len(lines) // 4


def _is_conf(lines: Sequence[str], settings: Collection[str]) -> bool:
    words = [line.split(None, 1) for line in lines if not line.lstrip().startswith("#")]
    if not words:
        return False
    known = sum(len(parts) == 2 and parts[0].lower() in settings for parts in words)
    return known * 2 >= len(words)


def _by_shape(lines: Sequence[str], name: str) -> Kind:
    """Tell replies of numbers by what stands before the first moment: an event, an id, or a length."""
    values = [line.split()[-1].strip('"') for line in lines]
    at = next((index for index, value in enumerate(values) if MOMENT.fullmatch(value.strip("),"))), None)
    if at is None:
        if _share(lines, _FILE.match) > 0.3:
            return Kind.FILES
        return _named(name) if len(lines) == 1 else Kind.UNKNOWN
    if at and EVENT.fullmatch(values[at - 1]):
        return Kind.LATENCY_LATEST
    if all(integer(value) is not None for value in values):
        return Kind.LATENCY_HISTORY
    named = _named(name)
    return named if named in (Kind.COMMANDLOG, Kind.LATENCY_HISTORY, Kind.LATENCY_LATEST) else Kind.SLOWLOG
