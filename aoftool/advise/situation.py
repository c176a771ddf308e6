"""What the rules ask: settings, counters and their rise, the log's children, the calls of the main thread.

Nothing here judges. What cannot be told is None, never a guess.
"""

from __future__ import annotations

import re
from functools import cached_property

from aoftool.advise.model import LogFacts, ServerFacts
from aoftool.advise.rewrites import Rewrites, read_rewrites
from aoftool.advise.thresholds import Thresholds
from aoftool.captures.captured import Captured
from aoftool.captures.conf import memory_bytes
from aoftool.captures.model import Call, Entry, Info, Kind, Mount, Reading
from aoftool.captures.numbers import decimal, integer
from aoftool.captures.space import FileSystem
from aoftool.regex import regex
from aoftool.releases import Release, release_of
from aoftool.units import format_duration

__all__ = ["MIN_WINDOW_S", "Rise", "Situation"]

MIN_WINDOW_S = 5
"""Two replies of INFO closer than this give no rates."""
_LONG_UPTIME_S = 3600
_STARTED = regex(r"(Valkey|Redis) version=(\d{1,3}\.\d{1,3}\.\d{1,3})")
_FATAL = regex(r"FATAL CONFIG FILE ERROR \((Version|Redis) (\d{1,3}\.\d{1,3}\.\d{1,3})\)")
# Clocks of logs differ from UTC by whole quarters of an hour.
_QUARTER_S = 900


class Rise:
    """How a counter of INFO rose.

    Attributes:
        by: between the two replies; since the start of the server where there is one reply.
        seconds: in which it rose.
        first, last: the replies' entries; first is None where there is one reply.
    """

    def __init__(self, by: float, seconds: float, first: Entry | None, last: Entry) -> None:
        self.by, self.seconds, self.first, self.last = by, seconds, first, last

    @property
    def rate(self) -> float:
        """Return it by the second."""
        return self.by / self.seconds if self.seconds > 0 else 0.0

    @property
    def in_words(self) -> str:
        """Return the two values."""
        return f"{self.first.value} -> {self.last.value}" if self.first else self.last.value


class Situation:
    """Looks into what was captured."""

    def __init__(
        self, captured: Captured, thresholds: Thresholds | None = None, log: LogFacts | None = None
    ) -> None:
        self.captured = captured
        self.limits = thresholds or Thresholds()
        self.log_facts = log

    def has(self, *kinds: Kind) -> bool:
        """Tell whether all of some kinds were captured."""
        return all(self.captured.has(kind) for kind in kinds)

    # INFO

    @cached_property
    def last(self) -> Info | None:
        """Return the newest reply of INFO."""
        return self.captured.infos[-1] if self.captured.infos else None

    @cached_property
    def first(self) -> Info | None:
        """Return the oldest reply of the same run of the server; None where there is one alone."""
        last = self.last
        if last is None:
            return None
        run = _value(last, "run_id")
        for info in self.captured.infos[:-1]:
            seconds = (_number(last, "uptime_in_seconds") or 0) - (_number(info, "uptime_in_seconds") or 0)
            if _value(info, "run_id") == run and seconds >= MIN_WINDOW_S:
                return info
        return None

    def field(self, name: str) -> Entry | None:
        """Return a field of the newest INFO."""
        return self.last.fields.get(name) if self.last else None

    def number(self, name: str) -> float | None:
        """Return a number of the newest INFO; a sign of percent is left out."""
        return _number(self.last, name) if self.last else None

    def reading(self, name: str) -> Reading | None:
        """Return the same with its line."""
        entry, value = self.field(name), self.number(name)
        return Reading(value, entry.where) if entry is not None and value is not None else None

    @property
    def uptime_s(self) -> float | None:
        """Return how long the server had been running."""
        return self.number("uptime_in_seconds")

    def ago(self, at_s: float) -> str:
        """Return how long before the newest INFO something was, behind a comma; empty within an hour.

        SLOWLOG and LATENCY keep what was for as long as the server runs, so a reader has to be told.
        """
        now = self.number("server_time_usec")
        seconds = 0.0 if now is None else now / 1e6 - at_s
        return f", last {format_duration(seconds)} ago" if seconds >= _LONG_UPTIME_S else ""

    @cached_property
    def window_s(self) -> float | None:
        """Return the seconds between the two replies; None where there are not two."""
        if self.first is None or self.last is None:
            return None
        return (_number(self.last, "uptime_in_seconds") or 0) - (
            _number(self.first, "uptime_in_seconds") or 0
        )

    def rise(self, name: str, *, part: str | None = None) -> Rise | None:
        """Return how a counter rose between two replies; None without two, or where it fell (RESETSTAT).

        Args:
            part: of `name=value,...` fields, such as `calls` of `cmdstat_set`.
        """
        if self.first is None or self.last is None or not self.window_s:
            return None
        entry, before = self.last.fields.get(name), self.first.fields.get(name)
        if entry is None:
            return None
        value, old = _figure(entry, part), _figure(before, part) if before else None
        if value is None or (before is None and part is None):
            return None
        by = value - (old or 0)
        return Rise(by, self.window_s, before or Entry("0", entry.where), entry) if by >= 0 else None

    def rise_or_total(self, name: str, *, part: str | None = None) -> Rise | None:
        """Return the rise; with one reply the rise since the start, after an hour at least."""
        rise = self.rise(name, part=part)
        entry, uptime = self.field(name), self.uptime_s
        if rise is not None or self.first is not None or entry is None:
            return rise
        value = _figure(entry, part)
        if value is None or uptime is None or uptime < _LONG_UPTIME_S:
            return None
        return Rise(value, uptime, None, entry)

    # Settings

    def setting(self, name: str) -> Entry | None:
        """Return what the server uses; where neither CONFIG nor INFO was captured, what its file says."""
        entry = self.captured.config.get(name)
        if entry is not None or self.captured.config or self.last is not None:
            return entry
        return self.of_file(name)

    def of_file(self, name: str) -> Entry | None:
        """Return what the file says: the last line that sets it."""
        for directive in reversed(self.captured.conf):
            if directive.name == name:
                return Entry(" ".join(directive.arguments), directive.where)
        return None

    def flag(self, name: str) -> bool | None:
        """Return a setting of yes or no."""
        entry = self.setting(name)
        word = entry.value.strip().lower() if entry else ""
        return {"yes": True, "no": False}.get(word)

    def size(self, name: str) -> float | None:
        """Return a setting that is a number or a size in bytes."""
        entry = self.setting(name)
        return memory_bytes(entry.value) if entry else None

    @property
    def policy(self) -> str:
        """Return `appendfsync`; empty where nothing says, or it is no such word."""
        entry = self.setting("appendfsync")
        word = entry.value.strip().lower() if entry else ""
        return word if word in ("always", "everysec", "no") else ""

    @cached_property
    def is_aof_on(self) -> bool | None:
        """Tell whether there is an append-only file."""
        enabled = self.number("aof_enabled")
        return bool(enabled) if enabled is not None else self.flag("appendonly")

    # The server and its place

    @cached_property
    def family_and_version(self) -> tuple[str, str]:
        """Return `valkey` or `redis` and the version; empty where nothing says."""
        for name, family in (("valkey_version", "valkey"), ("redis_version", "redis")):
            entry = self.field(name)
            if entry is not None and re.fullmatch(r"\d{1,3}\.\d{1,3}\.\d{1,3}\S{0,20}", entry.value):
                return family, entry.value
        for log_line in reversed(self.captured.log):
            if match := _STARTED.search(log_line.message):
                return match[1].lower(), match[2]
        for text in self.captured.fatal:
            for line in text.lines[:50]:
                # Source: src/config.c; Valkey does not name itself there.
                if match := _FATAL.search(line):
                    return ("redis" if match[1] == "Redis" else "valkey"), match[2]
        return "", ""

    @cached_property
    def release(self) -> Release | None:
        """Return the release; None where it is not known."""
        family, version = self.family_and_version
        return release_of(family, version) if family and version else None

    @cached_property
    def main_pid(self) -> int | None:
        """Return the process: by INFO, else by the log, else by what it does in the trace."""
        entry = self.number("process_id")
        if entry:
            return int(entry)
        status = self.captured.status.get("Tgid")
        if status is not None and (pid := integer(status.value)):
            return pid
        for line in reversed(self.captured.log):
            if line.role in ("M", "S") and line.pid:
                return line.pid
        calls = self.captured.trace.calls if self.captured.trace else ()
        for call in calls:
            if call.name.startswith("rename") and "manifest" in call.other_path:
                return call.tid
        # Other threads sync the log, only this one writes it, and children write files of their own.
        writers = (call for call in calls if call.name == "write" and call.size_bytes)
        return next((call.tid for call in writers if _is_log(call, self.synced_fds)), None)

    @property
    def data_dir(self) -> str:
        """Return `dir` of the settings."""
        entry = self.setting("dir") or self.of_file("dir")
        return entry.value if entry and entry.value.startswith("/") else ""

    @cached_property
    def mount(self) -> Mount | None:
        """Return the file system of the log, by the longest mount point above it."""
        return _above(self.data_dir, self.captured.mounts)

    @cached_property
    def disk(self) -> FileSystem | None:
        """Return the row of df of the log's file system; the only one where nothing says which."""
        rows = self.captured.df
        if not self.data_dir:
            return rows[0] if len(rows) == 1 else None
        return max(
            (row for row in rows if _is_above(row.point, self.data_dir)),
            key=lambda row: len(row.point),
            default=None,
        )

    @cached_property
    def device(self) -> str:
        """Return the device of the log as iostat names it; empty where nothing says."""
        source = self.mount.source if self.mount else self.disk.device if self.disk else ""
        return source.removeprefix("/dev/") if source.startswith("/dev/") else ""

    def facts(self) -> ServerFacts:
        """Return which server this is."""
        family, version = self.family_and_version
        uptime = self.uptime_s
        return ServerFacts(
            family.capitalize(),
            version,
            int(uptime) if uptime is not None else None,
            self.policy,
            self.is_aof_on,
            self.data_dir,
            self.device,
            self.mount.kind if self.mount else "",
        )

    # The log and the trace

    @cached_property
    def rewrites(self) -> Rewrites:
        """Return the children that the log tells of."""
        return read_rewrites(self.captured.log)

    @cached_property
    def log_offset_s(self) -> float | None:
        """Return what to take from the log's clock to get UTC; None where it cannot be told."""
        server_time, uptime = self.number("server_time_usec"), self.uptime_s
        if server_time is None or uptime is None:
            return None
        started = server_time / 1e6 - uptime
        starts = [
            line.at_s
            for line in self.captured.log
            if line.at_s is not None and line.message.startswith("Server initialized")
        ]
        for moment in reversed(starts):
            offset = round((moment - started) / _QUARTER_S) * _QUARTER_S
            if abs(moment - started - offset) < 60 and abs(offset) <= 15 * 3600:
                return float(offset)
        return None

    @cached_property
    def synced_fds(self) -> frozenset[int]:
        """Return descriptors that were synced in the trace, by any thread: of the log, not of clients."""
        calls = self.captured.trace.calls if self.captured.trace else ()
        return frozenset(call.fd for call in calls if call.name in SYNCS and call.fd is not None)

    @cached_property
    def main_calls(self) -> tuple[Call, ...]:
        """Return the calls of the main thread; all where strace followed one thread and named none."""
        trace = self.captured.trace
        if trace is None:
            return ()
        if not trace.names_threads:
            return trace.calls
        return tuple(call for call in trace.calls if call.tid == self.main_pid and call.tid is not None)

    @cached_property
    def children_pids(self) -> frozenset[int]:
        """Return processes that the log or the trace says are children."""
        pids = {child.pid for child in self.rewrites.children if child.pid}
        calls = self.captured.trace.calls if self.captured.trace else ()
        # A child is the one that writes a temporary file.
        pids |= {call.tid for call in calls if call.tid and "temp-rewriteaof" in call.path and call.tid}
        pids |= {line.pid for line in self.captured.log if line.role == "C" and line.pid}
        return frozenset(pids - {self.main_pid})


def _is_log(call: Call, synced: frozenset[int]) -> bool:
    return ".incr." in call.path if call.path else call.fd in synced


SYNCS = frozenset(("fdatasync", "fsync", "sync_file_range"))


def _value(info: Info, name: str) -> str:
    entry = info.fields.get(name)
    return entry.value if entry else ""


def _number(info: Info, name: str) -> float | None:
    entry = info.fields.get(name)
    return decimal(entry.value.strip().removesuffix("%")) if entry else None


def _figure(entry: Entry, part: str | None) -> float | None:
    if part is None:
        return decimal(entry.value.strip())
    for piece in entry.value.split(","):
        name, _, value = piece.partition("=")
        if name == part:
            return decimal(value)
    return None


def _is_above(point: str, path: str) -> bool:
    return path == point or path.startswith(point.rstrip("/") + "/")


def _above(path: str, mounts: tuple[Mount, ...]) -> Mount | None:
    if not path:
        return None
    found = [mount for mount in mounts if _is_above(mount.point, path)]
    # Of two on one point the later hides the earlier.
    return max(reversed(found), key=lambda mount: len(mount.point), default=None)
