"""What an operator would want to know about a log."""

from __future__ import annotations

from enum import Enum

from aoftool.analysis.audit.audit import audit_log
from aoftool.analysis.audit.model import Audit
from aoftool.analysis.audit.times import add_times, keep_in_stretch
from aoftool.aof.model import Log, LogKind
from aoftool.aof.stretch import Stretch
from aoftool.api.machine import worker_count
from aoftool.progress import Stage, silent_stage
from aoftool.replay.writer_model import Writer

__all__ = ["Replaying", "audit"]

_REPLAYED_BYTES = 64 << 20


class Replaying(str, Enum):
    """Whether to replay the log, to tell what was lost; AUTO does up to 64 MiB."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


def audit(
    log: Log,
    *,
    context: int = 3,
    stretch: Stretch | None = None,
    replay: Replaying | str = Replaying.AUTO,
    writer: Writer | None = None,
    workers: int | None = None,
    stage: Stage = silent_stage,
) -> Audit:
    """Return what stands out in a log, with who wrote it.

    Args:
        context: commands around each event of high severity.
        stretch: only events between two moments.
        replay: whether to replay the log, to tell what was lost.
        writer: who wrote the log, where that was found out already; a replay finds it out again.
        workers: threads; by default one a processor.
        stage: gives the progress of a part of the work.

    Raises:
        SourceError: an input that can be read only once, with something in it.
        ReadFailedError: the system gives an error instead of bytes.
    """
    with stage("reading", log.size_bytes) as progress:
        found = audit_log(log, context=context, stretch=stretch, progress=progress)
    if log.kind is LogKind.STDIN:
        # Of that only what is empty comes so far.
        return found
    _replay(found, log, Replaying(replay), stage)
    found.writer = found.writer or writer
    if found.writer is None:
        from aoftool.replay.log_writer import writer_of_log

        with stage("looking for the writer", log.size_bytes) as progress:
            found.writer = writer_of_log(log, workers=worker_count(workers), progress=progress)
    add_times(found, log)
    keep_in_stretch(found, stretch or Stretch())
    return found


def _replay(found: Audit, log: Log, replay: Replaying, stage: Stage) -> None:
    is_small = log.size_bytes is not None and log.size_bytes <= _REPLAYED_BYTES
    if replay is Replaying.ALWAYS or (replay is Replaying.AUTO and is_small):
        from aoftool.analysis.audit.losses import add_losses

        with stage("replaying", log.size_bytes) as progress:
            add_losses(found, log, progress=progress)
    elif replay is Replaying.AUTO:
        found.notes.append("the log is large and was not replayed: --replay always tells what was lost")
