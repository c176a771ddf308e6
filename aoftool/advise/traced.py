"""What the main thread waited for, by strace: syncs of the manifest, of the log, writes to it, forks.

The manifest is synced with its directory before each fork of a rewrite, and twice more when the new base is
put in its place; all by the main thread. Source: src/aof.c openNewIncrAofForAppend,
backgroundRewriteDoneHandler, writeAofManifestFile.
"""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.advise.situation import SYNCS, Situation
from aoftool.captures.model import Call
from aoftool.dataclass import dataclass, replace

__all__ = ["MANIFEST_END", "MANIFEST_START", "Wait", "sync_calls", "waits_of_main"]

MANIFEST_START = "manifest-sync-start"
MANIFEST_END = "manifest-sync-end"
# Calls with less between them are one standstill: nothing was served.
_APART_S = 0.1
_FORKS = frozenset(("clone", "clone3", "fork", "vfork"))
_WRITES = frozenset(("write", "writev", "pwrite64", "pwritev"))


@dataclass(frozen=True, slots=True)
class Wait:
    """One wait of the main thread.

    Attributes:
        cause: `manifest-sync-start`, `manifest-sync-end`, `manifest-sync`, `aof-sync`, `aof-write` or `fork`.
        at_s: when it began, in the clock of the trace.
        calls: how many calls it is made of.
    """

    cause: str
    at_s: float | None
    seconds: float
    where: str
    calls: int = 1
    is_named: bool = False


class _Phase:
    """Which part of a rewrite the main thread is at."""

    def __init__(self) -> None:
        self.paths: dict[int, str] = {}
        self.cause = ""
        self.manifests = 0

    def path(self, call: Call) -> str:
        return call.path or self.paths.get(call.fd or -1, "")

    def follow(self, call: Call) -> None:
        if call.name in ("open", "openat"):
            if call.fd is not None:
                self.paths[call.fd] = call.path
            # Old files are opened too, to be removed, between the two syncs at the end.
            is_over = self.cause != MANIFEST_END or self.manifests >= 2
            if call.path.endswith(".incr.aof") and is_over:
                self.cause, self.manifests = MANIFEST_START, 0
        elif call.name == "close" and call.fd is not None:
            self.paths.pop(call.fd, None)
        elif call.name.startswith("rename"):
            if "temp-rewriteaof" in call.path and ".base." in call.other_path:
                self.cause, self.manifests = MANIFEST_END, 0
            elif "manifest" in call.other_path and self.cause == MANIFEST_END:
                self.manifests += 1
        elif call.name in _FORKS:
            self.cause = ""


def waits_of_main(situation: Situation, at_least_s: float = 0.01) -> list[Wait]:
    """Return the waits of the main thread, those of one standstill as one."""
    written = {call.fd for call in situation.main_calls if call.name in _WRITES and _is_large(call)}
    found: list[Wait] = []
    for wait in _waits(situation, written):
        last = found[-1] if found else None
        if last is not None and _are_one(last, wait):
            seconds = wait.seconds + last.seconds
            found[-1] = replace(
                last, seconds=seconds, calls=last.calls + 1, is_named=last.is_named or wait.is_named
            )
        else:
            found.append(wait)
    return [wait for wait in found if wait.seconds >= at_least_s]


def _are_one(last: Wait, wait: Wait) -> bool:
    if last.cause != wait.cause or not wait.cause.startswith("manifest"):
        return False
    if last.at_s is None or wait.at_s is None:
        return False
    return 0 <= wait.at_s - (last.at_s + last.seconds) < _APART_S


def _waits(situation: Situation, written: set[int | None]) -> Iterator[Wait]:
    phase = _Phase()
    for call in situation.main_calls:
        phase.follow(call)
        cause = _cause(situation, call, phase, written)
        if cause:
            is_named = "manifest" in phase.path(call) or _is_directory(phase.path(call))
            yield Wait(cause, call.at_s, call.seconds, call.where, is_named=is_named)


def _cause(situation: Situation, call: Call, phase: _Phase, written: set[int | None]) -> str:
    path = phase.path(call)
    if call.name in _FORKS:
        return "fork"
    if call.name in SYNCS:
        if "manifest" in path or _is_directory(path):
            return phase.cause or "manifest-sync"
        if ".incr." in path or path.endswith(".aof") or call.fd in written:
            return "aof-sync"
        return "" if path else "aof-sync" if situation.policy == "always" else phase.cause or "main-sync"
    if call.name in _WRITES and _is_of_log(situation, call, path):
        return "aof-write"
    return ""


def _is_of_log(situation: Situation, call: Call, path: str) -> bool:
    """Tell a write to the log from a reply to a client: by its path, or as what it writes to is synced."""
    if path:
        return ".incr." in path or path.endswith(".aof")
    return call.fd in situation.synced_fds


def _is_large(call: Call) -> bool:
    return call.size_bytes is not None


def _is_directory(path: str) -> bool:
    return path.rstrip("/").endswith("appendonlydir") or (path.endswith("dir") and "/" in path)


def sync_calls(situation: Situation) -> list[Call]:
    """Return the syncs of other threads of the server: those of the log itself, children left out."""
    trace = situation.captured.trace
    if trace is None or not trace.names_threads:
        return []
    ours = situation.main_pid
    return [
        call
        for call in trace.calls
        if call.name in SYNCS and call.tid != ours and call.tid not in situation.children_pids
    ]
