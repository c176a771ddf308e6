"""Which keys are asked for: database, type, name, expire time.

Glob patterns are those of the KEYS command, matched over bytes.
Source: Valkey 8.0 src/util.c stringmatchlen (semantics; measured with KEYS on Valkey 9.1.2).
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass

from aoftool.errors import UsageError

__all__ = ["KeySelection", "glob_to_regex", "key_selection"]


@dataclass(frozen=True, slots=True)
class KeySelection:
    """What a key must be to be shown; None asks nothing.

    Attributes:
        databases: numbers allowed.
        types: names as the TYPE command gives them.
        name: pattern the whole key must match (`fullmatch` for globs, `search` for regexes).
        expires_before_ms: only keys with an expire time before this Unix time in milliseconds.
        without_expire: only keys without an expire time.
    """

    databases: Container[int] | None = None
    types: Container[str] | None = None
    name: re.Pattern[bytes] | None = None
    expires_before_ms: int | None = None
    without_expire: bool = False

    def admits(self, db: int, key: bytes, type_name: str, expire_at_ms: int | None) -> bool:
        """Tell whether a key is asked for."""
        if self.databases is not None and db not in self.databases:
            return False
        if self.types is not None and type_name not in self.types:
            return False
        if self.without_expire and expire_at_ms is not None:
            return False
        if self.expires_before_ms is not None and (
            expire_at_ms is None or expire_at_ms >= self.expires_before_ms
        ):
            return False
        return self.name is None or self.name.search(key) is not None

    @property
    def admits_all(self) -> bool:
        """Tell whether every key is asked for."""
        return self == KeySelection()


def key_selection(
    *,
    databases: Container[int] | None = None,
    types: Container[str] | None = None,
    match: str | None = None,
    regex: str | None = None,
    expires_before_ms: int | None = None,
    without_expire: bool = False,
) -> KeySelection:
    """Return a selection from what was typed.

    Raises:
        UsageError: both a glob and a regex, or a regex that does not compile.
    """
    if match is not None and regex is not None:
        raise UsageError("--match and --regex exclude each other", hint="use one of them")
    name = None
    if match is not None:
        name = glob_to_regex(match.encode("utf-8", "surrogateescape"))
    elif regex is not None:
        try:
            name = re.compile(regex.encode("utf-8", "surrogateescape"), re.DOTALL)
        except re.error as error:
            raise UsageError(f"--regex does not compile: {error}") from error
    return KeySelection(databases, types, name, expires_before_ms, without_expire)


def glob_to_regex(pattern: bytes) -> re.Pattern[bytes]:
    """Return the regex that matches the same whole keys as a server's glob pattern."""
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


def _byte_class(pattern: bytes, at: int) -> tuple[bytes, int]:
    """Return the regex class for `[...]` whose inside starts at `at`, and where the pattern goes on.

    As in the server: `^` negates, a backslash quotes, ranges may be reversed, and a class that is
    never closed ends with the pattern.
    """
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
