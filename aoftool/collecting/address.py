"""Addresses of servers as people type them: `host:port`, a socket, or a URL."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from aoftool.dataclass import dataclass
from aoftool.errors import UsageError
from aoftool.regex import regex

__all__ = ["Address", "parse_address"]

_PORT = 6379
_TLS = ("valkeys", "rediss")
_HOST = regex(r"(?:\[([0-9A-Fa-f:.%a-z]+)\]|([^:\[\]/\s]+))(?::(\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens, and as whom to ask.

    Attributes:
        socket: path of a Unix socket; empty for TCP.
        user, password: empty where none were given.
    """

    socket: str = ""
    host: str = ""
    port: int = _PORT
    tls: bool = False
    user: str = ""
    password: str = ""

    @property
    def is_local(self) -> bool:
        """Tell whether the server is on this machine for certain enough to look into /proc."""
        return bool(self.socket) or self.host in ("localhost", "127.0.0.1", "::1")

    @property
    def shown(self) -> str:
        """Return it without the password."""
        return self.socket or (
            f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
        )


def parse_address(text: str, user: str = "", password: str = "") -> Address:
    """Return what an address says; a user and password in it go before those given.

    Raises:
        UsageError: it is none.
    """
    if text.startswith("/"):
        return Address(socket=text, user=user, password=password)
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        return Address(socket="/" + path.lstrip("/"), user=user, password=password)
    if "://" in text:
        return _url(text, user, password)
    match = _HOST.fullmatch(text)
    if match is None:
        raise _refused(text)
    return Address(host=match[1] or match[2], port=_port(match[3], text), user=user, password=password)


def _url(text: str, user: str, password: str) -> Address:
    try:
        parts = urlsplit(text)
        port = parts.port or _PORT
    except ValueError as error:
        raise _refused(text) from error
    if parts.scheme not in ("valkey", "redis", *_TLS) or not parts.hostname:
        raise _refused(text)
    return Address(
        host=parts.hostname,
        port=port,
        tls=parts.scheme in _TLS,
        user=unquote(parts.username or "") or user,
        password=unquote(parts.password or "") or password,
    )


def _port(text: str | None, whole: str) -> int:
    port = int(text) if text else _PORT
    if not 0 < port < 65536:
        raise _refused(whole)
    return port


def _refused(text: str) -> UsageError:
    # What follows an @ is no secret, what stands before it may be.
    shown = text.rpartition("@")[2]
    return UsageError(
        f"no address of a server: {shown!a}", hint="use host:port, /path/of/socket or valkey://user@host:port"
    )
