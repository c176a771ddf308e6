"""The releases of Redis and Valkey that aoftool knows: one name each, in order, with what was measured.

A release is a series such as `redis-7.2`; its patch releases read and write the same files, but for what
`aoftool.keyspace.flavour` knows of. What a release does is data of the rooms that use it, keyed by its name:
`aoftool.commands` (who has a command), `aoftool.check.loaders.targets` (loaders),
`aoftool.rdb.encode.targets` (what is written), `aoftool.keyspace.flavour` (what commands do). Knows no file
format beyond the number of the RDB version.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Literal

from aoftool.dataclass import dataclass
from aoftool.errors import UsageError
from aoftool.regex import regex

__all__ = [
    "NAMES",
    "RELEASES",
    "Release",
    "find_releases",
    "in_words",
    "is_build",
    "known_names",
    "patch_of",
    "release_named",
    "release_of",
    "version_of",
]

Family = Literal["redis", "valkey"]
Version = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Release:
    """One release series.

    Attributes:
        name: such as `redis-7.2`, what `--target` and `--written-by` take.
        family: `redis` or `valkey`.
        version: major and minor number.
        measured_on: version of the server that its facts were measured on; empty when they were only read
            in public sources.
        rdb_version: RDB version that it writes with default settings (`REDIS0011` is 11, `VALKEY080` 80).
    """

    name: str
    family: Family
    version: Version
    measured_on: str
    rdb_version: int

    @property
    def is_measured(self) -> bool:
        """Tell whether its facts come from a running server."""
        return bool(self.measured_on)

    def has(self, redis: Version | None, valkey: Version | None) -> bool:
        """Tell whether something that came with these versions (None: never) is there."""
        since = redis if self.family == "redis" else valkey
        return since is not None and self.version >= since


def _release(name: str, rdb_version: int, measured_on: str = "") -> Release:
    family, _, number = name.partition("-")
    major, minor = number.split(".")
    kind: Family = "valkey" if family == "valkey" else "redis"
    return Release(name, kind, (int(major), int(minor)), measured_on, rdb_version)


# Source of the RDB versions: src/rdb.h of each release; measured where a server is named.
RELEASES: tuple[Release, ...] = (
    _release("redis-6.0", 9, "6.0.16"),
    _release("redis-6.2", 9, "6.2.5"),
    _release("redis-7.0", 10, "7.0.15"),
    _release("redis-7.2", 11),
    _release("redis-7.4", 12, "7.4.1"),
    _release("redis-8.0", 12, "8.0.6"),
    _release("redis-8.2", 12, "8.2.3"),
    _release("redis-8.4", 12),
    _release("redis-8.6", 13, "8.6.3"),
    _release("redis-8.8", 14),
    _release("redis-8.10", 15),
    _release("redis-8.12", 16),
    _release("valkey-7.2", 11),
    _release("valkey-8.0", 11),
    _release("valkey-8.1", 11, "8.1.1"),
    _release("valkey-9.0", 80),
    _release("valkey-9.1", 80, "9.1.2"),
    _release("valkey-9.2", 81),
)
"""Every release known, by family, oldest first."""

NAMES: dict[str, Release] = {release.name: release for release in RELEASES}
"""The releases by name."""

# The major number of builds from a development branch, and of nothing else for a long time.
_UNRELEASED = 255
_VERSION = regex(r"([0-9]{1,4})\.([0-9]{1,4})\.([0-9]{1,4})")
_NAME = regex(r"(redis|valkey)-(\d{1,4})(?:\.(\d{1,4}))?(?:\.\d{1,4})*")


def find_releases(name: str) -> tuple[Release, ...]:
    """Return the releases that a name stands for, oldest first.

    `redis-7.0` and `redis-7.0.15` are one release, `valkey-9` is every release of that major version.

    Raises:
        UsageError: no release has that name; the hint lists them.
    """
    match = _NAME.fullmatch(name.lower())
    if match is not None:
        family, major, minor = match[1], int(match[2]), match[3]
        found = tuple(
            release
            for release in RELEASES
            if release.family == family
            and release.version[0] == major
            and minor in (None, str(release.version[1]))
        )
        if found:
            return found
    raise UsageError(f"there is no release named {name!r}", hint="use one of: " + known_names(RELEASES))


def release_named(name: str, *, newest: bool = False) -> Release:
    """Return one release by name; of a major version the oldest, which all later ones read.

    Args:
        newest: of a major version the newest that was measured.

    Raises:
        UsageError: no release has that name; the hint lists them.
    """
    found = find_releases(name)
    if not newest:
        return found[0]
    return ([release for release in found if release.is_measured] or list(found))[-1]


def release_of(family: str, version: str) -> Release:
    """Return the release that a version such as `7.2.4` belongs to.

    A version between two releases, or beyond the newest, counts as the release below it; one before the
    oldest counts as the oldest.
    """
    numbers = version_of(version)
    of_family = [release for release in RELEASES if release.family == family]
    older = [release for release in of_family if release.version <= numbers]
    return (older or of_family[:1])[-1]


def is_build(family: str, version: str) -> bool:
    """Tell whether a version names no release: a build on the way to one, or nothing that servers say.

    What is built from a development branch calls itself 255.255.255; a release candidate has a number between
    two releases, such as 7.1.240. A number beyond the newest release known is a release's.
    Source: Redis and Valkey src/version.h of their unstable branches.
    """
    numbers = version_of(version)
    of_family = [release.version for release in RELEASES if release.family == family]
    if len(numbers) < 2 or not any(numbers) or numbers[0] >= _UNRELEASED:
        return True
    return of_family[0] < numbers < of_family[-1] and numbers not in of_family


def version_of(text: str) -> tuple[int, ...]:
    """Return the major and minor number in a text such as `7.2.4`; fewer where there are fewer."""
    return tuple(int(part) for part in re.findall(r"\d{1,9}", text)[:2])


def patch_of(release: Release, text: str) -> int | None:
    """Return the patch number in a text such as `7.2.4`; None where it has none, or is of another release."""
    match = _VERSION.fullmatch(text)
    if match is None or (int(match[1]), int(match[2])) != release.version:
        return None
    return int(match[3])


def in_words(names: Collection[str]) -> str:
    """Return names of releases as text, neighbours as one: `redis-6.2 to 8.6, valkey-8.1`."""
    spans: list[str] = []
    run: list[Release] = []
    for release in (*RELEASES, None):
        known = release is not None and release.name in names
        if run and not (known and release is not None and release.family == run[0].family):
            last = "" if len(run) == 1 else " to " + run[-1].name.partition("-")[2]
            spans.append(run[0].name + last)
            run = []
        if known and release is not None:
            run.append(release)
    return ", ".join(spans)


def known_names(releases: Iterable[Release]) -> str:
    """Return names of releases as text, separated by commas."""
    return ", ".join(release.name for release in releases)
