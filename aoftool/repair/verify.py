"""Load a log on a real server and see whether it comes up with what we counted.

The server runs on a copy in a private directory, reached by a private socket, and is stopped again;
the log itself is only read. Loading runs what the log says: a log of unknown origin is not to be
verified on a machine that matters.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aoftool.aof.layout import Log, LogKind, find_log
from aoftool.errors import VerifyError
from aoftool.escape import printable
from aoftool.files.inplace import copy_file
from aoftool.repair.counting import count_keys
from aoftool.repair.server import find_server, last_words, server_process, socket_in

__all__ = ["Verified", "verify_log"]

_WAIT_S = 600.0
_POLL_S = 0.05


@dataclass(frozen=True)
class Verified:
    """What a server said.

    Attributes:
        server: its version line.
        keys: keys it holds after loading.
        cut: it shortened a file while loading: name and bytes.
        text: one line for people.
        compared: the numbers of keys are those of our own replay; False when that cannot tell.
    """

    server: str
    keys: int
    cut: dict[str, int]
    text: str
    compared: bool = False


def verify_log(path: str, server: str | None = None) -> Verified:
    """Load a log on a server and return what it found.

    Raises:
        MissingExtraError: no server.
        VerifyError: the server refuses the log, has to cut it, or comes up with other numbers of keys
            than our replay, where that can tell.
    """
    log = find_log(path)
    binary = find_server() if server is None else server
    version = subprocess.run(
        [binary, "--version"], capture_output=True, text=True, check=False
    ).stdout.strip()
    with tempfile.TemporaryDirectory(prefix="aoftool-verify-") as folder:
        sizes = _place(log, Path(folder))
        with _running(binary, Path(folder), log) as ask:
            found = _keys_by_database(ask("INFO", "keyspace"))
        after = {name: (Path(folder) / name).stat().st_size for name in sizes}
    cut = {name: size - after[name] for name, size in sizes.items() if after[name] < size}
    if cut:
        names = ", ".join(f"{printable(os.fsencode(name))} by {size} bytes" for name, size in cut.items())
        raise VerifyError(f"{version} had to cut {names} to load the log", path=path)
    counts = count_keys(log)
    difference = counts.difference(found) if not counts.unknown else ""
    if difference:
        raise VerifyError(f"{version} loads the log with other keys: {difference}", path=path)
    keys = sum(found.values())
    held = f"not compared with our own count: {counts.unknown}" if counts.unknown else "as we count them"
    text = f"verified: {version.split(' sha=')[0]} loads it, {keys:,} keys, {held}"
    return Verified(version, keys, cut, text, compared=not counts.unknown)


def _place(log: Log, folder: Path) -> dict[str, int]:
    """Copy the log where a server looks for it; return the sizes of its data files."""
    inner = folder / "appendonlydir"
    inner.mkdir()
    sizes = {}
    for file in log.files:
        name = os.path.basename(file.path)
        copy_file(file.path, str(inner / name))
        sizes[f"appendonlydir/{name}"] = (inner / name).stat().st_size
    manifest = inner / "appendonly.aof.manifest"
    if log.kind is LogKind.MULTI_PART and log.manifest_path is not None:
        copy_file(log.manifest_path, str(manifest))
    else:
        from aoftool.aof.manifest import FileType, ManifestEntry, encode_manifest

        name_bytes = os.fsencode(os.path.basename(log.files[0].path))
        manifest.write_bytes(encode_manifest([ManifestEntry(name_bytes, 1, FileType.BASE)]))
    return sizes


@contextmanager
def _running(binary: str, folder: Path, log: Log) -> Iterator[_Ask]:
    """Run a server on the folder and give a way to ask it."""
    with server_process(binary, folder, {"databases": "1024"}) as process:
        ask = _Ask(str(socket_in(folder)))
        deadline = time.monotonic() + _WAIT_S
        while not ask.ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise VerifyError(f"the server does not load the log: {last_words(folder)}", path=log.path)
            time.sleep(_POLL_S)
        yield ask


class _Ask:
    """Send one command at a time over a unix socket and return the raw reply."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __call__(self, *words: str) -> bytes:
        request = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(30)
            connection.connect(self._path)
            connection.sendall(request)
            reply = connection.recv(65536)
            if reply.startswith(b"$"):
                wanted = reply.index(b"\n") + 1 + int(reply[1 : reply.index(b"\r")]) + 2
                while len(reply) < wanted and (more := connection.recv(65536)):
                    reply += more
        return reply

    def ready(self) -> bool:
        try:
            return self("PING").startswith(b"+PONG")
        except OSError:
            return False


def _keys_by_database(reply: bytes) -> dict[int, int]:
    """Return the keys of each database from lines such as `db0:keys=2,expires=0,avg_ttl=0`."""
    return {int(db): int(keys) for db, keys in re.findall(rb"^db(\d+):keys=(\d+)", reply, re.MULTILINE)}
