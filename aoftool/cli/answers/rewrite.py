"""What `aoftool rewrite` answers: what was written or would be, and what that saves."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aoftool.cli.console import line_console
from aoftool.cli.exit_codes import DONE, NOT_JUDGED
from aoftool.cli.requests.rewrite import ROWS, EngineOption

if TYPE_CHECKING:
    from aoftool.cli.requests.rewrite import RewriteRequest
    from aoftool.rewrite.model import RewriteResult

__all__ = ["show_result"]


def show_result(result: RewriteResult, receipt: str | None, asked: RewriteRequest) -> int:
    """Show what a rewrite did and return the exit code.

    Args:
        receipt: the folder of it; None where the log was not changed.
    """
    from aoftool.report.jsonout import print_json
    from aoftool.report.rewrite import render_rewrite, rewrite_json

    mode = _mode(asked)
    if asked.now is None and asked.engine is EngineOption.own:
        result.summary.notes += _clock_notes(result)
    kept = 0 if receipt is None else _room_of(receipt)
    if asked.as_json:
        shown = rewrite_json(result, mode=mode)
        print_json({**shown, "receipt": receipt, "kept_bytes": None if receipt is None else kept})
    else:
        render_rewrite(
            line_console(asked.color),
            result,
            top=asked.limit or ROWS,
            mode=mode,
            receipt=receipt,
            kept_bytes=kept,
        )
    if not result.judged:
        print("aoftool: not judged: what no known release has was carried as it is", file=sys.stderr)
    return DONE if result.judged else NOT_JUDGED


def _mode(asked: RewriteRequest) -> str:
    """Return in one word what was made."""
    if asked.engine is EngineOption.server:
        return "server"
    if asked.quick:
        return "quick"
    return "done" if asked.out is not None or asked.in_place else "dry-run"


def _clock_notes(result: RewriteResult) -> list[str]:
    """Say what is in the result of the moment it was made at."""
    from aoftool.units import counted

    seen = max((size.seen_now for size in result.sizes), default=0)
    if not seen:
        return []
    who = counted(seen, "stream has", "streams have")
    return [
        f"{who} consumers that are written as seen just now, as by a server's load: a rewrite at another"
        " time differs there; --now TIME sets the moment"
    ]


def _room_of(receipt: str) -> int:
    from aoftool.repair.forget import room_of

    return room_of(receipt)
