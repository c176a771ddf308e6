"""Which release wrote a log, and how sure that is: it decides how the log is read.

The base of a log names its writer. Without one, what the commands say leaves the releases that may have
written them, and the log is read as the newest of these would load it. Somebody who knows better names the
writer. The server that a result is written for has no say in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aoftool.dataclass import replace
from aoftool.rdb.dialects import foreign_writer
from aoftool.releases import RELEASES, Release, patch_of, release_named, release_of
from aoftool.replay.evidence import Evidence
from aoftool.replay.writer_model import Certainty, Writer

# What a release does is imported where it is asked for: who wrote a log is asked more often.
if TYPE_CHECKING:
    from aoftool.keyspace.flavour import Flavour
    from aoftool.rdb.encode.targets import Target

__all__ = [
    "find_writer",
    "flavour_of_release",
    "flavour_of_writer",
    "named_release",
    "reads_after",
    "target_of",
]

_VERSION_FIELDS = ((b"valkey-ver", "valkey"), (b"redis-ver", "redis"))


def named_release(aux: Mapping[bytes, bytes]) -> tuple[Release, str] | None:
    """Return the release that AUX fields of an RDB part name, and the version as it stands there.

    The version is text from the file: whoever shows it escapes it.
    """
    for name, family in _VERSION_FIELDS:
        if name in aux:
            version = aux[name].decode("ascii", "replace")
            return release_of(family, version), version
    return None


def find_writer(aux: Mapping[bytes, bytes], evidence: Evidence, given: str | None = None) -> Writer:
    """Return the writer of a log.

    Args:
        aux: AUX fields of its RDB part; empty where there is none.
        evidence: what its commands say; may be of a part of them.
        given: the release that the user named, or a patch release of it.

    Raises:
        UsageError: no release has the name that was given.
    """
    of_base = foreign_writer(aux, ())
    engines = evidence.engines | ({of_base} if of_base else set())
    return replace(_find(aux, evidence, given), engine=" and ".join(sorted(engines)), of_base=of_base)


def _find(aux: Mapping[bytes, bytes], evidence: Evidence, given: str | None) -> Writer:
    named = named_release(aux)
    if given is not None:
        release = release_named(given, newest=True)
        missing = tuple(evidence.against(release))
        version = _given_version(release, given.partition("-")[2], named)
        return Writer(release, Certainty.GIVEN, version, (release,), missing)
    if named is not None:
        return _named(*named, evidence)
    possible = tuple(release for release in RELEASES if evidence.explained_by(release))
    if evidence.engines and (of_fork := tuple(filter(_is_of_fork, possible))):
        return Writer(of_fork[-1], Certainty.INFERRED, possible=of_fork)
    if not possible:
        return _unexplained(RELEASES, evidence)
    return Writer(_newest(possible), Certainty.INFERRED, possible=possible)


def _given_version(release: Release, said: str, named: tuple[Release, str] | None) -> str:
    """Return the version with the patch number that the user tells, else the base; empty for neither."""
    versions = (said, "" if named is None or named[0] != release else named[1])
    return next((version for version in versions if patch_of(release, version) is not None), "")


def _named(release: Release, version: str, evidence: Evidence) -> Writer:
    """Take the word of the base, unless a later release went on with the log without a rewrite."""
    if evidence.explained_by(release):
        return Writer(release, Certainty.NAMED, version, (release,))
    later = tuple(other for other in RELEASES if reads_after(other, release))
    possible = tuple(other for other in later if evidence.explained_by(other))
    if not possible:
        return _unexplained((release, *later), evidence, version, release)
    return Writer(possible[0], Certainty.INFERRED, version, possible, base=release)


def reads_after(other: Release, release: Release) -> bool:
    """Tell whether a server of one release, a later one, can go on with the log of another."""
    if other.family == release.family:
        return other.version > release.version
    # Valkey began as Redis 7.2 and reads what that reads.
    return other.family == "valkey" and release.version <= (7, 2)


def _is_of_fork(release: Release) -> bool:
    """Tell whether KeyDB, which went its own way from Redis 6 on, does as a release."""
    return release.family == "redis" and release.version < (7, 0)


def _unexplained(
    among: tuple[Release, ...], evidence: Evidence, version: str = "", base: Release | None = None
) -> Writer:
    """Take the release that explains most, for want of one that explains all."""
    release = min(among, key=lambda other: (sum(1 for _ in evidence.against(other)), -_rank(other)))
    missing = tuple(evidence.against(release))
    return Writer(release, Certainty.UNEXPLAINED, version, (release,), missing, base)


def _newest(possible: tuple[Release, ...]) -> Release:
    """Return the newest release, one that was measured before one that was not."""
    return max(possible, key=_rank)


def _rank(release: Release) -> float:
    """Order releases by age over both families; what was not measured comes before all that was."""
    family = [other for other in RELEASES if other.family == release.family]
    place = family.index(release) / len(family)
    return place + release.is_measured + 0.001 * (release.family == "valkey")


def flavour_of_release(release: Release) -> Flavour:
    """Return how a server of a release loads a log."""
    from aoftool.keyspace.flavour import FLAVOURS

    return FLAVOURS[release.name]


def flavour_of_writer(writer: Writer) -> Flavour:
    """Return how the server that wrote a log loads it: its patch release, where that is known.

    A later one may have gone on with the log of a base: what is logged only from 6.2.6 on does not tell then.
    """
    from aoftool.keyspace.flavour import flavour_at

    flavour = flavour_at(writer.release, writer.exact_version)
    if writer.certainty is not Certainty.GIVEN and flavour.geo_store_clears is False:
        return replace(flavour, geo_store_clears=None)
    return flavour


def target_of(release: Release) -> Target:
    """Return what a server of a release writes and takes."""
    from aoftool.rdb.encode.targets import find_target

    return find_target(release.name)
