r"""Key patterns with the meaning that servers give them in KEYS and SCAN MATCH; every `--match` is one.

`*` is any run of bytes, `?` any byte, `[...]` one byte of a class, and a backslash takes the next byte as it
is. In a class `^` in front negates, a backslash quotes, `a-c` is a range in either order, and a class that is
never closed ends with the pattern. Source: Valkey 8.0 src/util.c stringmatchlen, src/db.c keysCommand; seen
on Redis 6.0.16 to 8.6.3 and Valkey 8.1.1, 9.1.2 with generated patterns.
"""

from __future__ import annotations

import re

from aoftool.dataclass import dataclass
from aoftool.regex import regex

__all__ = ["Pattern", "compile_glob", "literal_of", "typed_pattern"]

_BYTE = regex(rb"\\(?:x([0-9a-fA-F]{2})|([nrt]))")
_NAMED = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_STARS = regex(rb"\*\*+")


@dataclass(frozen=True, slots=True)
class Pattern:
    r"""Which keys are meant, by name: a glob as servers read it, or a regular expression.

    Attributes:
        source: as it was given, in bytes; a str stands for its UTF-8.
        is_glob: it must match a whole key; a regular expression is only looked for in it.
        compiled: searched for in a key.

    >>> Pattern.glob("user:*").matches(b"user:1")
    True
    """

    source: bytes
    is_glob: bool
    compiled: re.Pattern[bytes]

    @classmethod
    def glob(cls, text: str | bytes) -> Pattern:
        """Return the pattern of KEYS and SCAN MATCH: `*`, `?`, `[...]`, and a backslash that quotes."""
        source = _bytes(text)
        return cls(source, True, compile_glob(source))

    @classmethod
    def regex(cls, text: str | bytes) -> Pattern:
        """Return a regular expression of Python's `re` over bytes, in which a dot is any byte.

        Raises:
            re.error: it is none.
        """
        source = _bytes(text)
        return cls(source, False, re.compile(source, re.DOTALL))

    def matches(self, key: bytes) -> bool:
        """Tell whether a key is meant."""
        return self.compiled.search(key) is not None


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def typed_pattern(text: str) -> bytes:
    r"""Return the pattern that somebody typed: its bytes, and `\xHH`, `\n`, `\r`, `\t`.

    So names are shown that cannot be typed. No server knows it; there these are the letters.
    """
    raw = text.encode("utf-8", "surrogateescape")
    out = bytearray()
    at = 0
    while at < len(raw):
        found = _BYTE.match(raw, at)
        if found is not None:
            out += b"\\" + (_NAMED[found[2]] if found[2] else bytes([int(found[1], 16)]))
            at = found.end()
            continue
        size = 2 if raw[at] == 0x5C else 1
        out += raw[at : at + size]
        at += size
    return bytes(out)


def compile_glob(pattern: bytes) -> re.Pattern[bytes]:
    """Return the regex that matches the same whole keys as a server's glob pattern."""
    if _STARS.fullmatch(pattern):
        # One star lists every key; with several the server never finds the empty one.
        return re.compile(rb"\A.+\Z", re.DOTALL)
    out = bytearray(rb"\A")
    at = 0
    while at < len(pattern):
        byte = pattern[at : at + 1]
        at += 1
        if byte == b"*":
            if not out.endswith(b".*"):
                out += b".*"
        elif byte == b"?":
            out += b"."
        elif byte == b"[":
            group, at = _byte_class(pattern, at)
            out += group
        else:
            if byte == b"\\" and at < len(pattern):
                byte = pattern[at : at + 1]
                at += 1
            out += re.escape(byte)
    return re.compile(bytes(out) + rb"\Z", re.DOTALL)


def literal_of(pattern: bytes) -> tuple[bytes, bool]:
    """Return the longest part of a pattern that any match must hold, and whether matches begin with it."""
    quoted = b"\\" in pattern or b"[" in pattern
    parts = re.split(rb"[*?]+", pattern) if not quoted else [re.split(rb"[*?\[\\]", pattern)[0]]
    if parts[0]:
        return parts[0], True
    return max(parts, key=len), False


def _byte_class(pattern: bytes, at: int) -> tuple[bytes, int]:
    """Return the regex class for `[...]` whose inside starts at `at`, and where the pattern goes on."""
    negated = pattern[at : at + 1] == b"^"
    at += negated
    members: set[int] = set()
    while at < len(pattern) and pattern[at] != 0x5D:
        low = pattern[at]
        if low == 0x5C and at + 1 < len(pattern):
            at += 1
            members.add(pattern[at])
        elif pattern[at + 1 : at + 2] == b"-" and at + 2 < len(pattern):
            high = pattern[at + 2]
            members.update(range(min(low, high), max(low, high) + 1))
            at += 2
        else:
            members.add(low)
        at += 1
    if negated:
        members = set(range(256)) - members
    if not members:
        return b"(?!)", at + 1
    return b"[" + b"".join(b"\\x%02x" % member for member in sorted(members)) + b"]", at + 1
