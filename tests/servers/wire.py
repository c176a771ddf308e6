"""Send commands over a unix socket and give the replies back untouched, as bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import redis

Word = bytes | str | int | float
Argv = Sequence[Word]

# So many commands are sent before their replies are read; more could fill the buffers of both sides.
GROUP_SIZE = 500
TIMEOUT_S = 60

# The package `redis` types only its high-level client; this is its connection, which leaves replies alone.
_Connection: Any = redis.connection.UnixDomainSocketConnection


class Wire:
    """Hold one connection for each database of a server, opened when first needed."""

    def __init__(self, socket_path: Path) -> None:
        self.socket_path = socket_path
        self._connections: dict[int, Any] = {}

    def exchange(self, commands: Iterable[Argv], *, db: int = 0) -> list[Any]:
        """Send commands and return their replies in order; error replies stand as values.

        An error of the connection is raised, and the next call connects anew.
        """
        connection = self._connection(db)
        replies: list[Any] = []
        try:
            for group in _groups(commands):
                connection.send_packed_command(connection.pack_commands(group))
                replies += [_reply(connection) for _ in group]
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError):
            self.close()
            raise
        return replies

    def close(self) -> None:
        """Close every connection."""
        for connection in self._connections.values():
            connection.disconnect()
        self._connections = {}

    def _connection(self, db: int) -> Any:
        if db not in self._connections:
            self._connections[db] = _Connection(
                path=str(self.socket_path), db=db, protocol=2, socket_timeout=TIMEOUT_S
            )
        return self._connections[db]


def _groups(commands: Iterable[Argv]) -> Iterator[list[Argv]]:
    group: list[Argv] = []
    for argv in commands:
        group.append(argv)
        if len(group) == GROUP_SIZE:
            yield group
            group = []
    if group:
        yield group


def _reply(connection: Any) -> Any:
    try:
        return connection.read_response()
    except redis.exceptions.ResponseError as error:
        return error
