"""One connection to a server, over which a few reading commands go.

Speaks RESP2. Answers are bounded in bytes, elements and depth, and by time: the other side may be anything.
Knows no command by its meaning, but sends none that is not on its list.
"""

from __future__ import annotations

import socket
import time
from typing import Any

from aoftool.collecting.address import Address
from aoftool.errors import InputError, SourceError
from aoftool.escape import excerpt
from aoftool.next_step import again

__all__ = ["ALLOWED", "Refusal", "Talk"]

ALLOWED = frozenset(
    (
        ("PING", ""),
        ("INFO", ""),
        ("CONFIG", "GET"),
        ("LATENCY", "LATEST"),
        ("LATENCY", "HISTORY"),
        ("LATENCY", "DOCTOR"),
        ("SLOWLOG", "GET"),
        ("COMMANDLOG", "GET"),
        ("MEMORY", "STATS"),
        ("MEMORY", "DOCTOR"),
    )
)
"""All that is ever sent, besides AUTH: the least rights name the same."""

_MOST_BYTES = 64 << 20
_MOST_ITEMS = 1_000_000
_MOST_DEPTH = 8
_RECEIVE_BYTES = 1 << 16
_LONGEST_LINE = 1 << 16
_SHOWN = 120
_NAME_IT = "name the server: --server unix:/PATH or HOST:PORT"


class Refusal(Exception):
    """The server answered with an error; the text is its own."""


class Talk:
    """A connection that is open, and logged in where the address has a password.

    Args:
        limit_s: so long an answer may take.

    Raises:
        SourceError: nobody answers there.
        InputError: user and password are refused.
    """

    def __init__(self, address: Address, limit_s: float = 5.0) -> None:
        self._address, self._limit_s = address, limit_s
        self._held = bytearray()
        self._left = 0
        self._items = 0
        self._deadline = 0.0
        try:
            self._socket = self._connect()
        except OSError as error:
            raise SourceError(
                f"no server answers at {address.shown}: {error.strerror or error}",
                hint=_NAME_IT,
            ) from error
        if address.password:
            self._log_in(address.password, address.user)

    def _connect(self) -> socket.socket:
        address = self._address
        if address.socket:
            made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            made.settimeout(self._limit_s)
            made.connect(address.socket)
            return made
        made = socket.create_connection((address.host, address.port), self._limit_s)
        if not address.tls:
            return made
        import ssl

        return ssl.create_default_context().wrap_socket(made, server_hostname=address.host)

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    @property
    def peer_pid(self) -> int | None:
        """The process at the other end of a unix socket; None where the kernel does not say."""
        if not self._address.socket or not hasattr(socket, "SO_PEERCRED"):
            return None
        return int.from_bytes(self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 4), "little")

    def _log_in(self, password: str, user: str) -> None:
        try:
            self._exchange(("AUTH", *([user] if user else []), password))
        except Refusal as error:
            self.close()
            raise InputError(f"the server does not take the password: {error}") from None

    def ask(self, *words: str) -> Any:
        """Return the reply: bytes, an int, None, or a list of these.

        Raises:
            Refusal: an error of the server.
            SourceError: no answer in time, or none that can be read.
            ValueError: a command that is not on the list; a mistake of the caller.
        """
        if not {(words[0], ""), (words[0], "".join(words[1:2]))} & ALLOWED:
            raise ValueError(f"{words[0]} is never sent")
        return self._exchange(words)

    def _exchange(self, words: tuple[str, ...]) -> Any:
        raw = [word.encode("utf-8", "surrogateescape") for word in words]
        request = b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in raw)
        self._left, self._items = _MOST_BYTES, _MOST_ITEMS
        self._deadline = time.monotonic() + self._limit_s
        try:
            self._socket.sendall(request)
            return self._reply(0)
        except (OSError, EOFError, _Unreadable) as error:
            message = f"{self._address.shown} gave no answer to {words[0]}: {error}"
            # A server that went away may be there again; what is none never answers.
            hint = _NAME_IT if isinstance(error, _Unreadable) else again()
            raise SourceError(message, hint=hint) from error

    def _reply(self, depth: int) -> Any:
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return bytes(rest)
        if kind == b"-":
            raise Refusal(excerpt(bytes(rest), _SHOWN))
        if kind not in b":$*" or not rest.lstrip(b"-").isdigit() or len(rest) > 20:
            raise _Unreadable("it does not speak RESP")
        number = int(rest)
        if kind == b":":
            return number
        if number < 0:
            return None
        if kind == b"$":
            return self._text(number)
        self._items -= number
        if depth >= _MOST_DEPTH or self._items < 0:
            raise _Unreadable("an answer beyond all measure")
        return [self._reply(depth + 1) for _ in range(number)]

    def _line(self) -> bytes:
        while (end := self._held.find(b"\r\n")) < 0:
            if len(self._held) > _LONGEST_LINE:
                raise _Unreadable("it does not speak RESP")
            self._receive()
        line = bytes(self._held[:end])
        del self._held[: end + 2]
        return line

    def _text(self, size: int) -> bytes:
        if size > self._left:
            raise _Unreadable("an answer beyond all measure")
        while len(self._held) < size + 2:
            self._receive()
        text = bytes(self._held[:size])
        del self._held[: size + 2]
        return text

    def _receive(self) -> None:
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise _Unreadable(f"not in {self._limit_s:g} s")
        self._socket.settimeout(left_s)
        more = self._socket.recv(_RECEIVE_BYTES)
        if not more:
            raise EOFError("it closed the connection")
        self._left -= len(more)
        if self._left < 0:
            raise _Unreadable("an answer beyond all measure")
        self._held += more


class _Unreadable(Exception):
    """What came is no answer that is taken."""
