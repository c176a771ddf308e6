"""Ask a server one thing at a time over its socket, with a limit on every answer."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from aoftool.errors import VerifyError
from aoftool.resp.encode import encode_command

__all__ = ["Ask", "expiring_by_database", "keys_by_database", "library_names"]

_ANSWER_S = 60.0
_RECEIVE_BYTES = 1 << 16
_MOST_BYTES = 16 << 20


class Ask:
    """Send one command over a unix socket and return the raw reply.

    Args:
        path: the socket.
        limit_s: so long an answer may take.
    """

    def __init__(self, path: Path, limit_s: float = _ANSWER_S) -> None:
        self._path = str(path)
        self._limit_s = limit_s

    def __call__(self, *words: str) -> bytes:
        """Return the reply to a command.

        Raises:
            VerifyError: there is none in time.
        """
        try:
            return self._reply(words)
        except OSError as error:
            raise VerifyError(
                f"the server gave no answer to {words[0]} within {self._limit_s:g} s: {error}"
            ) from error

    def quietly(self, *words: str) -> bytes:
        """Return the reply to a command, empty when there is none in time."""
        try:
            return self._reply(words)
        except OSError:
            return b""

    def _reply(self, words: tuple[str, ...]) -> bytes:
        request = encode_command([word.encode() for word in words])
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(self._limit_s)
            connection.connect(self._path)
            connection.sendall(request)
            reply = connection.recv(_RECEIVE_BYTES)
            found = re.match(rb"\$(\d{1,9})\r\n", reply)
            wanted = min(found.end() + int(found[1]) + 2, _MOST_BYTES) if found is not None else 0
            while len(reply) < wanted and (more := connection.recv(_RECEIVE_BYTES)):
                reply += more
        return reply


def keys_by_database(reply: bytes) -> dict[int, int]:
    """Return the keys of each database from lines such as `db0:keys=2,expires=0,avg_ttl=0`."""
    return {int(db): int(keys) for db, keys in re.findall(rb"^db(\d+):keys=(\d+)", reply, re.MULTILINE)}


def expiring_by_database(reply: bytes) -> dict[int, int]:
    """Return the keys with an expire time of each database, from the same lines."""
    found = re.findall(rb"^db(\d+):keys=\d+,expires=(\d+)", reply, re.MULTILINE)
    return {int(db): int(keys) for db, keys in found}


def library_names(reply: bytes) -> list[bytes]:
    """Return the names in a reply to FUNCTION LIST."""
    return re.findall(rb"library_name\r\n\$\d+\r\n(\w+)\r\n", reply)
