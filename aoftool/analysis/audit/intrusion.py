"""What intruders leave in exposed servers: cron lines, SSH keys, shells, the keys of known worms.

Two steps, so that it costs little: the raw bytes are searched for words that any pattern holds, and only
commands with such a word are judged. A pattern is a hint, not a proof; and `CONFIG SET`, `MODULE LOAD` and
`REPLICAOF` do not reach the log of a real server, so nothing found proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from aoftool.files.source import Source
from aoftool.kernels import kernel
from aoftool.regex import regex

__all__ = ["intrusion_in", "suspect_offsets"]

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


def suspect_offsets(source: Source, start: int) -> list[int]:
    """Return where words stand that a pattern may belong to; ascending, the first ten thousand.

    Args:
        source: a plain file, read from `start` to its end.
    """
    found: list[int] = []
    source.seek(start)
    with memoryview(bytearray(_LONGEST - 1 + _CHUNK)) as buffer:
        # The end of a chunk is kept in front of the next one: a word may begin in it.
        kept, base = 0, start
        while len(found) < _MOST:
            size = source.read_into(buffer[kept : kept + _CHUNK])
            if not size:
                break
            filled = kept + size
            for at in _find_words(buffer[:filled], _WORDS, _MOST - len(found)):
                # What fits into the kept part was found there before.
                if not found or base + at > found[-1]:
                    found.append(base + at)
            kept = min(filled, _LONGEST - 1)
            buffer[:kept] = buffer[filled - kept : filled]
            base += filled - kept
    return found
