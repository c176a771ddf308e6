"""Whether a command that a replay refuses speaks against the data, or against what is known here.

A log that a live server wrote holds nothing that this server refused. So a command that is refused is damage,
an edit, or a form that the release taken for the writer does not have.
"""

from __future__ import annotations

from collections.abc import Sequence

from aoftool.commands.counts import has_too_many
from aoftool.commands.forms import unknown_words
from aoftool.escape import excerpt
from aoftool.rdb.opcodes import Family, type_info
from aoftool.releases import RELEASES, Release
from aoftool.replay.evidence import added, payload_type, payload_version, reads_payload
from aoftool.units import counted

__all__ = ["beyond", "unknown_form", "unknown_words_of"]

_SHOWN = 40


def unknown_form(argv: Sequence[bytes]) -> str:
    """Return what no release in the catalogue has in a command, in words; empty when there is nothing."""
    version = payload_version(argv)
    if version is not None and not any(reads_payload(release, version) for release in RELEASES):
        return f"a payload of RDB version {version}"
    number = None if version is None else payload_type(argv)
    if number is not None and not any(type_info(family, number) for family in Family):
        return f"a payload of type {number}"
    return unknown_words_of(argv)


def unknown_words_of(argv: Sequence[bytes]) -> str:
    """Return the same as `unknown_form` of all but payloads: of a command whose long arguments are cut."""
    words = unknown_words(argv)
    if words:
        return f"the option {excerpt(words[0], _SHOWN)}"
    return f"the form with {counted(len(argv), 'argument')}" if has_too_many(argv) else ""


def beyond(argv: Sequence[bytes], release: Release) -> str:
    """Return what a release cannot have written in a command, in words; empty when it can have."""
    return unknown_form(argv) or next(added((argv,)).against(release), "")
