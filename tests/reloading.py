"""Load many small logs one after the other into one running server, as a restart would."""

from __future__ import annotations

from pathlib import Path

from tests.oracle import State, dump_state, freeze_expiry
from tests.servers import Server


def live_file(server: Server) -> Path:
    """Return the file a running server appends to."""
    if not server.build.multi_part:
        return server.log_directory / "appendonly.aof"
    return max(server.log_directory.glob("*.incr.aof"), key=lambda path: path.stat().st_mtime_ns)


def reload(server: Server, content: bytes) -> State:
    """Replace everything the server holds by what loading `content` gives, and return it.

    The content must load without a cut: a server ends when DEBUG LOADAOF finds an unfinished transaction.
    """
    server.empty()
    freeze_expiry(server)
    live_file(server).write_bytes(content)
    if content:  # Redis 6.2 calls an empty file an error
        server.send("DEBUG", "LOADAOF")
    return dump_state(server)
