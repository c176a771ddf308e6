"""What intruders leave in exposed servers: cron lines, SSH keys, shells, the keys of known worms.

Two steps, so that it costs little: the raw bytes are searched for words that any pattern holds, and only
commands with such a word are judged. A pattern is a hint, not a proof; and `CONFIG SET`, `MODULE LOAD` and
`REPLICAOF` do not reach the log of a real server, so nothing found proves nothing.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence

from aoftool.files.source import Source
from aoftool.kernels import kernel
from aoftool.regex import regex

__all__ = ["SuspectWords", "intrusion_in", "suspect_offsets"]

# Whoever opens a way in writes one of these.
_WORDS = (
    b" * * * ",
    b"ssh-rsa AAAA",
    b"ssh-ed25519 AAAA",
    b"ssh-dss AAAA",
    b"crackit",
    b"/dev/tcp/",
    b"/bin/sh",
    b"/bin/bash",
    b"<?php",
    b"authorized_keys",
    b"/var/spool/cron",
    b"/etc/cron",
)
_LONGEST = max(map(len, _WORDS))
_PATTERNS = (
    ("a cron line", regex(rb"(?:^|\n)[ \t]*(?:[0-9*/,-]+[ \t]+){4}[0-9*/,-]+[ \t]+[^\s]*[a-z/]")),
    ("an SSH public key", regex(rb"ssh-(?:rsa|dss|ed25519) AAAA[0-9A-Za-z+/]{16}")),
    ("the key of a known attack", regex(rb"^crackit")),
    ("a shell over the network", regex(rb"/dev/tcp/[0-9A-Za-z.-]+/[0-9]")),
    ("a shell command", regex(rb"(?:(?:curl|wget)\s[^\n]*\|\s*|^|[\s;&|'\"])/bin/(?:ba)?sh\b")),
    ("PHP code that runs what it is sent", regex(rb"<\?php[^\n]*(?:eval|system|exec|passthru)\s*\(")),
    ("a path that decides who may log in", regex(rb"authorized_keys|/var/spool/cron|/etc/cron")),
)
_CHUNK = 4 << 20
_find_words = kernel("aoftool.analysis.audit._words_cy").find_words
_MOST = 10_000
_REACH = 64 * 1024


def intrusion_in(argv: Sequence[bytes]) -> str | None:
    """Return what an argument of a command looks like, None when nothing is suspect."""
    for argument in argv[1:]:
        for words, pattern in _PATTERNS:
            if pattern.search(argument[:_REACH]):
                return words
    return None


class SuspectWords:
    """Look for words that a pattern may belong to, in pieces of a stream that follow each other.

    Attributes:
        offsets: where they stand, ascending, the first ten thousand.
    """

    def __init__(self) -> None:
        self.offsets: list[int] = []
        # The end of a piece goes in front of the next one: a word may begin in it.
        self._kept = b""

    def look(self, piece: memoryview, offset: int) -> None:
        """Take a piece that stands at this offset."""
        if len(self.offsets) >= _MOST:
            return
        kept = self._kept
        if kept:
            seam = kept + bytes(piece[: _LONGEST - 1])
            self._add(offset - len(kept), _find_words(seam, _WORDS, _MOST), offset)
        self._add(offset, _find_words(piece, _WORDS, _MOST), None)
        self._kept = (kept + bytes(piece[-(_LONGEST - 1) :]))[-(_LONGEST - 1) :]

    def _add(self, base: int, found: list[int], before: int | None) -> None:
        """Keep what was found; of a seam what begins in front of it, which may have been found already."""
        for at in found:
            place = base + at
            if len(self.offsets) >= _MOST or (before is not None and place >= before):
                return
            if before is None:
                self.offsets.append(place)
            elif place not in self.offsets[-_LONGEST:]:
                insort(self.offsets, place)


def suspect_offsets(source: Source, start: int) -> list[int]:
    """Return where words stand that a pattern may belong to; ascending, the first ten thousand.

    Args:
        source: a plain file, read from `start` to its end.
    """
    words = SuspectWords()
    source.seek(start)
    with memoryview(bytearray(_CHUNK)) as buffer:
        while len(words.offsets) < _MOST and (size := source.read_into(buffer)):
            words.look(buffer[:size], start)
            start += size
    return words.offsets
