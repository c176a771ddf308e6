"""The same as a shell script, for hosts without Python: POSIX sh, awk, sed, and the client of the server."""

from __future__ import annotations

from aoftool.packaged import packaged_text

__all__ = ["script_text"]


def script_text() -> str:
    """Return the script `capture.sh` of this room."""
    return packaged_text(__file__, "capture.sh")
