"""Who wrote a log, as a plain record."""

from __future__ import annotations

from enum import Enum

from aoftool.dataclass import dataclass
from aoftool.rdb.dialects import KEPT_COMPATIBLE
from aoftool.releases import RELEASES, Release, patch_of, version_of

__all__ = ["Certainty", "Writer"]


class Certainty(str, Enum):
    """How the writer of a log is known; the values are stable and appear in JSON."""

    NAMED = "named"
    GIVEN = "given"
    INFERRED = "inferred"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class Writer:
    """Who wrote a log.

    Attributes:
        release: as which the log is read.
        version: the version that the base names, as text from the file, or that the user names with its patch
            number; empty when neither does.
        possible: every release that may have written it, in the order of the catalogue.
        missing: what `release` cannot have written, in words; empty when it explains everything.
        engine: the related engine that the base names or the commands tell, such as `KeyDB`; empty for none.
        of_base: that which the base names; empty for none.
        base: the release that wrote the base, when a later one went on with the log.
    """

    release: Release
    certainty: Certainty
    version: str = ""
    possible: tuple[Release, ...] = ()
    missing: tuple[str, ...] = ()
    base: Release | None = None
    engine: str = ""
    of_base: str = ""

    @property
    def exact_version(self) -> str:
        """The version with its patch number, such as `6.2.14`; empty where that is not known."""
        known = self.certainty is Certainty.GIVEN or (self.certainty is Certainty.NAMED and not self.of_base)
        return self.version if known and patch_of(self.release, self.version) is not None else ""

    @property
    def engine_version(self) -> str:
        """The version of a related engine, as text from its base; empty where that names another's."""
        return self.version if self.of_base and self.of_base not in KEPT_COMPATIBLE else ""

    @property
    def name(self) -> str:
        """What `--written-by` takes: the patch release where it is known, else the release."""
        return f"{self.release.family}-{self.exact_version}" if self.exact_version else self.release.name

    @property
    def family(self) -> str | None:
        """`redis` or `valkey`, None where both are possible."""
        families = {release.family for release in self.possible} or {self.release.family}
        return families.pop() if len(families) == 1 else None

    @property
    def is_beyond(self) -> bool:
        """Whether the base names a version newer than every release of its family that is known."""
        newest = [release for release in RELEASES if release.family == self.release.family][-1]
        return self.release == newest and bool(self.version) and version_of(self.version) > newest.version

    @property
    def is_build(self) -> bool:
        """Whether the base names a build that is no release, so that the version tells nothing."""
        return self.certainty is Certainty.INFERRED and bool(self.version) and self.base is None

    @property
    def is_open(self) -> bool:
        """Whether several releases may have written it."""
        return self.certainty is Certainty.INFERRED and len(self.possible) > 1
