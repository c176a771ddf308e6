"""Put the result in its place: a new file, a new directory, or the log itself.

Data files come first and the manifest last: it is the commit point. A failure leaves nothing behind
but what was there. In place, the old files stay and a receipt says how to go back.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import Protocol

from aoftool.aof.manifest import FileType, ManifestEntry, encode_manifest
from aoftool.aof.model import Log, LogKind
from aoftool.check.result import refuse_damaged
from aoftool.dataclass import dataclass
from aoftool.errors import UsageError
from aoftool.files.access import Access, access_of, narrowest_access
from aoftool.files.folder import Folder
from aoftool.files.new_directory import folder_exists, new_directory
from aoftool.files.remote.names import is_remote
from aoftool.files.sink import AtomicFile, write_atomically
from aoftool.files.syscalls import SYSTEM, SystemCalls
from aoftool.next_step import again, next_step
from aoftool.releases import release_named
from aoftool.rewrite.model import (
    Layout,
    OutputFile,
    OutputFormat,
    RewriteOptions,
    RewriteResult,
    RewriteSummary,
)
from aoftool.rewrite.runner import Sinks

__all__ = [
    "PairPlace",
    "Placed",
    "Writing",
    "base_name",
    "incr_name",
    "refuse_result",
    "write_new",
    "write_pair",
]

_DEFAULT_PREFIX = "appendonly.aof"
_SINCE_MULTI_PART = (7, 0)


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
    # Where a server wrote it, the target is that server, in its own words; it knows the layout.
    ours = plan.summary.writer is not None
    if ours and release_named(plan.summary.target).version < _SINCE_MULTI_PART:
        raise UsageError("Redis 6 knows no multi-part log", hint=again(("--layout", "single")))
    if os.path.lexists(out):
        raise folder_exists(out)
    prefix = os.fsdecode(log.prefix) or _DEFAULT_PREFIX
    with new_directory(out, _directory_access(plan, log), calls) as folder:
        result = _fill(plan, folder, prefix, write, calls)
        result.judged = refuse_result(plan, folder.own_path(), out)
    for file in result.files:
        file.path = os.path.join(out, os.path.basename(file.path))
    return result


def _single(plan: Placed, out: str, write: Writing, force: bool, calls: SystemCalls) -> RewriteResult:
    inputs = _inputs(plan)
    access = narrowest_access(inputs)
    with AtomicFile(out, force=force, inputs=inputs, access=access, calls=calls) as file:
        result = write([Sinks(plan.options.format, file, file)])
        result.judged = refuse_result(plan, file.temporary_path, out)
        file.commit()
    result.files = [OutputFile(out, file.size_bytes)]
    return result


def refuse_result(plan: Placed, path: str, shown: str) -> bool:
    """Refuse a result that `check --target` would not call loadable.

    Args:
        path: what was written, under whatever name it has yet.
        shown: the name that it is to have.

    Returns:
        whether it holds nothing that is unknown here.

    Raises:
        VerifyError: it is damaged, or its target does not load it.
    """
    hint = next_step("check", plan.summary.path, "--level deep")
    report = refuse_damaged(path, plan.summary.target, plan.options.databases, shown=shown, hint=hint)
    return report.judged


def _inputs(plan: Placed) -> list[str]:
    return [file.path for file in plan.summary.files]


def _directory_access(plan: Placed, log: Log) -> Access | None:
    """Return who may look into the new directory: who may look into that of the log, or read its file."""
    if is_remote(log.path):
        return None
    if log.kind is LogKind.MULTI_PART:
        return access_of(os.stat(log.directory or os.curdir))
    access = narrowest_access(_inputs(plan))
    return None if access is None else access.for_folder()


def _fill(plan: Placed, folder: Folder, prefix: str, write: Writing, calls: SystemCalls) -> RewriteResult:
    base = ManifestEntry(os.fsencode(base_name(prefix, 1, plan.options.format)), 1, FileType.BASE)
    incr = ManifestEntry(os.fsencode(incr_name(prefix, 1)), 1, FileType.INCR)
    access = narrowest_access(_inputs(plan))
    result = write_pair(plan, PairPlace(folder, (base, incr), (access, access)), write, calls)
    manifest = folder.join(f"{prefix}.manifest")
    pieces = [encode_manifest([base, incr])]
    size = write_atomically(manifest, pieces, access=access, folder=folder, calls=calls)
    result.files.append(OutputFile(manifest, size))
    return result


@dataclass(frozen=True)
class PairPlace:
    """Where a base and an incr file go.

    Attributes:
        folder: an open directory.
        entries: their lines of the manifest.
        access: who may read each; None for as the umask leaves it.
    """

    folder: Folder
    entries: tuple[ManifestEntry, ManifestEntry]
    access: tuple[Access | None, Access | None]


def write_pair(
    plan: Placed, place: PairPlace, write: Writing, calls: SystemCalls, *, keep_owner: bool = False
) -> RewriteResult:
    """Write a base and an incr file under their names in a directory."""
    with ExitStack() as stack:
        files = [
            stack.enter_context(
                AtomicFile(
                    place.folder.join(os.fsdecode(entry.name)),
                    access=access,
                    folder=place.folder,
                    keep_owner=keep_owner,
                    calls=calls,
                )
            )
            for entry, access in zip(place.entries, place.access, strict=True)
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
