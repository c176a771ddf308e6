"""Collect everything: INFO at the start and at the end, in between the machine, then settings and latencies.

The server is only asked, over one connection, by the commands of `collecting.talking`. What cannot be had is
noted with the reason, and the rest goes on. Every text is masked before it goes anywhere.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from typing import Any

from aoftool.capture.masking import Masker
from aoftool.capture.model import Bundle
from aoftool.capture.replies import numbered, pairs
from aoftool.collecting.host import LocalServer, find_local, host_files, io_counts, read_for
from aoftool.collecting.questions import HIDDEN_SETTINGS
from aoftool.collecting.talking import Refusal, Talk
from aoftool.collecting.watching import sample_tools
from aoftool.errors import RefusedError
from aoftool.regex import regex

__all__ = ["collect", "info_text", "server_words", "wait_for"]

_SLOWEST = "128"
_MOST_EVENTS = 64
_EVENT = regex(r"[a-z][a-z0-9-]{0,63}")
# Valkey 8.1 on: three logs in place of one.
_COMMAND_LOGS = ("slow", "large-request", "large-reply")
_POLL_S = 1.0
_TEXT = {"latency-doctor.txt": ("LATENCY", "DOCTOR"), "memory-doctor.txt": ("MEMORY", "DOCTOR")}

Sleep = Callable[[float], None]


def collect(connection: Talk, masker: Masker, seconds: float, traced_s: float = 0.0) -> Bundle:
    """Return the files of a capture.

    Args:
        seconds: between the two INFO; the machine is watched meanwhile.
        traced_s: how long strace looks at the server; 0 for not at all.

    Raises:
        RefusedError: the server loads its data, and has nothing to say yet.
        SourceError: it gives no answer any more.
    """
    made = _Collector(connection, masker)
    made.before()
    local = made.local()
    if local is not None:
        made.add("proc/io-before", io_counts(local), "no right to read it")
    for name, text in sample_tools(seconds, None if local is None else local.pid, traced_s).items():
        made.add(name, text, "not installed, or not permitted")
    made.settings()
    made.latencies()
    made.after()
    made.host(local)
    return made.masked()


def info_text(connection: Talk, section: str) -> str:
    """Return a section of INFO.

    Raises:
        Refusal: the server does not give it.
    """
    reply = connection.ask("INFO", section)
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else ""


def _field(info: str, name: str) -> str:
    found = re.search(rf"^{name}:(.*?)\r?$", info, re.MULTILINE)
    return found[1] if found is not None else ""


def server_words(info: str) -> str:
    """Return product and version by INFO, for people."""
    name = "Valkey" if _field(info, "server_name") == "valkey" else "Redis"
    version = _field(info, "valkey_version") or _field(info, "redis_version")
    return f"{name} {version}" if re.fullmatch(r"[0-9.]{1,20}", version) else "a server that tells no version"


class _Collector:
    """Gathers plain texts; masks them at the end, when all passwords are known."""

    def __init__(self, connection: Talk, masker: Masker) -> None:
        self._connection, self._masker = connection, masker
        self._texts: dict[str, str] = {}
        self._done: set[str] = set()
        self._missing: dict[str, str] = {}
        self._info = ""
        self._settings: dict[str, str] = {}

    def add(self, name: str, text: str | None, why_not: str) -> None:
        """Take a text, or note why there is none."""
        if text:
            self._texts[name] = text
        else:
            self._missing[name] = why_not

    def _ask(self, name: str, *words: str) -> Any:
        """Return a reply, None and a note where the server refuses."""
        try:
            return self._connection.ask(*words)
        except Refusal as error:
            self._missing[name] = str(error)
            return None

    def before(self) -> None:
        """Take INFO for the first time."""
        try:
            self._connection.ask("PING")
            self._info = info_text(self._connection, "everything")
            if "redis_version:" not in self._info:
                self._info = info_text(self._connection, "default")
        except Refusal as error:
            text = str(error)
            if text.startswith("LOADING"):
                raise RefusedError(
                    "the server loads its data: it has nothing to say yet", hint="try again"
                ) from None
            hint = "give a user who may: docs/capture.md has the least rights" if "NO" in text[:6] else None
            raise RefusedError(f"the server does not answer: {text}", hint=hint) from None
        if _field(self._info, "loading") == "1":
            raise RefusedError("the server loads its data: it would only be slowed", hint="try again")
        self.add("info-before.txt", self._info, "")

    def local(self) -> LocalServer | None:
        """Return the process of the server, where it is here."""
        pid, uptime = _field(self._info, "process_id"), _field(self._info, "uptime_in_seconds")
        found = None
        if pid.isdigit() and uptime.isdigit() and len(pid) < 10 and len(uptime) < 12:
            found = find_local(int(pid), int(uptime), self._connection.peer_pid)
        if found is None:
            self._missing["proc, sys, server.log, conf"] = (
                "the server does not run on this machine, or not visibly"
            )
        return found

    def settings(self) -> None:
        """Take all settings, and those that have to be asked for by name."""
        reply = self._ask("config.txt", "CONFIG", "GET", "*")
        rows = self._masker.settings(pairs(reply))
        self._settings = dict(rows)
        self._keep("config.txt", rows)
        hidden: list[tuple[str, str]] = []
        for name in HIDDEN_SETTINGS:
            hidden += pairs(self._ask("config-hidden.txt", "CONFIG", "GET", name))
        self._keep("config-hidden.txt", hidden)

    def _keep(self, name: str, rows: list[tuple[str, str]]) -> None:
        if rows:
            self._texts[name] = "".join(f"{setting}\n{value}\n" for setting, value in rows)
            self._done.add(name)

    def latencies(self) -> None:
        """Take what the server noted of its own time."""
        latest = self._ask("latency-latest.txt", "LATENCY", "LATEST")
        if latest is not None:
            self._texts["latency-latest.txt"] = numbered(latest)
        for event in _events(latest):
            name = f"latency-history/{event}.txt"
            history = self._ask(name, "LATENCY", "HISTORY", event)
            if history is not None:
                self._texts[name] = numbered(history)
        for name, words in _TEXT.items():
            reply = self._ask(name, *words)
            if isinstance(reply, bytes):
                self._texts[name] = reply.decode("utf-8", "replace") + "\n"
        slow = self._ask("slowlog.txt", "SLOWLOG", "GET", _SLOWEST)
        if slow is not None:
            self._texts["slowlog.txt"] = numbered(self._masker.slow(slow))
        for kind in _COMMAND_LOGS:
            name = f"commandlog-{kind}.txt"
            reply = self._ask(name, "COMMANDLOG", "GET", _SLOWEST, kind)
            if reply is None:
                break
            self._texts[name] = numbered(self._masker.slow(reply))
        stats = self._ask("memory-stats.txt", "MEMORY", "STATS")
        if stats is not None:
            self._texts["memory-stats.txt"] = numbered(stats)

    def after(self) -> None:
        """Take INFO for the second time, and what only its section `debug` tells."""
        self.add("info.txt", info_text(self._connection, "everything") or self._info, "")
        try:
            text = info_text(self._connection, "debug")
        except Refusal as error:
            self._missing["info-debug.txt"] = str(error)
            return
        self.add("info-debug.txt", text.strip() and text, "this release has no INFO debug")

    def host(self, local: LocalServer | None) -> None:
        """Take what the machine says."""
        if local is None:
            return
        data = self._settings.get("dir", "")
        data = data if os.path.isabs(data) else ""
        for name, text in host_files(local, data or None):
            self.add(name, text, "no right to read it")
        log = self._settings.get("logfile", "")
        path = log if os.path.isabs(log) else os.path.join(data, log) if log and data else ""
        self.add("server.log", read_for(local, path, tail=True) if path else None, "the server names none")
        conf = _field(self._info, "config_file")
        text = read_for(local, conf, tail=False) if os.path.isabs(conf) else None
        name = "valkey.conf" if "valkey_version:" in self._info else "redis.conf"
        self.add(
            name, None if text is None else self._masker.conf(text), "the server was started without one"
        )

    def masked(self) -> Bundle:
        """Return everything, masked: all texts, those with rules of their own too."""
        files = {name: self._masker.text(text) for name, text in sorted(self._texts.items())}
        return Bundle(files, dict(sorted(self._missing.items())), dict(self._masker.counts))


def _events(latest: Any) -> list[str]:
    if not isinstance(latest, list):
        return []
    names = [row[0] for row in latest if isinstance(row, list) and row and isinstance(row[0], bytes)]
    shown = [name.decode("ascii", "replace") for name in names]
    return [name for name in shown if _EVENT.fullmatch(name)][:_MOST_EVENTS]


def wait_for(connection: Talk, least_ms: int, seconds: float, sleep: Sleep = time.sleep) -> str | None:
    """Wait until LATENCY has a new event of at least so many milliseconds; return its name.

    None where there is none in time.

    Raises:
        Refusal: the server does not tell latencies.
    """
    seen = _marks(connection.ask("LATENCY", "LATEST"))
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        sleep(min(_POLL_S, left))
        now = _marks(connection.ask("LATENCY", "LATEST"))
        for name, (at_s, latest_ms) in now.items():
            if latest_ms >= least_ms and seen.get(name, (0, 0))[0] != at_s:
                return name
        seen = now
    return None


def _marks(latest: Any) -> dict[str, tuple[int, int]]:
    """Return (time, duration in ms) of the latest of each event."""
    rows = latest if isinstance(latest, list) else []
    return {
        row[0].decode("ascii", "replace"): (row[1], row[2])
        for row in rows
        if isinstance(row, list) and len(row) > 2 and isinstance(row[0], bytes)
    }
