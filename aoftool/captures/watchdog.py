"""Reports of the software watchdog in a log: the stack of the main thread when it had not come round."""

from __future__ import annotations

from aoftool.captures.lines import Text
from aoftool.dataclass import dataclass
from aoftool.regex import regex

__all__ = ["WatchdogReport", "read_watchdog"]

_EXPIRED = "--- WATCHDOG TIMER EXPIRED ---"
_FRAME = regex(r"\S.{0,200}?\(([A-Za-z_][A-Za-z0-9_]{1,80})\+0x[0-9a-f]+\)\s*\[0x[0-9a-f]+\]")
_THREAD = regex(r"(\d{1,10}) (\S.{0,40})")
_HANDLER = regex(r"(\d{1,10}):signal-handler \((\d{10})\)")
_MAX_LINES = 400


@dataclass(frozen=True, slots=True)
class WatchdogReport:
    """One report.

    Attributes:
        at_s: seconds since 1970; None where the line before does not say.
        frames: names of functions, innermost first, of the main thread where threads are told apart.
    """

    at_s: int | None
    frames: tuple[str, ...]
    where: str


def read_watchdog(text: Text) -> tuple[WatchdogReport, ...]:
    """Return all reports, in order."""
    found = []
    for index, line in enumerate(text.lines):
        if line.strip() == _EXPIRED:
            before = _HANDLER.match(text.lines[index - 1]) if index else None
            pid = before[1] if before else ""
            frames = _main_frames(text.lines[index + 1 : index + _MAX_LINES], pid)
            found.append(WatchdogReport(int(before[2]) if before else None, frames, text.where(index)))
    return tuple(found)


def _main_frames(lines: tuple[str, ...], pid: str) -> tuple[str, ...]:
    """Return the frames of the main thread; before 7.4 and Valkey 8 a report holds that thread alone."""
    stacks: dict[str, list[str]] = {"": []}
    thread = ""
    for line in lines:
        if (line.startswith("---") and "STACK TRACE" not in line) or line.strip() == _EXPIRED:
            break
        if match := _THREAD.fullmatch(line.strip()):
            thread = match[1]
            stacks[thread] = []
        elif match := _FRAME.match(line):
            stacks[thread].append(match[1])
    return tuple(stacks.get(pid) or stacks[""])
