"""A rewrite with what may stand around it: a repair before, a server that does it, a comparison after."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from aoftool.api.rewriting import Where
from aoftool.databases import DEFAULT_DATABASES
from aoftool.dataclass import dataclass, replace
from aoftool.progress import Stage, silent_stage

# Each of these stands around few rewrites, and is loaded where it does.
if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.rewrite.model import RewriteOptions, RewriteResult
    from aoftool.rewrite.salvaging import Salvaged
    from aoftool.servers.finding import FoundServer

__all__ = ["Around", "rewrite_with"]


@dataclass(frozen=True)
class Around:
    """What stands around a rewrite.

    Attributes:
        salvage: a copy is repaired first, and that is rewritten.
        on_server: a private real server loads the log and rewrites it.
        verify: the log and the result are loaded on a server, and compared.
        server: the program for both; None for one of the release that wrote the log.
        databases: the `databases` setting that was named; None for as many as the log needs.
    """

    salvage: bool = False
    on_server: bool = False
    verify: bool = False
    server: str | None = None
    databases: int | None = None


def rewrite_with(
    log: Log, options: RewriteOptions, where: Where, around: Around, *, stage: Stage = silent_stage
) -> tuple[RewriteResult, str | None]:
    """Rewrite a log; the second is the folder of the receipt of a rewrite in place.

    Args:
        stage: gives the progress of a stage of the work.

    Raises:
        as `aoftool.api.rewriting.run_rewrite`, `aoftool.rewrite.salvaging.salvaged_log`,
        `aoftool.rewrite.server_engine.rewrite_on_server` and `aoftool.rewrite.comparing.Comparison.run`.
    """
    from aoftool.api.rewriting import comparison_of, rewriting_server, with_databases

    salvaged: Salvaged | None = None
    with ExitStack() as stack:
        if around.verify or around.on_server:
            from aoftool.aof.local_copy import local_copy

            # A server opens files by name.
            log = stack.enter_context(local_copy(log))
        source = log
        if around.salvage:
            salvaged = _salvaged(stack, log, around.databases or DEFAULT_DATABASES, where.out, stage)
            source, options = salvaged.log, _as_written_by(log, options)
        if around.on_server and not around.databases:
            options = with_databases(options, source)
        worker = rewriting_server(source, around.server) if around.on_server else None
        check = comparison_of(source, options, worker, around.server) if around.verify else None
        result, receipt = _rewritten(stack, source, options, where, worker, stage)
        if check is not None:
            result.verified = check.run(where.out, result, receipt)
    if salvaged is not None:
        from aoftool.rewrite.salvaging import describe_original

        describe_original(result, salvaged)
    return result, receipt


def _salvaged(stack: ExitStack, log: Log, databases: int, out: str | None, stage: Stage) -> Salvaged:
    """Return the log to rewrite in place of a damaged one, and what to tell about it."""
    from aoftool.rewrite.salvaging import salvaged_log

    with stage("salvaging", log.size_bytes) as progress:
        return stack.enter_context(salvaged_log(log, databases, out, progress))


def _as_written_by(log: Log, options: RewriteOptions) -> RewriteOptions:
    """Let what is salvaged be read as the damaged log says: it may not name its writer any more."""
    from aoftool.replay.log_writer import fields_of_base

    return replace(options, base_fields=fields_of_base(log))


def _rewritten(
    stack: ExitStack,
    log: Log,
    options: RewriteOptions,
    where: Where,
    worker: FoundServer | None,
    stage: Stage,
) -> tuple[RewriteResult, str | None]:
    from aoftool.api.rewriting import run_rewrite

    if worker is not None and where.out is not None:
        from aoftool.rewrite.server_engine import rewrite_on_server

        return rewrite_on_server(log, options, where.out, worker, force=where.force, stage=stage), None
    return run_rewrite(log, options, where, stack.enter_context(stage("rewriting", log.size_bytes)))
