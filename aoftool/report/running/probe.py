"""Shows what a probe of a disk found, in text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aoftool.escape import shown_text
from aoftool.probe.model import Beside, Probe, Verdict
from aoftool.report.lines import Printer
from aoftool.report.terminal import facts, figures, print_rows
from aoftool.units import format_bytes

__all__ = ["probe_json", "render_probe"]

_WORDS = {
    Verdict.ALWAYS: "good for appendfsync always, and for everysec",
    Verdict.EVERYSEC: "good for everysec; under always each loop with writes waits for it",
    Verdict.POOR: "poor: under everysec writes wait for syncs now and then",
    Verdict.UNFIT: "unfit: under everysec clients wait for the disk",
    Verdict.UNKNOWN: "not known: the probe did not come to it",
}
# Whoever writes into memory learns nothing of a disk.
_IN_MEMORY = frozenset(("tmpfs", "ramfs"))
_NOTICED_S = 0.05
# A rewrite begins with what was written since the last sync, about a second of it.
_SHOWN_MIB = 8


def render_probe(console: Printer, found: Probe) -> None:
    """Print everything."""
    facts(console, _head(found))
    if found.syncs:
        console.print()
        print_rows(
            console,
            [
                figures("write and sync", lambda row: format_bytes(row.size_bytes)),
                figures("times", lambda row: str(row.count)),
                figures("p50", lambda row: _time(row.p50_s)),
                figures("p99", lambda row: _time(row.p99_s)),
                figures("worst", lambda row: _time(row.worst_s)),
            ],
            found.syncs,
        )
    if found.beside:
        console.print()
        print_rows(
            console,
            [
                figures("log being synced", lambda row: format_bytes(row.unsynced_bytes)),
                figures("its sync", _own_sync),
                figures("manifest waits", lambda row: _time(row.stall_s)),
            ],
            found.beside,
        )
    console.print()
    facts(console, _closing(found))


def _own_sync(row: Beside) -> str:
    return "-" if row.sync_s is None else _time(row.sync_s)


def _time(seconds: float) -> str:
    if seconds < 0.1:
        return f"{seconds * 1000:.1f} ms" if seconds < 0.01 else f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2f} s"


def _head(found: Probe) -> Iterator[tuple[str, str, str]]:
    place = found.place
    where = [shown_text(place.path)]
    if place.kind:
        device = shown_text(place.device)
        where.append(f"{shown_text(place.kind)} on {device}")
    where.append(f"{format_bytes(place.free_bytes)} free")
    yield "probed", ", ".join(where), "bold"
    took = f"{format_bytes(found.written_bytes)} written in {found.elapsed_s:.1f} s, and nothing left"
    yield "cost", took, ""
    yield "verdict", _verdict(found), "bold"
    if place.kind in _IN_MEMORY:
        yield "note", "this is memory and no disk: nothing here survives a power cut", "yellow"


def _verdict(found: Probe) -> str:
    judged = next((times for times in found.syncs if times.size_bytes == 4096), None)
    text = _WORDS[found.verdict]
    return text if judged is None else f"{text} (p99 of 4 KiB: {_time(judged.p99_s)})"


def _closing(found: Probe) -> Iterator[tuple[str, str, str]]:
    made = found.appended
    if made is not None:
        size = format_bytes(made.size_bytes)
        text = f"{size} in a second: slowest write {_time(made.worst_write_s)}, its sync {_time(made.sync_s)}"
        yield "append", text, ""
    slope = found.stall_s_per_mib
    if slope is not None:
        yield "rewrites", _stall(slope), ""
    for size_bytes in found.left_out:
        yield "left out", f"a manifest beside {format_bytes(size_bytes)}: it would take too long", "yellow"
    if found.unfinished:
        text = f"{found.unfinished} had not ended after {_time(found.unfinished_s)}, when the time was over"
        yield "not done", text, "yellow"
    if not found.nameless:
        yield "note", "files without a name do not exist here: they had one for a moment", ""


def _stall(slope: float) -> str:
    """Return what a rewrite does to clients: its manifest waits for the log."""
    if slope * _SHOWN_MIB < _NOTICED_S:
        return "the sync of a manifest hardly waits for that of the log: no rewrite stops clients here"
    return f"one that begins with N MiB unsynced stops all clients for about N * {_time(slope)} here"


def probe_json(found: Probe) -> dict[str, Any]:
    """Return everything as one JSON object."""
    place, made = found.place, found.appended
    return {
        "schema": "aoftool.probe/1",
        "path": shown_text(place.path),
        "file_system": place.kind,
        "device": place.device,
        "free_bytes": place.free_bytes,
        "total_bytes": place.total_bytes,
        "verdict": found.verdict.name.lower(),
        "written_bytes": found.written_bytes,
        "elapsed_s": found.elapsed_s,
        "nameless": found.nameless,
        "syncs": [_plain(row) for row in found.syncs],
        "append": None if made is None else _plain(made),
        "beside": [_plain(row) for row in found.beside],
        "stall_s_per_mib": found.stall_s_per_mib,
        "left_out_bytes": found.left_out,
        "unfinished": found.unfinished or None,
        "unfinished_s": found.unfinished_s,
    }


def _plain(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}
