"""Load a log on a real server and see whether it comes up with what we counted.

The server runs confined, on a copy in a private directory, and is stopped again; the log itself is only read.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from aoftool.aof.layout import Log, find_log
from aoftool.dataclass import dataclass
from aoftool.errors import VerifyError
from aoftool.escape import shown_path
from aoftool.progress import Reached, no_progress
from aoftool.replay.log_writer import writer_of_log
from aoftool.servers.asking import expiring_by_database, keys_by_database, library_names
from aoftool.servers.choosing import choose_server, disagreement, needed_for, needs_sets
from aoftool.servers.confined import confined_server
from aoftool.servers.counting import count_keys
from aoftool.servers.finding import FoundServer
from aoftool.servers.placing import place_log
from aoftool.units import counted

__all__ = ["COMPARED", "NOT_COMPARED", "Verified", "judge_of", "verify_log"]

_DATABASES = "1024"
COMPARED = ("numbers of keys", "numbers of expire times", "names of function libraries")
"""What is held against our own replay."""
NOT_COMPARED = ("values", "expire times themselves", "code of functions", "groups and counters of streams")
"""What these do not tell."""


@dataclass(frozen=True)
class Verified:
    """What a server said.

    Attributes:
        server: its project and version.
        release: the release it belongs to.
        keys: keys it holds after loading.
        text: one line for people.
        compared: the numbers of keys are those of our own replay; False when that cannot tell.
        why_not: why they were not compared, empty when they were.
    """

    server: str
    release: str
    keys: int
    text: str
    compared: bool = False
    why_not: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return what was asked and what was found, as members of the JSON output."""
        seen, left = (COMPARED, NOT_COMPARED) if self.compared else ((), (*COMPARED, *NOT_COMPARED))
        return {
            "server": self.server,
            "release": self.release,
            "keys": self.keys,
            "compared": list(seen),
            "not_seen": list(left),
            "why_not_compared": self.why_not or None,
        }


def judge_of(log: Log, given: str | None = None) -> FoundServer:
    """Return the server that may judge a log: one of the release that wrote it, or the one that was named.

    Raises:
        MissingExtraError, RefusedError, UnsupportedError: as `choose_server` says.
    """
    return choose_server(needed_for(writer_of_log(log), sets=needs_sets(log)), given)


def verify_log(path: str, server: FoundServer) -> Verified:
    """Load a log on a server and return what it found.

    Raises:
        VerifyError: the server refuses the log, has to cut it, or comes up with other numbers of keys
            than our replay, where that can tell.
        RefusedError: the numbers are others, and the server is known to load logs of the writer otherwise.
    """
    log = find_log(path)
    with tempfile.TemporaryDirectory(prefix="aoftool-verify-") as name:
        folder = Path(name)
        sizes = place_log(log, folder, server, keep_manifest=True)
        settings = {"databases": _DATABASES}
        with confined_server(server, folder, settings, log, Reached(no_progress)) as running:
            told = running.ask("INFO", "keyspace")
            libraries = library_names(running.ask("FUNCTION", "LIST")) if server.reads_sets else None
        found, expiring = keys_by_database(told), expiring_by_database(told)
        after = {name: (folder / name).stat().st_size for name in sizes}
    cut = {name: size - after[name] for name, size in sizes.items() if after[name] < size}
    if cut:
        names = ", ".join(f"{shown_path(name)} by {counted(size, 'byte')}" for name, size in cut.items())
        raise VerifyError(f"{server.name} had to cut {names} to load the log", path=path)
    counts = count_keys(log)
    difference = counts.difference(found, expiring, libraries) if not counts.unknown else ""
    if difference:
        message = f"{server.name} loads the log with other data: {difference}"
        error = disagreement(message, server, writer_of_log(log), None)
        error.path = path
        raise error
    keys = sum(found.values())
    held = (
        f"not compared with our own count: {counts.unknown}"
        if counts.unknown
        else f"as we count them; {', '.join(NOT_COMPARED)} were not compared"
    )
    text = f"verified: {server.name} loads it, {counted(keys, 'key')}, {held}"
    return Verified(server.name, server.release.name, keys, text, not counts.unknown, counts.unknown)
