"""Moments of a log as people type them: an offset, or a time by its `#TS` lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.cli.log_span import absolute_time, is_time_of_log
from aoftool.cli.places import parse_state_place
from aoftool.cli.times import parse_time_ms

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.rewrite.model import Cut

__all__ = ["is_offset", "parse_moment"]


def is_offset(text: str) -> bool:
    """Tell whether a text means `N` or `FILE:N`, and not a time, such as 14:46."""
    if is_time_of_log(text):
        return False
    digits = text.rpartition(":")[2].replace(",", "").replace("_", "")
    return digits.isdecimal() and ("-" not in text or not text[:4].isdecimal())


def parse_moment(text: str | None, log: Log, option: str) -> Cut:
    """Return where to cut the log for the state at a moment; None is its end.

    Raises:
        UsageError: the text names neither a place of the log nor a time.
    """
    from aoftool.rewrite.model import Cut

    if text is None:
        return Cut()
    if is_offset(text):
        place = parse_state_place(text, log, option)
        return Cut(to_offset=(place.file, place.offset))
    return Cut(to_time_s=parse_time_ms(absolute_time(text, log, option) or "") // 1000)
