"""What the options of `aoftool rewrite` mean, and which of them contradict each other."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING

from aoftool.api.rewriting import Ending, Where, layout_of
from aoftool.cli.options.moments import cut_at
from aoftool.cli.options.writing import memory_limit_bytes
from aoftool.cli.requests.rewrite import CHUNK_ITEMS, EngineOption
from aoftool.databases import INFERRED
from aoftool.errors import UsageError
from aoftool.next_step import again, next_step
from aoftool.rewrite.model import Layout, OutputFormat, RewriteOptions, Selection

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.aof.moment import Moment
    from aoftool.cli.requests.rewrite import RewriteRequest

__all__ = ["refuse_contradictions", "rewrite_options", "rewrite_place"]


def refuse_contradictions(asked: RewriteRequest, moment: Moment | None) -> None:
    """Refuse options that contradict each other.

    Args:
        moment: the one that the log is rewritten up to.

    Raises:
        UsageError: some do.
    """
    _refuse_places(asked)
    if asked.salvage:
        _refuse_with_salvage(asked, moment)
    if asked.engine is EngineOption.server:
        _refuse_with_server(asked)
    if asked.server is not None and not asked.verify and asked.engine is EngineOption.own:
        raise UsageError("--server names the server of --verify or --engine server", hint="add --verify")


def rewrite_options(asked: RewriteRequest, log: Log, moment: Moment | None) -> RewriteOptions:
    """Return what is written, and how.

    Raises:
        UsageError: an option means nothing, or nothing in this log.
    """
    clock = _clock_ms(asked.now)
    return RewriteOptions(
        target=asked.target,
        written_by=asked.written_by,
        format=OutputFormat(asked.form.value),
        layout=layout_of(log) if asked.layout is None else Layout(asked.layout.value),
        databases=asked.databases or INFERRED,
        chunk_items=asked.chunk_items,
        cut=cut_at(moment, log, "--to", late=True),
        selection=_selection(asked, clock if asked.drop_expired else None),
        now_ms=clock,
        memory_limit_bytes=memory_limit_bytes(asked.memory_limit),
        jobs=asked.jobs or 1,
        threads=2 if asked.jobs is None else 1,
        drop_unsupported=asked.drop_unsupported,
    )


def rewrite_place(asked: RewriteRequest) -> Where:
    """Return where the result goes.

    Args:
        asked: with the place that the result has on this machine.
    """
    if asked.out is not None:
        ending = Ending.BESIDE
    else:
        ending = Ending.IN_PLACE if asked.in_place else Ending.QUICK if asked.quick else Ending.COUNT
    return Where(ending, asked.out, asked.force, asked.in_use, asked.new_owner)


def _refuse_places(asked: RewriteRequest) -> None:
    """Refuse options that leave no place, or two, for the result."""
    is_written = asked.out is not None or asked.in_place
    if asked.out is not None and asked.in_place:
        raise UsageError("-o and --in-place are two places; give one")
    if asked.quick and is_written:
        raise UsageError("--quick writes nothing, so there is no place for the result")
    if asked.dry_run and is_written:
        raise UsageError("--dry-run writes nothing, so there is no place for the result")
    if asked.verify and not is_written:
        raise UsageError("there is nothing to verify", hint=again(("-o", "OUT"), ("--in-place",)))


def _refuse_with_salvage(asked: RewriteRequest, moment: Moment | None) -> None:
    """Refuse what a repair before the rewrite rules out."""
    if asked.in_place:
        raise UsageError(
            "--salvage leaves the log as it is",
            hint=next_step("fix", asked.path or os.curdir, "--salvage"),
        )
    from aoftool.aof.moment import MomentKind

    if moment is not None and moment.kind in (MomentKind.OFFSET, MomentKind.NUMBER):
        raise UsageError(
            f"a repair moves offsets, so --to {moment.text} names no place in what is salvaged",
            hint="name a time, as YYYY-MM-DDTHH:MM:SS or @UNIXTIME, or before:NAME",
        )


def _refuse_with_server(asked: RewriteRequest) -> None:
    """Refuse what a server's own rewrite cannot do."""
    given = {
        "--in-place": asked.in_place,
        "--target": asked.target,
        "--written-by": asked.written_by,
        "--chunk-items": asked.chunk_items != CHUNK_ITEMS,
        "--memory-limit": asked.memory_limit,
        "--jobs": (asked.jobs or 1) > 1,
        "--to": asked.to,
        "--drop-expired": asked.drop_expired,
        "--now": asked.now,
        "--db": asked.db,
        "--match": asked.match,
        "--rename-db": asked.rename_db,
    }
    for name, value in given.items():
        if value:
            raise UsageError(f"{name} is nothing a server's rewrite can do", hint="leave out --engine server")
    if asked.drop_unsupported:
        path = asked.path or os.curdir
        first = next_step("rewrite", path, "--drop-unsupported --target RELEASE", "-o SMALLER")
        raise UsageError(
            "--drop-unsupported is nothing a server's rewrite can do: it loads all of a log or refuses it",
            hint=f"write what is left first, for the release of that server, and rewrite that: {first}",
        )
    if asked.out is None:
        raise UsageError("--engine server writes a new log", hint=again(("-o", "OUT")))


def _clock_ms(now: str | None) -> int:
    """Return the clock for expire times: what was given, else the time it is."""
    from aoftool.aof.moment import parse_time_ms

    return int(time.time() * 1000) if now is None else parse_time_ms(now)


def _selection(asked: RewriteRequest, expired_before_ms: int | None) -> Selection:
    """Return which keys are written, and where."""
    from aoftool.pattern import typed_pattern

    pairs = [re.fullmatch(r"(\d{1,9})=(\d{1,9})", text) for text in asked.rename_db or ()]
    if None in pairs:
        raise UsageError("--rename-db takes OLD=NEW, such as 3=0")
    return Selection(
        databases=None if not asked.db else frozenset(asked.db),
        match=None if asked.match is None else typed_pattern(asked.match),
        rename_db={int(pair[1]): int(pair[2]) for pair in pairs if pair is not None},
        expired_before_ms=expired_before_ms,
    )
