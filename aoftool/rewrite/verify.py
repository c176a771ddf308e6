"""Hold a rewrite against the log on a real server: load both, compare everything a log carries.

Knows how a private server is run on a copy; what it is asked is `aoftool.rewrite.server_state`. Loading runs
what a log says: one of unknown origin is not to be verified on a machine that matters.
"""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from aoftool.aof.manifest import FileType, ManifestEntry, encode_manifest
from aoftool.aof.model import FileRole, Log
from aoftool.errors import MissingExtraError, VerifyError
from aoftool.files.inplace import copy_file
from aoftool.progress import Progress, Reached, no_progress
from aoftool.rdb.targets import Target
from aoftool.repair.server import find_server, last_words, server_process, socket_in
from aoftool.rewrite.model import OutputFile
from aoftool.rewrite.server_state import ServerState, dump_server

__all__ = ["private_server", "read_state", "remove_output"]

_WAIT_S = 3600.0
_POLL_S = 0.02


def read_state(log: Log, databases: int, target: Target | None = None) -> ServerState:
    """Load a log on a private server and return what it holds, as far as the target keeps it.

    Memory grows with the number of keys that have expire times, and of streams.

    Raises:
        MissingExtraError: no server or no client library.
        VerifyError: the server does not load the log.
    """
    with private_server(log, databases) as (redis, socket_path, version, _):
        client = redis.Redis(unix_socket_path=socket_path, socket_timeout=_WAIT_S)
        return dump_server(redis, client, socket_path, version, target)


@contextmanager
def private_server(
    log: Log,
    databases: int,
    settings: dict[str, str] | None = None,
    progress: Progress = no_progress,
) -> Iterator[tuple[Any, str, str, Path]]:
    """Load a copy of a log on a server of its own; give the client library, socket, version and folder.

    Args:
        settings: of the server, on top of those that keep it private.
        progress: told of the bytes of the log that are loaded.

    Raises:
        MissingExtraError: no server or no client library.
        VerifyError: the server does not load the log.
    """
    try:
        import redis
    except ImportError as error:
        raise MissingExtraError("no client for a server", hint="pip install 'aoftool[verify]'") from error
    binary = find_server()
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False).stdout
    with tempfile.TemporaryDirectory(prefix="aoftool-verify-") as folder:
        _place(log, Path(folder))
        reached = Reached(progress)
        with _running(binary, Path(folder), databases, log.path, settings or {}, reached) as socket_path:
            reached(sum(file.size_bytes or 0 for file in log.files))
            yield redis, socket_path, version.strip().split(" sha=")[0], Path(folder)


def _place(log: Log, folder: Path) -> None:
    """Copy the files of a log where a server looks for them, under a manifest of our own."""
    inner = folder / "appendonlydir"
    inner.mkdir()
    entries = []
    for number, file in enumerate(log.files, 1):
        kind = FileType.INCR if number > 1 or file.role is FileRole.INCR else FileType.BASE
        name = f"part.{number}.aof"
        copy_file(file.path, str(inner / name))
        entries.append(ManifestEntry(name.encode(), number, kind))
    (inner / "appendonly.aof.manifest").write_bytes(encode_manifest(entries))


@contextmanager
def _running(
    binary: str, folder: Path, databases: int, path: str, extra: dict[str, str], reached: Reached
) -> Iterator[str]:
    settings = {"databases": str(databases), "enable-debug-command": "local", **extra}
    with server_process(binary, folder, settings) as process:
        _wait(process, folder, path, reached)
        yield str(socket_in(folder))


def _wait(process: subprocess.Popen[bytes], folder: Path, path: str, reached: Reached) -> None:
    import redis

    client = redis.Redis(unix_socket_path=str(socket_in(folder)))
    deadline = time.monotonic() + _WAIT_S
    while True:
        if process.poll() is not None or time.monotonic() > deadline:
            raise VerifyError(f"the server does not load the log: {last_words(folder)}", path=path)
        try:
            if client.ping():
                return
        except redis.BusyLoadingError:
            with suppress(redis.RedisError):
                reached(client.info("persistence").get("loading_loaded_bytes", 0))
            time.sleep(_POLL_S)
        except redis.RedisError:
            time.sleep(_POLL_S)


def remove_output(files: list[OutputFile]) -> None:
    """Remove files that did not verify, and their directory when it is empty then.

    What has another size than what was written stays: somebody else wrote it since.
    """
    for file in files:
        with suppress(FileNotFoundError):
            found = os.lstat(file.path)
            if stat.S_ISREG(found.st_mode) and found.st_size == file.size_bytes:
                os.unlink(file.path)
    parents = {os.path.dirname(file.path) for file in files}
    for parent in parents:
        if len(files) > 1 and not os.listdir(parent):
            os.rmdir(parent)
