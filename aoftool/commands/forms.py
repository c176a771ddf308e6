"""Which option words a command has, and since which release: `SET .. IFEQ`, `BITOP DIFF`, `XADD .. ACKED`.

Data only, from `forms.json`, which `tools/derive_forms.py` makes from what servers document about
themselves. A word says which releases may have written a command; a word that no release has says that the
command comes from something newer, or other, than what is known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from aoftool.commands.roles import ArgumentRole, argument_roles
from aoftool.commands.table import lookup
from aoftool.dataclass import dataclass
from aoftool.packaged import packaged_json

__all__ = [
    "Since",
    "all_words",
    "commands_with_options",
    "telling_words",
    "unknown_words",
    "words_by_command",
    "words_of",
    "words_used",
]

SCHEMA = "aoftool-forms/1"
Version = tuple[int, int]

# Commands with options in front of scores, and the scores that are words.
_SCORED = frozenset((b"ZADD", b"GEOADD"))
_SCORES = frozenset((b"INF", b"INFINITY", b"NAN"))

# Operations of BITFIELD, and how many arguments each takes.
_OPERATIONS = {b"GET": 2, b"SET": 3, b"INCRBY": 3, b"OVERFLOW": 1}

# Redis 6.0 and Valkey 7.2 begin the catalogue; a word as old as these tells nothing. Words of Redis 6.2 tell
# 6.0 from it alone, and stand in every second command of a log (`SET .. PXAT`).
_OLD_REDIS, _OLD_VALKEY = (6, 2), (7, 2)


@dataclass(frozen=True, slots=True)
class Since:
    """The first release of each family that has a word; None where none has it.

    Attributes:
        takes: an argument of its own follows the word.
    """

    redis: Version | None
    valkey: Version | None
    takes: bool = False

    @property
    def tells(self) -> bool:
        """Whether the word rules some release out."""
        old_redis = self.redis is not None and self.redis <= _OLD_REDIS
        old_valkey = self.valkey is not None and self.valkey <= _OLD_VALKEY
        return not (old_redis and old_valkey)


@cache
def _table() -> dict[bytes, dict[bytes, Since]]:
    data = packaged_json(__file__, "forms.json", SCHEMA)
    return {
        name.encode(): {word.encode(): _since(known) for word, known in words.items()}
        for name, words in data["commands"].items()
    }


@cache
def all_words() -> frozenset[bytes]:
    """Return every option word of every command, in upper case."""
    return frozenset(word for words in _table().values() for word in words)


def commands_with_options() -> list[bytes]:
    """Return the full names of writing commands that have option words."""
    specs = {name: lookup(*name.split(b" ", 1)) for name in _table()}
    return [name for name, spec in specs.items() if spec is not None and spec.is_write]


def words_by_command() -> Mapping[bytes, Mapping[bytes, Since]]:
    """Return the option words of every command that has some, by full name (`XGROUP CREATE`)."""
    return _table()


def _since(known: Mapping[str, Any]) -> Since:
    return Since(_version(known.get("redis")), _version(known.get("valkey")), known.get("takes", False))


def _version(text: str | None) -> Version | None:
    if text is None:
        return None
    major, minor = text.split(".")
    return int(major), int(minor)


def words_of(argv: Sequence[bytes]) -> Mapping[bytes, Since]:
    """Return the option words of a command or subcommand; empty where none is known."""
    table, name = _table(), argv[0].upper()
    if len(argv) > 1 and (found := table.get(name + b" " + argv[1].upper())):
        return found
    return table.get(name, {})


def _options(argv: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the arguments in upper case that only say how."""
    roles = argument_roles(argv)
    return (
        word.upper() for word, role in zip(argv[1:], roles[1:], strict=True) if role is ArgumentRole.SYNTAX
    )


def words_used(argv: Sequence[bytes]) -> Iterator[tuple[bytes, Since]]:
    """Yield the known option words in a command."""
    known = words_of(argv)
    if known:
        yield from ((word, known[word]) for word in _options(argv) if word in known)


def unknown_words(argv: Sequence[bytes]) -> list[bytes]:
    """Return what stands where options stand, is no number, and is an option of no release.

    Of use only for a command that was refused: of what an option takes, only its first argument is left out.
    """
    known = words_of(argv)
    if not known:
        return []
    inner = argv[1].upper() if len(argv) > 1 else b""
    if argv[0].upper() + b" " + inner not in _table():
        inner = b""
    found = _unknown_beside_data(argv, known)
    before = inner
    for text, role in zip(argv[1:], argument_roles(argv)[1:], strict=True):
        word = text.upper() if role is ArgumentRole.SYNTAX else b""
        argument = before in known and known[before].takes
        if not argument and word not in known and word != inner and _is_word(word):
            found.append(word)
        before = b"" if argument else word
    return found


def _unknown_beside_data(argv: Sequence[bytes], known: Mapping[bytes, Since]) -> list[bytes]:
    """Return an unknown word of a command whose options stand before its data, or among it."""
    name = argv[0].upper()
    if name in _SCORED:
        # Where a score is asked for.
        first = next((word.upper() for word in argv[2:] if word.upper() not in known), b"")
        return [first] if first.isalpha() and _is_word(first) else []
    if name == b"FUNCTION":
        options = {b"LOAD": argv[2:-1], b"RESTORE": argv[3:]}.get(argv[1].upper(), ())
        return [word.upper() for word in options if word.upper() not in known and _is_word(word)]
    walked = _OPTIONS_BEHIND.get(name)
    if walked is None:
        return _unknown_operation(argv) if name == b"BITFIELD" else []
    begin, takes = walked
    return _first_unknown(argv, begin(argv), takes)


def _behind_vector(argv: Sequence[bytes]) -> int:
    """Return where what follows the element of VADD begins; where its vector is not understood, that place.

    Source: Redis 8.0 modules/vector-sets/vset.c VADD_RedisCommand.
    """
    at = 4 if argv[2:3] and argv[2].upper() == b"REDUCE" else 2
    word = argv[at].upper() if at < len(argv) else b""
    if word == b"FP32":
        return at + 3
    count = argv[at + 1] if at + 1 < len(argv) else b""
    return at + 3 + int(count) if word == b"VALUES" and count.isdigit() and len(count) < 9 else at


# Commands whose options stand behind data: where they begin, and how many arguments a word takes. `KEYS` of
# MIGRATE takes all that follow.
_OPTIONS_BEHIND: dict[bytes, tuple[Callable[[Sequence[bytes]], int], dict[bytes, int]]] = {
    b"VADD": (
        _behind_vector,
        {b"CAS": 0, b"NOQUANT": 0, b"Q8": 0, b"BIN": 0, b"EF": 1, b"SETATTR": 1, b"M": 1},
    ),
    b"MIGRATE": (lambda _: 6, {b"COPY": 0, b"REPLACE": 0, b"AUTH": 1, b"AUTH2": 2, b"KEYS": 1 << 30}),
}


def _first_unknown(argv: Sequence[bytes], at: int, takes: Mapping[bytes, int]) -> list[bytes]:
    """Return the first word from a place on that is no option and no argument of one."""
    while at < len(argv):
        word = argv[at].upper()
        if word not in takes:
            return [word] if _is_word(word) else []
        at += 1 + takes[word]
    return []


def _unknown_operation(argv: Sequence[bytes]) -> list[bytes]:
    """Return the first operation of a BITFIELD that no release has."""
    at = 2
    while at < len(argv) and (taken := _OPERATIONS.get(argv[at].upper())) is not None:
        at += 1 + taken
    word = argv[at].upper() if at < len(argv) else b""
    return [word] if word.isalpha() and _is_word(word) else []


def _is_word(text: bytes) -> bool:
    """Tell whether an argument in upper case could be an option word: no number, nor `INF`."""
    return 1 < len(text) <= 32 and text.isalnum() and text[:1].isalpha() and text not in _SCORES


@cache
def telling_words() -> frozenset[bytes]:
    """Return the words that tell something in whatever command they stand, in upper and lower case."""
    tells: dict[bytes, bool] = {}
    for words in _table().values():
        for word, since in words.items():
            tells[word] = tells.get(word, True) and since.tells
    upper = {word for word, telling in tells.items() if telling}
    return frozenset(upper | {word.lower() for word in upper})
