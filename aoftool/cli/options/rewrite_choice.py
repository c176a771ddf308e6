"""What the options of `aoftool rewrite` mean, and which of them contradict each other."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING

from aoftool.cli.options.writing import parse_size
from aoftool.errors import UsageError
from aoftool.next_step import again, next_step

if TYPE_CHECKING:
    from aoftool.aof.moment import Moment
    from aoftool.rewrite.model import Selection

__all__ = [
    "choose_selection",
    "clock_ms",
    "memory_limit_bytes",
    "refuse_pairs",
    "refuse_with_salvage",
]


def refuse_pairs(out: str | None, *, in_place: bool, dry_run: bool, quick: bool, verify: bool) -> None:
    """Refuse options that leave no place, or two, for the result.

    Raises:
        UsageError: they do.
    """
    if out is not None and in_place:
        raise UsageError("-o and --in-place are two places; give one")
    if quick and (out is not None or in_place):
        raise UsageError("--quick writes nothing, so there is no place for the result")
    if dry_run and (out is not None or in_place):
        raise UsageError("--dry-run writes nothing, so there is no place for the result")
    if verify and out is None and not in_place:
        raise UsageError("there is nothing to verify", hint=again(("-o", "OUT"), ("--in-place",)))


def refuse_with_salvage(path: str | None, *, in_place: bool, to: Moment | None) -> None:
    """Refuse what a repair before the rewrite rules out.

    Raises:
        UsageError: it is asked for.
    """
    if in_place:
        raise UsageError(
            "--salvage leaves the log as it is",
            hint=next_step("fix", path or os.curdir, "--salvage"),
        )
    from aoftool.aof.moment import MomentKind

    if to is not None and to.kind in (MomentKind.OFFSET, MomentKind.NUMBER):
        raise UsageError(
            f"a repair moves offsets, so --to {to.text} names no place in what is salvaged",
            hint="name a time, as YYYY-MM-DDTHH:MM:SS or @UNIXTIME, or before:NAME",
        )


def memory_limit_bytes(text: str | None) -> int | None:
    """Return the bound on memory that was asked for.

    Raises:
        UsageError: it is no size.
    """
    return None if text is None else parse_size(text, "--memory-limit", "a size, such as 256MB")


def clock_ms(now: str | None) -> int:
    """Return the clock for expire times: what was given, else the time it is."""
    from aoftool.aof.moment import parse_time_ms

    return int(time.time() * 1000) if now is None else parse_time_ms(now)


def choose_selection(
    db: list[int] | None, match: str | None, rename_db: list[str] | None, expired_before_ms: int | None
) -> Selection:
    """Return which keys are written, and where.

    Raises:
        UsageError: a database cannot be renamed like that.
    """
    from aoftool.pattern import typed_pattern
    from aoftool.rewrite.model import Selection

    pairs = [re.fullmatch(r"(\d{1,9})=(\d{1,9})", text) for text in rename_db or ()]
    if None in pairs:
        raise UsageError("--rename-db takes OLD=NEW, such as 3=0")
    return Selection(
        databases=None if not db else frozenset(db),
        match=None if match is None else typed_pattern(match),
        rename_db={int(pair[1]): int(pair[2]) for pair in pairs if pair is not None},
        expired_before_ms=expired_before_ms,
    )
