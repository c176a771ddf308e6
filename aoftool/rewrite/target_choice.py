"""Which server the result is for, when nobody says: one that every possible writer of the log reads after."""

from __future__ import annotations

from aoftool.dataclass import replace
from aoftool.errors import RefusedError
from aoftool.escape import printable
from aoftool.keyspace.flavour import Flavour, flavour_named
from aoftool.next_step import again
from aoftool.rdb.encode.targets import Target, find_target
from aoftool.regex import regex
from aoftool.releases import Release
from aoftool.replay.writer import target_of
from aoftool.replay.writer_model import Certainty, Writer

__all__ = ["choose_target", "flavour_of", "newest_measured", "refuse_undecided"]

# The highest RDB version that Valkey reads of Redis. Source: Valkey 9.1 src/rdb.c; measured on 8.1.1, 9.1.2.
_LAST_COMMON = 11
# What a server calls itself; anything else in that field is text from the file.
_VERSION = regex(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}")


def choose_target(asked: str | None, writer: Writer) -> tuple[Target, str]:
    """Return the target and the reason for it, in words; see `refuse_undecided`.

    A target of the release that wrote the log names the very version that the RDB part named.

    Args:
        asked: what the user named; None to go by the writer.

    Raises:
        UnsupportedError: no target has that name.
    """
    if asked is not None:
        return _as_named(find_target(asked), writer), "asked for"
    if writer.certainty is Certainty.NAMED:
        version = printable(writer.version.encode("ascii", "replace"))
        reason = f"the RDB part was written by {writer.of_base or writer.release.family} {version}"
        return _as_named(target_of(writer.release), writer), reason
    if writer.certainty is Certainty.GIVEN:
        return target_of(writer.release), "it wrote the log, as you say"
    if writer.certainty is Certainty.UNEXPLAINED:
        return target_of(writer.release), "the release that explains most of the log"
    if writer.is_build:
        return target_of(writer.possible[0]), "it writes the RDB version of the build that wrote the log"
    if len(writer.possible) == 1:
        return target_of(writer.release), "it alone has every command of the log"
    if _is_undecided(writer):
        return target_of(writer.release), "the log is read as its own; it may be the other family's"
    return target_of(writer.possible[0]), "every release that may have written the log reads its files"


def _as_named(target: Target, writer: Writer) -> Target:
    same = writer.certainty is Certainty.NAMED and writer.release.name == target.name
    if same and _VERSION.fullmatch(writer.version):
        return replace(target, server_version=writer.version.encode())
    return target


def refuse_undecided(asked: str | None, writer: Writer) -> None:
    """Refuse to write for a target that nobody named where Redis or Valkey may have written the log.

    Raises:
        RefusedError: they may, and no file is read by both.
    """
    if asked is None and _is_undecided(writer):
        redis, valkey = _families(writer.possible)
        one, other = newest_measured(redis).name, newest_measured(valkey).name
        raise RefusedError(
            "Redis or Valkey may have written this log, and neither reads the other's files",
            hint=again(("--written-by", one), ("--written-by", other)),
        )


def _is_undecided(writer: Writer) -> bool:
    """Tell whether both families are possible, and the oldest Redis writes what only Redis reads."""
    redis, valkey = _families(writer.possible)
    return writer.is_open and bool(redis and valkey) and redis[0].rdb_version > _LAST_COMMON


def _families(releases: tuple[Release, ...]) -> tuple[list[Release], list[Release]]:
    redis = [release for release in releases if release.family == "redis"]
    return redis, [release for release in releases if release.family == "valkey"]


def newest_measured(releases: list[Release]) -> Release:
    """Return the newest of some releases that was measured, else the newest."""
    return ([release for release in releases if release.is_measured] or releases)[-1]


def flavour_of(target: Target) -> Flavour:
    """Return how a server of the target loads a log."""
    return flavour_named(target.name)
