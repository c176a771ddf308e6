"""How a snapshot is told: a table of its files, or JSON."""

from __future__ import annotations

from typing import Any

from aoftool.backup.model import Snapshot
from aoftool.report.lines import Printer, print_columns
from aoftool.units import counted, format_bytes

__all__ = ["render_snapshot", "snapshot_json"]


def render_snapshot(console: Printer, taken: Snapshot) -> None:
    """Print what was taken, file by file."""
    sealed = ", sealed" if taken.sealed else ""
    words = f": {taken.generation}" if taken.generation else ""
    console.print(f"snapshot of {taken.path}{words}", style="bold")
    console.print(f"  in {taken.directory}, {format_bytes(taken.size_bytes)}{sealed}")
    rows = [
        ((file.name, file.role, f"{file.end_offset:,}", file.copied_by.value, file.sha256 or ""), "")
        for file in taken.files
    ]
    headings = ("file", "role", "ends at", "by", "SHA-256" if taken.sealed else "")
    print_columns(console, headings, rows)
    left = sum(file.left_out_bytes for file in taken.files)
    if left:
        behind = counted(left, "byte")
        console.print(f"note: {behind} behind the last whole command are not in it: they were being written")
    for text in taken.passed_over:
        console.print(f"note: passed over, as it is not whole: {text}", style="yellow")
    if not taken.intact:
        console.print("note: it is damaged, as the log is", style="yellow")


def snapshot_json(taken: Snapshot) -> dict[str, Any]:
    """Return the same as JSON members."""
    return {
        "schema": "aoftool.snapshot/1",
        "path": taken.path,
        "directory": taken.directory,
        "generation": taken.generation,
        "intact": taken.intact,
        "sealed": taken.sealed,
        "size_bytes": taken.size_bytes,
        "files": [
            {
                "name": file.name,
                "role": file.role,
                "end_offset": file.end_offset,
                "left_out_bytes": file.left_out_bytes,
                "copied_by": file.copied_by.value,
                "sha256": file.sha256,
            }
            for file in taken.files
        ],
        "passed_over": list(taken.passed_over),
    }
