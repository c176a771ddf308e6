"""Stand-ins for keys and values, so that output can be shown to others.

A stand-in has the length of the original and depends on nothing but the original and a salt, so equal
originals stay equal across verbs, files and runs that share the salt. Keys keep their separators, and
two keys that begin alike have stand-ins that begin alike, to the same byte: prefixes can still be
counted and compared, though not read. Numbers stay numbers. Up to 32 bytes different originals have
different stand-ins; longer values are hashed.

Knows bytes only: which argument of a command is a key is told by others. It hides content, and nothing
else: lengths, counts, times, types and the shape of the traffic remain. Whoever has the salt can test
guesses, so it is to be kept like a password.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import Enum
from functools import lru_cache

from aoftool.regex import regex

__all__ = ["RedactMode", "Redactor"]

# Longer values are hashed: walking them byte by byte would cost more than reading the log.
_WALKED_BYTES = 32
_CACHED_KEYS = 65536
_NUMBER = regex(rb"-?[0-9]+(?:\.[0-9]+)?")
_SEPARATORS = frozenset(b":{}/.|-_")
_ALPHANUMERIC = bytes(b for b in range(128) if chr(b).isalnum())
_PUNCTUATION = bytes(b for b in range(0x20, 0x7F) if not chr(b).isalnum())
_BINARY = bytes(b for b in range(256) if not 0x20 <= b < 0x7F)
_DIGITS = b"0123456789"


def _ring_of_each() -> list[bytes]:
    rings = [b""] * 256
    for ring in (_ALPHANUMERIC, _PUNCTUATION, _BINARY):
        for byte in ring:
            rings[byte] = ring
    return rings


_RINGS = _ring_of_each()
_LINE_END = regex(rb"(\r?\n)")
_FRAMING = regex(rb"[*$]-?[0-9]*|#TS:[0-9]*")
_LETTERS = bytes(b"abcdefghijklmnopqrstuvwxyz"[i % 26] for i in range(256))


class RedactMode(str, Enum):
    """What is replaced: values, keys, or both."""

    values = "values"
    keys = "keys"
    all = "all"


class Redactor:
    """Replace keys and values by stand-ins.

    Args:
        mode: what to replace; the rest comes back as it is.
        salt: what stand-ins depend on; None for one that nobody knows, so that they hold for this run.
    """

    def __init__(self, mode: RedactMode, salt: str | None = None) -> None:
        self.mode = mode
        self.has_own_salt = salt is None
        # Every verb can redact and few do: this takes longer to load than all else here.
        from hashlib import blake2b, shake_256

        self._blake2b, self._shake_256 = blake2b, shake_256
        secret = os.urandom(32) if salt is None else salt.encode("utf-8", "surrogateescape")
        self._secret = blake2b(secret, digest_size=32, person=b"aoftool-redact").digest()
        self._cached_key = lru_cache(_CACHED_KEYS)(self._stand_in_for_key)

    @property
    def hides_keys(self) -> bool:
        """Tell whether keys are replaced."""
        return self.mode is not RedactMode.values

    @property
    def hides_values(self) -> bool:
        """Tell whether values are replaced."""
        return self.mode is not RedactMode.keys

    def key(self, raw: bytes) -> bytes:
        """Return a key, or its stand-in."""
        return self._cached_key(raw) if self.hides_keys else raw

    def value(self, raw: bytes) -> bytes:
        """Return a value, member, field or script, or its stand-in."""
        return self._stand_in_for_value(raw) if self.hides_values else raw

    def excerpt(self, raw: bytes, is_key: bool, is_known: Callable[[bytes], bool]) -> bytes:
        """Return what a message quotes from a log, hidden whatever the mode: it may hold keys and data.

        Args:
            is_known: tells names of commands, which stay, as do lines that only say lengths.
        """
        if is_key:
            return self.key(raw)
        parts = _LINE_END.split(raw)
        parts[::2] = [
            part if is_known(part) or _FRAMING.fullmatch(part) else self._stand_in_for_value(part)
            for part in parts[::2]
        ]
        return b"".join(parts)

    def _stand_in_for_key(self, raw: bytes) -> bytes:
        # A key of nothing but separators would stand for itself.
        kept = _SEPARATORS if not _SEPARATORS.issuperset(raw) else frozenset[int]()
        if len(raw) <= 256:
            return self._walk(raw, b"key", kept)
        return self._walk(raw[:256], b"key", kept) + self._hashed(raw, len(raw) - 256)

    def _stand_in_for_value(self, raw: bytes) -> bytes:
        if len(raw) > _WALKED_BYTES:
            return self._hashed(raw, len(raw))
        if _NUMBER.fullmatch(raw):
            return self._number(raw)
        # There and back, so that values which begin alike do not look alike.
        forward = self._walk(raw, b"value", frozenset())
        return self._walk(forward[::-1], b"back", frozenset())

    def _shift(self, purpose: bytes, before: bytes, most: int) -> int:
        """Return a step between 1 and `most` that depends on everything before a byte."""
        digest = self._blake2b(before, digest_size=4, key=self._secret, person=purpose).digest()
        return int.from_bytes(digest, "little") % most + 1

    def _walk(self, raw: bytes, purpose: bytes, kept: frozenset[int]) -> bytes:
        """Move every byte along the ring of its kind, never back to itself."""
        out = bytearray()
        for at, byte in enumerate(raw):
            if byte in kept:
                out.append(byte)
                continue
            ring = _RINGS[byte]
            step = self._shift(purpose, raw[:at], len(ring) - 1)
            out.append(ring[(ring.index(byte) + step) % len(ring)])
        return bytes(out)

    def _number(self, raw: bytes) -> bytes:
        """Change the digits; sign, point and leading zeros stay, so that it is as good a number."""
        out, leading = bytearray(), True
        for at, byte in enumerate(raw):
            if byte not in _DIGITS or (leading and byte == 0x30):
                out.append(byte)
                continue
            ring = _DIGITS[1:] if leading else _DIGITS
            leading = False
            step = self._shift(b"number", raw[:at], len(ring) - 1)
            out.append(ring[(ring.index(byte) + step) % len(ring)])
        return bytes(out)

    def _hashed(self, raw: bytes, length: int) -> bytes:
        return self._shake_256(self._secret + raw).digest(length).translate(_LETTERS)
