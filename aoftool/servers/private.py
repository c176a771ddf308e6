"""Hold a rewrite against the log on a real server: load both, compare everything a log carries.

Knows how a server is given a copy of a log; what it is asked is `aoftool.servers.state`. Loading runs
what a log says, on a server that is confined for it (`aoftool.servers.confined`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aoftool.aof.model import Log
from aoftool.errors import MissingExtraError, VerifyError
from aoftool.progress import Progress, Reached, no_progress
from aoftool.rdb.encode.targets import Target
from aoftool.servers.confined import Running, confined_server
from aoftool.servers.finding import FoundServer
from aoftool.servers.placing import place_log
from aoftool.servers.state import ANSWER_S, ServerState, dump_server

__all__ = [
    "private_server",
    "read_state",
]


def read_state(log: Log, databases: int, server: FoundServer, target: Target | None = None) -> ServerState:
    """Load a log on a private server and return what it holds, as far as the target keeps it.

    Memory grows with the number of keys that have expire times, and of streams.

    Raises:
        MissingExtraError: no client library.
        VerifyError: the server does not load the log, or leaves a question without an answer.
    """
    with private_server(log, databases, server) as (redis, running):
        client = redis.Redis(unix_socket_path=str(running.socket), socket_timeout=ANSWER_S)
        try:
            return dump_server(redis, client, running, target)
        except redis.RedisError as error:
            raise VerifyError(f"{server.name} loads the log, and then: {error}", path=log.path) from error


@contextmanager
def private_server(
    log: Log,
    databases: int,
    server: FoundServer,
    settings: dict[str, str] | None = None,
    progress: Progress = no_progress,
) -> Iterator[tuple[Any, Running]]:
    """Load a copy of a log on a server of its own; give the client library and the server.

    Args:
        settings: of the server, on top of those that keep it private.
        progress: told of the bytes of the log that are loaded.

    Raises:
        MissingExtraError: no client library.
        VerifyError: the server does not load the log.
    """
    try:
        import redis
    except ImportError as error:
        raise MissingExtraError("no client for a server", hint="pip install redis") from error
    with tempfile.TemporaryDirectory(prefix="aoftool-verify-") as name:
        folder = Path(name)
        place_log(log, folder, server, keep_manifest=False)
        reached = Reached(progress)
        own = {"databases": str(databases), **(settings or {})}
        if server.reads_sets:
            # Under the name that nobody can guess, and for us alone; before 7.0 it needs no leave.
            own["enable-debug-command"] = "local"
        with confined_server(server, folder, own, log, reached) as running:
            reached(sum(file.size_bytes or 0 for file in log.files))
            yield redis, running
