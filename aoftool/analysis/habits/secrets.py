"""Were secrets written: patterns in keys and values, counted by prefix; nothing of what matched is kept.

A pattern proves nothing: a card number is a run of digits whose check digit fits, which every tenth run does.
Looks at the first 64 KiB of each argument.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from aoftool.analysis.habits.model import Cell, Column, HabitTable, Unit
from aoftool.dataclass import dataclass
from aoftool.regex import regex
from aoftool.resp.model import Command
from aoftool.units import counted, format_count

__all__ = ["SECRETS", "Secrets", "kinds_in"]

_REACH = 64 * 1024
_ROWS_MOST = 4096
_CARD = regex(rb"(?<![0-9])[3-6][0-9]{3}(?:[ -]?[0-9]{4}){2}[ -]?[0-9]{1,4}(?![0-9])")
SECRETS = {
    "e-mail": regex(rb"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{2,63}){1,4}"),
    "JWT": regex(rb"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    "private key": regex(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    "cloud key": regex(rb"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bghp_[A-Za-z0-9]{36}\b|\bxox[bap]-[0-9A-Za-z-]{20}"),
    "password": regex(
        rb"(?i)(?:password|passwd|secret|api[_-]?key)[\"']?\s{0,4}[:=]\s{0,4}[\"']?[^\s\"',]{6}"
    ),
    "card number": _CARD,
}
"""What is looked for, by name."""

# What any match holds, for a first look that costs little.
_HINTS = {"e-mail": b"@", "JWT": b"eyJ", "private key": b"PRIVATE KEY"}
_COLUMNS = [
    Column("prefix", "prefix", Unit.PREFIX),
    Column("kind", "looks like", Unit.NAME),
    Column("commands", "commands", Unit.COUNT),
    Column("share", "of the prefix", Unit.SHARE),
    Column("file_index", "file", Unit.NUMBER),
    Column("offset", "first at offset", Unit.COUNT),
]


def kinds_in(text: bytes) -> list[str]:
    """Return the names of the patterns found in an argument."""
    text = text[:_REACH]
    return [
        name
        for name, pattern in SECRETS.items()
        if _HINTS.get(name, b"") in text and any(_fits(name, found[0]) for found in pattern.finditer(text))
    ]


def _fits(name: str, found: bytes) -> bool:
    return name != "card number" or _luhn(re.sub(rb"[^0-9]", b"", found))


def _luhn(digits: bytes) -> bool:
    """Tell whether a card number has its check digit."""
    if not 13 <= len(digits) <= 19:
        return False
    doubled = (
        digit - 48 if at % 2 == 0 else sum(divmod(2 * (digit - 48), 10))
        for at, digit in enumerate(digits[::-1])
    )
    return sum(doubled) % 10 == 0


@dataclass(slots=True)
class _Row:
    commands: int
    file: int
    offset: int


class Secrets:
    """Count commands that hold what looks like a secret."""

    def __init__(self, prefix: Callable[[bytes], bytes]) -> None:
        self._prefix = prefix
        self._rows: dict[tuple[bytes, str], _Row] = {}
        self._commands: dict[bytes, int] = {}
        self._seen = self._found = 0
        self._file, self._last = 0, -1

    def add(self, command: Command, keys: list[bytes], place: int) -> None:
        """Take a command."""
        self._file += command.offset < self._last
        self._last = command.offset
        if not keys:
            return
        self._seen += 1
        prefix = self._prefix(keys[0])
        if prefix not in self._commands and len(self._commands) >= _ROWS_MOST:
            prefix = b"..."
        self._commands[prefix] = self._commands.get(prefix, 0) + 1
        kinds = {kind for argument in command.argv[1:] if len(argument) > 5 for kind in kinds_in(argument)}
        self._found += bool(kinds)
        for kind in kinds:
            row = self._rows.setdefault((prefix, kind), _Row(0, self._file, command.offset))
            row.commands += 1

    def table(self, top: int) -> HabitTable:
        """Return prefixes and kinds by the number of commands."""
        ranked = sorted(self._rows.items(), key=lambda item: (-item[1].commands, item[0]))
        out = HabitTable("secrets", list(_COLUMNS), left_out=max(len(ranked) - top, 0))
        for (prefix, kind), row in ranked[:top]:
            share: Cell = row.commands / self._commands[prefix]
            out.rows.append([prefix, kind.encode(), row.commands, share, row.file + 1, row.offset])
        text = f"{counted(self._found, 'command')} of {format_count(self._seen)}"
        out.facts.append(("looks secret", text))
        out.notes.append("by pattern: nothing found proves nothing, and a card number may be any number")
        return out
