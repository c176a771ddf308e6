"""Configuration files of servers: a directive a line, arguments quoted as the server's own parser takes them.

Source: src/config.c loadServerConfigFromString and src/sds.c sdssplitargs.
"""

from __future__ import annotations

from aoftool.captures.lines import Text
from aoftool.captures.model import Directive
from aoftool.regex import regex

__all__ = ["memory_bytes", "read_conf", "split_arguments"]

_UNITS = {
    "": 1,
    "b": 1,
    "k": 1000,
    "kb": 1 << 10,
    "m": 1000**2,
    "mb": 1 << 20,
    "g": 1000**3,
    "gb": 1 << 30,
}
_MEMORY = regex(r"(\d{1,18})([a-z]{0,2})")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "a": "\a"}


def read_conf(text: Text) -> tuple[Directive, ...]:
    """Return all directives in order; a line whose quotes do not close is left out."""
    found = []
    for index, line in enumerate(text.lines):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        arguments = split_arguments(stripped)
        if arguments:
            is_whole = not text.is_open or index < len(text.lines) - 1
            found.append(Directive(arguments[0].lower(), tuple(arguments[1:]), text.where(index), is_whole))
    return tuple(found)


def memory_bytes(text: str) -> int | None:
    """Return a size such as `64mb` in bytes (`1k` is 1000, `1kb` is 1024); None for anything else."""
    match = _MEMORY.fullmatch(text.strip().lower())
    if match is None or match[2] not in _UNITS:
        return None
    return int(match[1]) * _UNITS[match[2]]


def split_arguments(line: str) -> list[str] | None:
    """Return the words of a line without quotes; None where a quote does not close or runs into a word."""
    words: list[str] = []
    position, end = 0, len(line)
    while position < end:
        if line[position].isspace():
            position += 1
            continue
        taken = _word(line, position)
        if taken is None:
            return None
        word, position = taken
        words.append(word)
    return words


def _word(line: str, position: int) -> tuple[str, int] | None:
    quote = line[position] if line[position] in "\"'" else ""
    if not quote:
        end = position
        while end < len(line) and not line[end].isspace():
            end += 1
        return line[position:end], end
    out: list[str] = []
    position += 1
    while position < len(line):
        char = line[position]
        if char == "\\" and position + 1 < len(line) and (quote == '"' or line[position + 1] == "'"):
            following = line[position + 1]
            out.append(_ESCAPES.get(following, following) if quote == '"' else following)
            position += 2
        elif char == quote:
            after = position + 1
            return ("".join(out), after) if after == len(line) or line[after].isspace() else None
        else:
            out.append(char)
            position += 1
    return None
