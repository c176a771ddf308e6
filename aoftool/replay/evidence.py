"""What the commands of a log say of the release that wrote it: names, option words, payload versions.

A live server logs what it executed, so a release that lacks a command or an option of the log did not write
it. Knows nothing of what commands do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from aoftool.commands.forms import Since, telling_words, words_used
from aoftool.commands.groups import RESTORES
from aoftool.commands.modules import ENGINES, SHAPES, TILE38, engine_of_form, is_of_tile38, module_of
from aoftool.commands.table import lookup, lookup_argv, names_everywhere
from aoftool.dataclass import dataclass, field
from aoftool.files import Source
from aoftool.progress import Progress, no_progress
from aoftool.rdb.family import Family
from aoftool.releases import RELEASES, Release
from aoftool.resp.model import Command
from aoftool.resp.sieve import SieveReader
from aoftool.resp.watch import Watch

if TYPE_CHECKING:
    from aoftool.rdb.walk.summary import RdbWalk

__all__ = [
    "BaseVersion",
    "Evidence",
    "added",
    "base_version",
    "gather",
    "gather_all",
    "payload_type",
    "payload_version",
    "reads_payload",
]

# Names and words that a hostile log may hold without end.
_MOST = 4096


BaseVersion = tuple[Family, int]
"""Family and version in the header of an RDB part."""


def base_version(walk: RdbWalk | None) -> BaseVersion | None:
    """Return what the header of an RDB part says; None where that cannot be read."""
    return None if walk is None or walk.family is None else (walk.family, walk.version)


@dataclass(slots=True)
class Evidence:
    """What was seen; a set of each, so that evidence of parts of a log can be added up.

    Attributes:
        names: full upper-case names (`XGROUP CREATE`) of known commands that not every release has.
        words: (full name, option word) with the first releases that have it.
        payloads: RDB versions in the footers of RESTORE and FUNCTION RESTORE.
        unknown: names that no release has; a module's, or those of a release that is not known here.
        multi_part: the log has a manifest, or `#TS` annotations: none before Redis 7.0.
        engines: related engines whose commands, or forms of commands, are among them.
        base: what the header of the base says; None without one.
        minus_zero: an argument is a zero with a minus sign, which servers keep or lose.
    """

    names: set[bytes] = field(default_factory=set)
    words: dict[tuple[bytes, bytes], Since] = field(default_factory=dict)
    payloads: set[int] = field(default_factory=set)
    unknown: set[bytes] = field(default_factory=set)
    multi_part: bool = False
    engines: set[str] = field(default_factory=set)
    minus_zero: bool = False
    base: BaseVersion | None = None

    def add(self, argv: Sequence[bytes]) -> None:
        """Take note of one command."""
        spec = lookup_argv(argv) or lookup(argv[0])
        if spec is None:
            if len(self.unknown) < _MOST:
                self.unknown.add(argv[0].upper())
            return
        if spec.of_module:
            # A module says nothing of the release that it was loaded into.
            self._add_engine(spec.name)
            return
        if is_of_tile38(argv):
            self.engines.add(TILE38)
        if engine := engine_of_form(spec.name, len(argv)):
            self.engines.add(engine)
        if len(spec.available_on) < len(RELEASES):
            self.names.add(spec.full_name)
        for word, since in words_used(argv):
            if since.tells:
                self.words[spec.full_name, word] = since
        version = payload_version(argv)
        if version is not None:
            self.payloads.add(version)
        self.minus_zero = self.minus_zero or not _MINUS_ZEROS.isdisjoint(argv)

    def add_name(self, name: bytes, subcommand: bytes | None = None) -> None:
        """Take note of the name of commands whose arguments are not at hand."""
        spec = lookup(name, subcommand)
        if spec is None or spec.of_module or spec.is_container:
            self._add_engine(name)
            return
        if len(spec.available_on) < len(RELEASES):
            self.names.add(spec.full_name)

    def _add_engine(self, name: bytes) -> None:
        engine = module_of(name)
        if engine in ENGINES:
            self.engines.add(engine)

    def against(self, release: Release) -> Iterator[str]:
        """Yield, in words, what a release cannot have written."""
        if self.multi_part and release.version < (7, 0):
            yield "files with a manifest or annotations"
        for name in sorted(self.names):
            spec = lookup(*name.split(b" ", 1))
            if spec is not None and release.name not in spec.available_on:
                yield name.decode("latin-1")
        for (name, word), since in sorted(self.words.items()):
            if not release.has(since.redis, since.valkey):
                yield f"{name.decode('latin-1')} .. {word.decode('latin-1')}"
        for version in sorted(self.payloads):
            if not reads_payload(release, version):
                yield f"a payload of RDB version {version}"

    def explained_by(self, release: Release) -> bool:
        """Tell whether a release may have written all of it."""
        return next(self.against(release), None) is None


_MINUS_ZEROS = frozenset((b"-0", b"-0.0", b"-0.00", b"-0e0"))


def payload_version(argv: Sequence[bytes]) -> int | None:
    """Return the RDB version in the footer of a RESTORE or FUNCTION RESTORE.

    None for other commands, and for a payload whose checksum is wrong: that is damaged, and says nothing.
    """
    name, payload = argv[0].upper(), b""
    if name in RESTORES and len(argv) > 3:
        payload = argv[3]
    elif name == b"FUNCTION" and len(argv) > 2 and argv[1].upper() == b"RESTORE":
        payload = argv[2]
    if not payload:
        return None
    # Here: few logs hold payloads, and many ask this module for names alone.
    from aoftool.rdb.encode.payload import FOOTER_BYTES, split_payload

    if len(payload) < FOOTER_BYTES:
        return None
    parts = split_payload(payload)
    return parts.version if parts.checksum_ok else None


def payload_type(argv: Sequence[bytes]) -> int | None:
    """Return the type number of the value in a RESTORE, None for other commands."""
    is_restore = argv[0].upper() in RESTORES and len(argv) > 3 and argv[3]
    return argv[3][0] if is_restore else None


def reads_payload(release: Release, version: int) -> bool:
    """Tell whether a release takes payloads of an RDB version."""
    from aoftool.rdb.encode.targets import find_target

    return find_target(release.name).restores_version(version)


@cache
def _watch() -> Watch:
    # Of those left out here, the arguments tell something, whatever they are.
    everywhere = frozenset(name for name in names_everywhere() if not engine_of_form(name)) - RESTORES
    return Watch(keys=telling_words() | _MINUS_ZEROS | SHAPES, known=everywhere)


def gather(
    source: Source,
    start: int,
    evidence: Evidence,
    *,
    end: int | None = None,
    workers: int = 1,
    progress: Progress = no_progress,
) -> None:
    """Add what the commands of one plain file say, at the speed of a scan; up to its first damage.

    Args:
        source: can be read at an offset; `start` is where its commands begin.
    """
    reader = SieveReader(source, _watch(), start=start, end=end, workers=workers, progress=progress)
    for command in reader:
        if command.argv:
            evidence.add(command.argv)
    evidence.multi_part = evidence.multi_part or reader.state.time_s >= 0


def gather_all(commands: Iterable[Command], evidence: Evidence) -> None:
    """Add what commands say, of a file that can be read only from its start: a compressed one."""
    watch = _watch()
    for command in commands:
        argv = command.argv
        if argv and (watch.wants_name(command.name) or not watch.keys.isdisjoint(argv[1:])):
            evidence.add(argv)
        evidence.multi_part = evidence.multi_part or command.time_s >= 0


def added(commands: Iterable[Sequence[bytes]]) -> Evidence:
    """Return what commands at hand say."""
    found = Evidence()
    for argv in commands:
        found.add(argv)
    return found
