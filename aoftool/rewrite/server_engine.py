"""Rewrite by a real server: it loads a private copy of the log and writes a new base.

The way for logs with scripts and functions, whose outcome only a server knows. Loading runs what the log
says, on a server that is confined for it. Needs a server of 7.0 or later.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from aoftool.aof.manifest import FileType, parse_manifest
from aoftool.aof.model import Log, LogKind
from aoftool.dataclass import dataclass
from aoftool.errors import UnsupportedError, VerifyError
from aoftool.progress import Reached, Stage, silent_stage
from aoftool.rewrite.inputs import repair_hint
from aoftool.rewrite.model import (
    FileSize,
    OutputFormat,
    OutputSize,
    RewriteOptions,
    RewriteResult,
    RewriteSummary,
)
from aoftool.rewrite.runner import Sinks
from aoftool.rewrite.write.placing import write_new
from aoftool.servers.confined import Running
from aoftool.servers.finding import FoundServer
from aoftool.servers.private import private_server
from aoftool.servers.state import ANSWER_S

__all__ = ["rewrite_on_server"]

_WRITTEN_S = 3600.0
_POLL_S = 0.02
_COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Plan:
    options: RewriteOptions
    summary: RewriteSummary


def rewrite_on_server(
    log: Log,
    options: RewriteOptions,
    out: str,
    server: FoundServer,
    *,
    force: bool = False,
    stage: Stage = silent_stage,
) -> RewriteResult:
    """Let a server rewrite a log and put its base file, with an empty incr file where wanted, in place.

    Args:
        options: format, layout and databases count; the rest is the server's business.
        server: of 7.0 or later, and of the release that wrote the log.

    Raises:
        UnsupportedError: standard input.
        MissingExtraError: there is no client library.
        VerifyError: the server does not load the log, or fails to rewrite it.
        OutputExistsError, SinkError: as `aoftool.rewrite.write.placing` says.
    """
    if log.kind is LogKind.STDIN:
        raise UnsupportedError("a server cannot load standard input", hint="save it to a file first")
    started = time.monotonic()
    preamble = "yes" if options.format is OutputFormat.RDB else "no"
    settings = {
        "aof-use-rdb-preamble": preamble,
        "aof-load-truncated": "no",
        "auto-aof-rewrite-percentage": "0",
    }
    try:
        with ExitStack() as stack:
            with stage("loading on a server", log.size_bytes) as loading:
                private = private_server(log, options.databases, server, settings, loading)
                redis, running = stack.enter_context(private)
            client = redis.Redis(unix_socket_path=str(running.socket), socket_timeout=ANSWER_S)
            with stage("rewriting on a server", None) as writing:
                size, base = _rewritten(redis, client, running, log, options, Reached(writing))
            summary = RewriteSummary(log.path, server.name, "it loaded the log and wrote the result")
            summary.files = [FileSize(file.path, file.role.value, file.size_bytes or 0) for file in log.files]
            size.base_bytes = base.stat().st_size

            def copy(sinks: list[Sinks]) -> RewriteResult:
                _copy(base, sinks[0])
                return RewriteResult(summary, [size])

            result = write_new(_Plan(options, summary), log, out, copy, force=force)
    except VerifyError as error:
        error.hint = error.hint or repair_hint(log)
        raise
    result.elapsed_s = time.monotonic() - started
    return result


def _rewritten(
    redis: Any, client: Any, running: Running, log: Log, options: RewriteOptions, reached: Reached
) -> tuple[OutputSize, Path]:
    """Let the server write its data anew; return what it holds and the base it wrote."""
    try:
        client.execute_command(running.debug, "SET-ACTIVE-EXPIRE", "0")
        size = _key_counts(client, options.format)
        _rewrite(client, log, running.folder, reached)
    except redis.RedisError as error:
        raise VerifyError(f"{running.server.name} loads the log, and then: {error}", path=log.path) from error
    base = _base_file(running.folder)
    reached(base.stat().st_size)
    return size, base


def _key_counts(client: Any, form: OutputFormat) -> OutputSize:
    size = OutputSize(form)
    for name, facts in client.info("keyspace").items():
        size.keys[int(name.removeprefix("db"))] = facts["keys"]
        size.expiring_keys += facts["expires"]
    return size


def _rewrite(client: Any, log: Log, folder: Path, reached: Reached) -> None:
    client.execute_command("BGREWRITEAOF")
    deadline = time.monotonic() + _WRITTEN_S
    while time.monotonic() < deadline:
        facts = client.info("persistence")
        if not facts["aof_rewrite_in_progress"] and not facts["aof_rewrite_scheduled"]:
            if facts["aof_last_bgrewrite_status"] != "ok":
                break
            return
        reached(_half_written(folder))
        time.sleep(_POLL_S)
    raise VerifyError("the server did not get its rewrite done", path=log.path)


def _half_written(folder: Path) -> int:
    """Return the bytes that the server's child has written so far."""
    try:
        return sum(path.stat().st_size for path in folder.glob("temp-rewriteaof-*"))
    except FileNotFoundError:
        return 0  # it was renamed a moment ago


def _base_file(folder: Path) -> Path:
    """Return the base that the server's manifest names now."""
    inner = folder / "appendonlydir"
    path = inner / "appendonly.aof.manifest"
    manifest = parse_manifest(path.read_bytes(), str(path))
    (name,) = [entry.name for entry in manifest.entries if entry.type is FileType.BASE]
    return inner / name.decode()


def _copy(base: Path, sinks: Sinks) -> None:
    with base.open("rb") as file:
        while data := file.read(_COPY_BYTES):
            sinks.base.write(data)
