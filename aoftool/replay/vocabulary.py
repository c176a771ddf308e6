"""Whether a release takes a command of a log as it stands: its name, its option words, its payload.

Of use where commands stay commands in a log for another release than the one that wrote them.
"""

from __future__ import annotations

from collections.abc import Sequence

from aoftool.commands.forms import words_used
from aoftool.commands.table import lookup, lookup_argv
from aoftool.releases import RELEASES, Release
from aoftool.replay.evidence import payload_version, reads_payload
from aoftool.units import counted

__all__ = ["Vocabulary"]


class Vocabulary:
    """What one release takes; what no release is known to have is not judged."""

    def __init__(self, release: Release) -> None:
        self._release = release

    def lacks(self, argv: Sequence[bytes]) -> str:
        """Return what of a command the release does not have, in words; empty when it takes it."""
        spec = lookup_argv(argv) or lookup(argv[0])
        if spec is None or spec.of_module:
            return ""
        name = spec.full_name.decode("latin-1")
        if len(spec.available_on) < len(RELEASES) and not spec.exists_on(self._release.name):
            return name
        if not spec.arity_ok(len(argv), self._release.name):
            return f"{name} of {counted(len(argv), 'argument')}"
        for word, since in words_used(argv):
            if not self._release.has(since.redis, since.valkey):
                return f"{name} .. {word.decode('latin-1')}"
        version = payload_version(argv)
        if version is not None and not reads_payload(self._release, version):
            return f"{name} of a payload of RDB version {version}"
        return ""
