"""A server of our own for a look at a log: without a way out, without a way in, ended at last.

What a log says is run while it is loaded, and a log may say anything. The server gets a network of its own
with nothing in it where the system allows that, and never the commands by which a log could reach another
machine or a file, load code, shut its socket, or stop it from answering. Refuses to know what it is asked.
"""

from __future__ import annotations

import functools
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from aoftool.aof.model import Log
from aoftool.commands.table import lookup
from aoftool.dataclass import dataclass
from aoftool.errors import VerifyError
from aoftool.escape import excerpt
from aoftool.progress import Reached
from aoftool.quoting import quote
from aoftool.regex import regex
from aoftool.releases import Release
from aoftool.servers.asking import Ask
from aoftool.servers.finding import FoundServer

__all__ = ["WITHHELD", "Running", "confined_server", "last_words", "own_network"]

WITHHELD = (
    b"ACL", b"BGSAVE", b"CLIENT", b"CONFIG", b"FAILOVER", b"MIGRATE", b"MODULE", b"MONITOR", b"REPLICAOF",
    b"SAVE", b"SHUTDOWN", b"SLAVEOF",
)  # fmt: skip
"""Commands that a confined server does not have: they reach out, write files, load code, or shut us out.

No server writes them to its log. `DEBUG`, which we need, has a name there that nobody can guess."""

STALLED_S = 300.0
"""A server that loads nothing for so long is ended: a script may never come to its end. A single command
took 50 ms at most on the worst logs known (reads in the middle of long lists), and servers tell how far they
are every 1024 commands."""
_POLL_S = 0.05
_PROBE_S = 5.0
_LOG_LINES = 5
_LOADING = regex(rb"^loading:([01])", re.MULTILINE)
_LOADED = regex(rb"^loading_loaded_bytes:(\d{1,19})", re.MULTILINE)
_UNKNOWN = regex(rb"[Uu]nknown command '([A-Za-z]{1,20})'")


@dataclass(frozen=True)
class Running:
    """A server that has loaded a log.

    Attributes:
        server: its program.
        folder: it works there and nowhere else.
        ask: asks it something.
        socket: where it listens.
        debug: the name of its command DEBUG.
    """

    server: FoundServer
    folder: Path
    ask: Ask
    socket: Path
    debug: str


@contextmanager
def confined_server(
    server: FoundServer, folder: Path, settings: Mapping[str, str], log: Log, reached: Reached
) -> Iterator[Running]:
    """Run a server that loads the log in a folder, and give it once it has; end it at last.

    Args:
        folder: of the caller's own, closed to others; the log is in it where the server looks for it.
        settings: beyond those that keep it to itself.
        log: what it loads, for the messages.
        reached: told how many bytes are loaded.

    Raises:
        VerifyError: the server does not load the log, makes no progress, or is another than it said.
    """
    debug = f"aoftool-{secrets.token_hex(8)}"
    where = folder / "s"
    own = {
        "dir": str(folder),
        "appendonly": "yes",
        "unixsocket": str(where),
        "unixsocketperm": "700",
        "port": "0",
        "save": "",
        "logfile": str(_output(folder)),
        **settings,
    }
    lines = [f"{name} {quote(value.encode()).decode()}" for name, value in own.items()]
    lines += [f"rename-command {name} {new}" for name, new in _renamed(server.release, debug)]
    config = folder / "own.conf"
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    process = subprocess.Popen(
        [*own_network(), *_ends_with_us(), server.binary, str(config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(process, Ask(where, _PROBE_S), folder, log, reached)
        running = Running(server, folder, Ask(where), where, debug)
        _require_version(running)
        yield running
    finally:
        # Nothing of it is kept, and in the middle of a script it would not listen to anything milder.
        process.kill()
        process.wait()


@functools.cache
def own_network() -> tuple[str, ...]:
    """Return the words that start a program without any network, none where the system has no such way."""
    program = shutil.which("unshare")
    if program is None:
        return ()
    for words in ((program, "--net"), (program, "--user", "--map-root-user", "--net")):
        if _works(words):
            return words
    return ()


@functools.cache
def _ends_with_us() -> tuple[str, ...]:
    """Return the words that let a program end when we do, even killed; none where there is no such way."""
    program = shutil.which("setpriv")
    words = () if program is None else (program, "--pdeathsig", "KILL")
    return words if words and _works((*own_network(), *words)) else ()


def _works(words: tuple[str, ...]) -> bool:
    try:
        done = subprocess.run([*words, "true"], capture_output=True, timeout=_PROBE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _renamed(release: Release, debug: str) -> Iterator[tuple[str, str]]:
    """Yield the commands that get another name, none being an empty one; a server refuses unknown names."""
    for name in WITHHELD:
        spec = lookup(name)
        if spec is not None and spec.exists_on(release.name):
            yield name.decode(), '""'
    yield "DEBUG", debug


def _wait(process: subprocess.Popen[bytes], ask: Ask, folder: Path, log: Log, reached: Reached) -> None:
    """Return when the log is loaded."""
    loaded, since = -1, time.monotonic()
    while True:
        if process.poll() is not None:
            raise VerifyError(f"the server does not load the log: {_reason(folder)}", path=log.path)
        facts = ask.quietly("INFO", "persistence")
        loading, at = _LOADING.search(facts), _LOADED.search(facts)
        if loading is not None and loading[1] == b"0":
            return
        if at is not None and int(at[1]) > loaded:
            loaded, since = int(at[1]), time.monotonic()
            reached(loaded)
        if time.monotonic() - since > STALLED_S:
            raise VerifyError(
                f"the server got no further with the log for {STALLED_S:g} s,"
                f" behind {max(loaded, 0):,} bytes: a command there takes very long, or never ends",
                path=log.path,
            )
        time.sleep(_POLL_S)


def _require_version(running: Running) -> None:
    facts = running.ask("INFO", "server")
    name = running.server.release.family.encode()
    found = re.search(rb"^%s_version:([0-9.]{1,40})" % name, facts, re.MULTILINE)
    said = found[1].decode("ascii") if found is not None else "no version"
    if said != running.server.version:
        raise VerifyError(
            f"the server says {said} and its program {running.server.name}: it was not asked on"
        )


def _reason(folder: Path) -> str:
    words = last_words(folder)
    unknown = _UNKNOWN.search(words.encode())
    if unknown is not None and unknown[1].upper() in (*WITHHELD, b"DEBUG"):
        words += f" ({unknown[1].decode()} is withheld from servers that are started to look at a log)"
    return words


def _output(folder: Path) -> Path:
    return folder / "log"


def last_words(folder: Path) -> str:
    """Return the last lines that a server in a folder wrote to its log."""
    try:
        lines = _output(folder).read_bytes().splitlines()[-_LOG_LINES:]
    except OSError:
        lines = []
    return " | ".join(excerpt(line, 256) for line in lines) or "it said nothing"
