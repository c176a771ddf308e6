"""vmstat and iostat -xk: tables whose header says what the columns are, in any locale and release.

Their first report is the mean since the machine started, not of an interval: it is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aoftool.captures.lines import Text
from aoftool.captures.model import DiskTable, Report
from aoftool.captures.numbers import decimal
from aoftool.regex import regex

__all__ = ["read_iostat", "read_vmstat"]

# Needed to tell the header; the others are taken where they are there.
_CPUS = regex(r"\((\d{1,5}) CPUs?\)")
_VMSTAT = frozenset(("r", "b", "si", "so", "us", "sy", "id"))


def read_vmstat(text: Text) -> tuple[Report, ...]:
    """Return one report an interval: run queue `r`, `si` and `so` in KiB/s, `us sy id wa st` in percent."""
    return tuple(_vmstat(text))[1:]


def _vmstat(text: Text) -> Iterator[Report]:
    header: list[str] = []
    for index, line in enumerate(text.whole_lines):
        words = line.split()
        if _VMSTAT.issubset(words):
            header = words
        elif header and len(words) >= len(header):
            figures = _figures(header, words)
            if figures is not None and _is_vmstat(figures):
                yield Report(figures, where=text.where(index))


def _is_vmstat(figures: dict[str, float]) -> bool:
    if not figures.keys() >= _VMSTAT or min(figures.values()) < 0:
        return False
    return figures["us"] + figures["sy"] + figures["id"] <= 103


def _figures(header: Sequence[str], words: Sequence[str]) -> dict[str, float] | None:
    """Return numbers by column; None where one is none, as the row may be cut or of another table."""
    figures = {}
    for name, word in zip(header, words, strict=False):
        value = decimal(word)
        if value is None:
            # vmstat -t ends with a date and a time zone.
            if name in ("UTC", "CET", "CEST", "EST", "PST") or ":" in word or "-" in word:
                continue
            return None
        figures[name] = value
    return figures


def read_iostat(text: Text) -> DiskTable:
    """Return one report an interval: figures of the CPU, and those of each device by name."""
    cpus = next((int(found[1]) for line in text.lines[:5] if (found := _CPUS.search(line))), None)
    return DiskTable(tuple(_iostat(text)), cpus)


def _iostat(text: Text) -> list[Report]:
    reports: list[Report] = []
    cpu: list[str] = []
    device: list[str] = []
    for index, line in enumerate(text.whole_lines):
        words = line.split()
        if not words:
            cpu = []
        elif words[0] == "avg-cpu:":
            cpu, device = words[1:], []
            reports.append(Report({}, {}, text.where(index)))
        elif words[0] in ("Device", "Device:"):
            device = words[1:]
            if not reports or reports[-1].devices:
                reports.append(Report({}, {}, text.where(index)))
        elif cpu:
            figures = _figures(cpu, words) if len(words) == len(cpu) else None
            reports[-1] = Report(figures or {}, {}, reports[-1].where)
            cpu = []
        elif device and len(words) == len(device) + 1:
            figures = _figures(device, words[1:])
            if figures and min(figures.values()) >= 0 and reports:
                row = {words[0]: figures}
                last = reports[-1]
                where = text.where(index) if not last.devices else last.where
                reports[-1] = Report(last.figures, {**last.devices, **row}, where)
    return [report for report in reports[1:] if report.figures or report.devices]
