"""Put the result in its place: a new file, a new directory, or the log itself.

Data files come first and the manifest last: it is the commit point. A failure leaves nothing behind
but what was there. In place, the old files stay and a receipt says how to go back.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from typing import Protocol

from aoftool.aof.manifest import FileType, ManifestEntry, encode_manifest
from aoftool.aof.model import Log
from aoftool.errors import OutputExistsError, SinkError, UsageError
from aoftool.escape import printable
from aoftool.files.sink import AtomicFile, sync_parent, write_atomically
from aoftool.files.syscalls import SYSTEM, SystemCalls
from aoftool.rewrite.model import (
    Layout,
    OutputFile,
    OutputFormat,
    RewriteOptions,
    RewriteResult,
    RewriteSummary,
)
from aoftool.rewrite.runner import Sinks

__all__ = ["Placed", "Writing", "write_new"]

_DEFAULT_PREFIX = "appendonly.aof"
_SINGLE_FILE_TARGET = "redis-6.2"


class Placed(Protocol):
    """What placing needs to know of a rewrite."""

    @property
    def options(self) -> RewriteOptions:
        """Say layout and format."""

    @property
    def summary(self) -> RewriteSummary:
        """Name the target and the files of the log."""


Writing = Callable[[list[Sinks]], RewriteResult]
"""Runs a plan into sinks."""


def write_new(
    plan: Placed, log: Log, out: str, write: Writing, *, force: bool = False, calls: SystemCalls = SYSTEM
) -> RewriteResult:
    """Write the result to a place of its own.

    Args:
        out: a file for the single layout, a directory that does not exist for the multi-part one.
        force: replace an existing file.

    Raises:
        OutputExistsError: the output is there.
        UsageError: the target does not know the layout.
        SinkError: the system refuses.
    """
    if plan.options.layout is Layout.SINGLE:
        return _single(plan, out, write, force, calls)
    if plan.summary.target == _SINGLE_FILE_TARGET:
        raise UsageError("Redis 6.2 knows no multi-part log", hint="--layout single")
    if os.path.lexists(out):
        raise OutputExistsError(f"{_shown(out)} exists already", path=out)
    folder = f"{out.rstrip(os.sep)}.aoftool-{secrets.token_hex(4)}.tmp"
    prefix = os.fsdecode(log.prefix) or _DEFAULT_PREFIX
    try:
        calls_made = _directory(plan, folder, prefix, write, calls)
        calls.rename(folder, out)
        sync_parent(os.path.abspath(out), calls)
    except OSError as error:
        raise SinkError(f"cannot write {_shown(out)}: {error.strerror}", path=out) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for file in calls_made.files:
        file.path = os.path.join(out, os.path.basename(file.path))
    return calls_made


def _single(plan: Placed, out: str, write: Writing, force: bool, calls: SystemCalls) -> RewriteResult:
    inputs = [file.path for file in plan.summary.files]
    with AtomicFile(out, force=force, inputs=inputs, calls=calls) as file:
        result = write([Sinks(plan.options.format, file, file)])
        file.commit()
    result.files = [OutputFile(out, file.size_bytes)]
    return result


def _directory(plan: Placed, folder: str, prefix: str, write: Writing, calls: SystemCalls) -> RewriteResult:
    os.mkdir(folder, 0o755)
    base = ManifestEntry(os.fsencode(base_name(prefix, 1, plan.options.format)), 1, FileType.BASE)
    incr = ManifestEntry(os.fsencode(incr_name(prefix, 1)), 1, FileType.INCR)
    result = write_pair(plan, folder, base, incr, write, calls)
    manifest = os.path.join(folder, f"{prefix}.manifest")
    size = write_atomically(manifest, [encode_manifest([base, incr])], calls=calls)
    result.files.append(OutputFile(manifest, size))
    return result


def write_pair(
    plan: Placed,
    folder: str,
    base: ManifestEntry,
    incr: ManifestEntry,
    write: Writing,
    calls: SystemCalls,
) -> RewriteResult:
    """Write a base and an incr file under their names in a directory."""
    with ExitStack() as stack:
        files = [
            stack.enter_context(AtomicFile(os.path.join(folder, os.fsdecode(entry.name)), calls=calls))
            for entry in (base, incr)
        ]
        result = write([Sinks(plan.options.format, files[0], files[1])])
        for file in files:
            file.commit()
    result.files = [OutputFile(file.path, file.size_bytes) for file in files]
    return result


def base_name(prefix: str, sequence: int, form: OutputFormat) -> str:
    """Return the name servers give a base file."""
    return f"{prefix}.{sequence}.base.{'rdb' if form is OutputFormat.RDB else 'aof'}"


def incr_name(prefix: str, sequence: int) -> str:
    """Return the name servers give an incr file."""
    return f"{prefix}.{sequence}.incr.aof"


def _shown(path: str) -> str:
    return printable(os.fsencode(path))
