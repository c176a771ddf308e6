"""Which release wrote a log, and how sure that is: it decides how the log is read.

The base of a log names its writer. Without one, what the commands say leaves the releases that may have
written them, and the log is read as the newest of these would load it. Somebody who knows better names the
writer. The server that a result is written for has no say in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aoftool.dataclass import replace
from aoftool.rdb.dialects import KEPT_COMPATIBLE, foreign_writer
from aoftool.releases import RELEASES, Release, is_build, patch_of, release_named, release_of, version_of
from aoftool.replay.evidence import BaseVersion, Evidence
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

# The highest RDB version that Redis and Valkey have in common. Source: Valkey 9.1 src/rdb.c.
_LAST_COMMON = 11
_VERSION_FIELDS = ((b"valkey-ver", "valkey"), (b"redis-ver", "redis"))


def named_release(aux: Mapping[bytes, bytes]) -> tuple[Release, str] | None:
    """Return the release that AUX fields of an RDB part name, and the version as it stands there.

    None where they name none, or a build that is no release. The version is text from the file: whoever
    shows it escapes it.
    """
    said = _said_version(aux)
    if said is None or is_build(*said):
        return None
    return release_of(*said), said[1]


def _said_version(aux: Mapping[bytes, bytes]) -> tuple[str, str] | None:
    """Return family and version as the AUX fields have them, whatever they are worth."""
    for name, family in _VERSION_FIELDS:
        if aux.get(name):
            return family, aux[name].decode("ascii", "replace")
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
    found = _find(aux, evidence, given, of_base)
    return replace(found, engine=" and ".join(sorted(engines)), of_base=of_base)


def _find(aux: Mapping[bytes, bytes], evidence: Evidence, given: str | None, engine: str) -> Writer:
    named, said = named_release(aux), _said_version(aux)
    if named is None and said is not None and engine and engine not in KEPT_COMPATIBLE:
        # The version is the engine's own.
        named = release_of(*said), said[1]
    if named is not None and said is not None and _is_others(*said, evidence.base):
        named = None
    if named is not None and not engine and _is_contradicted(*named, evidence.base):
        # A release cannot have written a format that came after it: what the part holds tells.
        named = None
    if given is not None:
        release = release_named(given, newest=True)
        missing = tuple(evidence.against(release))
        version = _given_version(release, given.partition("-")[2], named)
        return Writer(release, Certainty.GIVEN, version, (release,), missing)
    if named is not None:
        return _named(*named, evidence)
    if said is not None:
        return _of_build(*said, evidence)
    possible = tuple(r for r in RELEASES if _may_go_on(r, evidence.base) and evidence.explained_by(r))
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


def _of_build(family: str, version: str, evidence: Evidence) -> Writer:
    """Take the releases about a build that is none: those that write the RDB version which it wrote.

    What a build has that these lack came with the next ones.
    """
    of_family = [release for release in RELEASES if release.family == family]
    alike = [release for release in of_family if _wrote(release, evidence.base)]
    beside = [release for release in alike if release in _beside(family, version)]
    for among in (beside, alike, [r for r in of_family if _may_go_on(r, evidence.base)]):
        possible = tuple(release for release in among if evidence.explained_by(release))
        if possible:
            return Writer(_newest(possible), Certainty.INFERRED, version, possible)
    return _unexplained(tuple(alike or of_family), evidence, version)


def _is_others(family: str, version: str, base: BaseVersion | None) -> bool:
    """Tell whether a number beyond the newest release stands over a format that is older than that one's."""
    newest = [release for release in RELEASES if release.family == family][-1]
    return version_of(version) > newest.version and base is not None and base[1] < newest.rdb_version


def _is_contradicted(release: Release, version: str, base: BaseVersion | None) -> bool:
    """Tell whether the format of a base came with a later release than the one that it names."""
    newest = [other for other in RELEASES if other.family == release.family][-1]
    return version_of(version) <= newest.version and not _may_go_on(release, base)


def _beside(family: str, version: str) -> tuple[Release, ...]:
    """Return the release below a number between two, and the one above; none for any other number."""
    numbers = version_of(version)
    of_family = [release for release in RELEASES if release.family == family]
    above = next((release for release in of_family if release.version > numbers), None)
    below = release_of(family, version)
    return (below, above) if above is not None and below.version < numbers else ()


def _wrote(release: Release, base: BaseVersion | None) -> bool:
    """Tell whether a base has the RDB version that a release writes."""
    if base is None:
        return True
    family, version = base
    # Valkey kept the numbers of Redis up to 11.
    return version == release.rdb_version and (family.value == release.family or version <= _LAST_COMMON)


def _may_go_on(release: Release, base: BaseVersion | None) -> bool:
    """Tell whether a release writes a base of such a version, or reads it and went on with the log."""
    if base is None:
        return True
    family, version = base
    if family.value == release.family:
        return version <= release.rdb_version
    return release.family == "valkey" and version <= _LAST_COMMON


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
    written = evidence.base
    is_newer = written is not None and not any(_may_go_on(release, written) for release in RELEASES)
    if is_newer and written is not None:
        among = tuple(release for release in among if release.family == written[0].value)[-1:] or among
    release = min(among, key=lambda other: (sum(1 for _ in evidence.against(other)), -_rank(other)))
    missing = tuple(evidence.against(release))
    if is_newer and written is not None:
        missing = (f"RDB version {written[1]}", *missing)
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
