"""Who wrote a log, where a verb has no better place to say so."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aoftool.replay.writer_model import Writer

__all__ = ["tell_writer"]


def tell_writer(writer: Writer | None) -> None:
    """Say on stderr who wrote a log, unless its RDB part says so."""
    from aoftool.report.writer import writer_note

    note = None if writer is None else writer_note(writer)
    if note:
        print(f"aoftool: {note}", file=sys.stderr)
