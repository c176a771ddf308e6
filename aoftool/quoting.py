r"""Words of a manifest line: split them as the server does, and quote a name as it does.

The same rules serve the server's configuration file. Words are separated by blanks; double quotes
know `\n \r \t \b \a \xHH` and `\` before anything else; single quotes know only `\'`. What may
follow a closing quote depends on the server, see `Quoting`. Source: Valkey 8.0 src/sds.c sdssplitargs,
sdscatrepr, sdsneedsrepr; behaviour measured on Redis 7.0.15, 8.0.6 and Valkey 8.1.1, 9.1.2.
"""

from __future__ import annotations

import re
from enum import Enum

from aoftool.regex import regex

__all__ = ["Quoting", "atoll", "quote", "split_words"]

_BLANKS = b" \t\n\v\f\r"
# Inside a bare word only these end it; a vertical tab or form feed does not.
_WORD = regex(rb"[^ \n\r\t\"']+")
_DOUBLE = regex(rb'"((?:\\.|[^"\\])*)"', re.DOTALL)
_SINGLE = regex(rb"'((?:\\'|[^'\\]|\\(?!'))*)'", re.DOTALL)
_ESCAPE = regex(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_NAMED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"a": b"\a"}
_NAMED_BACK = {10: b"\\n", 13: b"\\r", 9: b"\\t", 8: b"\\b", 7: b"\\a", 34: b'\\"', 92: b"\\\\"}
_NUMBER = regex(rb"[ \t\n\v\f\r]*([+-]?[0-9]+)")
_INT64 = 2**63


class Quoting(Enum):
    """What may follow a closing quote.

    Attributes:
        SEPARATE: a blank or the end, or the line is refused: all Redis, Valkey to 8.1.
        JOINED: anything; the word goes on, as in a shell: Valkey 9.1. Measured on 9.1.2, where
            `"a"b` is read as `ab`; lines that both kinds accept mean the same to both, but for a
            vertical tab or form feed behind a closing quote.
    """

    SEPARATE = "separate"
    JOINED = "joined"


def split_words(line: bytes, quoting: Quoting = Quoting.SEPARATE) -> list[bytes] | None:
    """Return the words of a line that holds no NUL; None when its quotes do not balance."""
    words: list[bytes] = []
    at = 0
    while True:
        while at < len(line) and line[at] in _BLANKS:
            at += 1
        if at == len(line):
            return words
        taken = _take_word(line, at, quoting)
        if taken is None:
            return None
        word, at = taken
        words.append(word)


def _take_word(line: bytes, at: int, quoting: Quoting) -> tuple[bytes, int] | None:
    """Return the word that starts at `at` and where it ends; quotes may open in its middle."""
    pieces = []
    while at < len(line) and line[at] not in b" \n\r\t":
        if line[at] not in b"\"'":
            found = _WORD.match(line, at)
            assert found is not None
            pieces.append(found[0])
            at = found.end()
            continue
        quoted = (_DOUBLE if line[at] == 34 else _SINGLE).match(line, at)
        if quoted is None:
            return None
        pieces.append(_unescape(quoted[1]) if line[at] == 34 else quoted[1].replace(b"\\'", b"'"))
        at = quoted.end()
        if quoting is Quoting.SEPARATE:
            # A closing quote ends the word, whatever kind of blank follows.
            if at < len(line) and line[at] not in _BLANKS:
                return None
            break
    return b"".join(pieces), at


def _unescape(text: bytes) -> bytes:
    def back(match: re.Match[bytes]) -> bytes:
        if match[1]:
            return bytes([int(match[1], 16)])
        return _NAMED.get(match[2], match[2])

    return _ESCAPE.sub(back, text)


def quote(name: bytes) -> bytes:
    """Return a word as the server writes it: bare when it can be, else in double quotes.

    Two words differ from the server's: it writes a name with a single quote bare and an empty name as
    nothing, and cannot read either line again. They are quoted here.
    """
    if name and all(33 <= byte <= 126 and byte not in b"\"\\'" for byte in name):
        return name
    return b'"' + b"".join(map(_quoted_byte, name)) + b'"'


def _quoted_byte(byte: int) -> bytes:
    if byte in _NAMED_BACK:
        return _NAMED_BACK[byte]
    return bytes([byte]) if 32 <= byte <= 126 else b"\\x%02x" % byte


def atoll(text: bytes) -> int:
    """Return the number that C reads from the front of a text: 0 for none, clamped to 64 bits.

    Source: glibc atoll, which is strtoll without its error.
    """
    found = _NUMBER.match(text)
    if found is None:
        return 0
    # Python refuses to convert very long numerals; past 20 digits the clamp decides anyway.
    sign_and_digits = found[1]
    digits = sign_and_digits.lstrip(b"+-").lstrip(b"0")[:20] or b"0"
    value = -int(digits) if sign_and_digits.startswith(b"-") else int(digits)
    return max(-_INT64, min(value, _INT64 - 1))
