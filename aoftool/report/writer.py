"""Says who wrote a log, and how sure that is: in a line, or as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from aoftool.escape import printable
from aoftool.releases import RELEASES, Release
from aoftool.replay.writer_model import Certainty, Writer

__all__ = ["release_ranges", "writer_json", "writer_note", "writer_words"]


def writer_words(writer: Writer) -> str:
    """Return who wrote a log, for people."""
    if writer.engine and writer.certainty is not Certainty.GIVEN:
        if not writer.of_base:
            return f"{writer.engine}, by its commands; read as {writer.release.name}"
        version = printable(writer.engine_version.encode("ascii", "replace"))
        engine = f"{writer.engine} {version}".rstrip()
        return f"{engine}, by its RDB part; read as {writer.release.name}"
    name = _product(writer.release)
    if writer.certainty is Certainty.NAMED:
        version = printable(writer.version.encode("ascii", "replace"))
        newer = f", which is not known here: read as {writer.release.name}" if writer.is_beyond else ""
        return f"{name} {version}{newer}"
    if writer.certainty is Certainty.GIVEN:
        lacks = f", although that has no {writer.missing[0]}" if writer.missing else ""
        return f"{name} {writer.exact_version or _number(writer.release)}, as you say{lacks}"
    if writer.certainty is Certainty.UNEXPLAINED:
        lacks = ", ".join(writer.missing[:3])
        return f"no release that is known here; read as {writer.release.name}, which has no {lacks}"
    if writer.is_build:
        return _of_build(writer)
    if len(writer.possible) == 1:
        return f"{_full(writer.release)}: it alone has all commands of the log"
    if len(writer.possible) == len(RELEASES):
        return f"an unknown release; read as {writer.release.name}"
    after = f", on a base of {_full(writer.base)}" if writer.base is not None else ""
    return f"{release_ranges(writer.possible)}{after}; read as {writer.release.name}"


def _of_build(writer: Writer) -> str:
    """Return what is known of a build that is no release: what its RDB version and its commands tell."""
    version = printable(writer.version.encode("ascii", "replace"))
    alike = release_ranges(writer.possible)
    what = f"a build of {_product(writer.release)} that is no release ({version})"
    return f"{what}, like {alike} by its RDB version and commands; read as {writer.release.name}"


def writer_note(writer: Writer) -> str | None:
    """Return a note for output that has no line for the writer; None where the log names it."""
    if writer.certainty is Certainty.NAMED and not writer.is_beyond and not writer.engine:
        return None
    return f"written by {writer_words(writer)}"


def release_ranges(releases: Sequence[Release]) -> str:
    """Return releases as ranges by product, such as `Redis 6.0 to 8.6 or Valkey 7.2`."""
    return " or ".join(
        f"{_product(run[0])} {_number(run[0])}" + (f" to {_number(run[-1])}" if len(run) > 1 else "")
        for run in _runs(releases)
    )


def _runs(releases: Sequence[Release]) -> Iterator[list[Release]]:
    """Yield runs of neighbours in the catalogue, of one product each."""
    places = ((RELEASES.index(release), release) for release in releases)
    numbered = enumerate(sorted(places, key=lambda item: item[0]))
    for _, run in groupby(numbered, key=lambda item: (item[1][0] - item[0], item[1][1].family)):
        yield [release for _, (_, release) in run]


def _product(release: Release) -> str:
    return "Valkey" if release.family == "valkey" else "Redis"


def _number(release: Release) -> str:
    return ".".join(map(str, release.version))


def _full(release: Release) -> str:
    return f"{_product(release)} {_number(release)}"


def writer_json(writer: Writer | None) -> dict[str, Any] | None:
    """Return the JSON object of a writer."""
    if writer is None:
        return None
    return {
        "release": writer.release.name,
        "certainty": writer.certainty.value,
        "version": printable(writer.version.encode("ascii", "replace")) or None,
        "possible": [release.name for release in writer.possible],
        "unexplained": list(writer.missing),
        "engine": writer.engine or None,
        "base": None if writer.base is None else writer.base.name,
    }
