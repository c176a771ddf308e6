"""When a form of a command applies: the conditions of the effect table, one function a kind.

Knows how a server reads numbers and option words. Refuses to know what any command does: which
condition belongs to which command is data (`effects.json`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from aoftool.databases import MOST_DATABASES
from aoftool.dataclass import dataclass

__all__ = ["Setting", "canonical_int", "condition_holds", "option_words"]

# Source: Valkey 8.0 src/util.c string2ll: what it takes is exactly what printing the number gives.
_LONGEST_INT = 20
_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1
# A relative time is added to the clock before its range is checked. This limit leaves room for any
# clock and is far above what a user types; above it a form is treated as one that may be refused.
_RELATIVE_MAX = 9_000_000_000_000_000
_TIME_LIMITS = {
    b"PXAT": _INT_MAX,
    b"EXAT": _INT_MAX // 1000,
    b"PX": _RELATIVE_MAX,
    b"EX": _RELATIVE_MAX,
}


@dataclass(slots=True)
class Setting:
    """What the target server adds to the text of a command.

    Attributes:
        databases: number of databases; a SELECT of a greater number is refused.
        highest_refused: the greatest number that was refused for being none of them, but for those that are
            no sensible number of a database; -1 for none.
        payload_loads: tells whether the target takes a RESTORE payload (checksum, version, type).
    """

    databases: int
    payload_loads: Callable[[bytes], bool]
    highest_refused: int = -1

    def database_number(self, text: bytes) -> int | None:
        """Return the database a SELECT of this text leads to, or None when it is refused."""
        number = canonical_int(text)
        if number is None or number < 0:
            return None
        if number < self.databases:
            return number
        if number < MOST_DATABASES:
            self.highest_refused = max(self.highest_refused, number)
        return None


def canonical_int(text: bytes) -> int | None:
    """Return a signed 64-bit number written the one way servers accept, or None.

    Source: Valkey 8.0 src/util.c string2ll; `01`, `+1`, `-0` and blanks were refused by every
    server measured (Redis 6.2.5, 7.0.15, 8.0.6, Valkey 8.1.1, 9.1.2).
    """
    if len(text) > _LONGEST_INT:
        return None
    try:
        number = int(text)
    except ValueError:
        return None
    if b"%d" % number != text or not _INT_MIN <= number <= _INT_MAX:
        return None
    return number


def option_words(argv: Sequence[bytes], start: int, skip: Mapping[bytes, int]) -> Iterator[tuple[int, bytes]]:
    """Yield (index, upper-case word) of the option words from `start` on.

    Args:
        skip: option to the number of its arguments, which are passed over when they are all there.
    """
    index = start
    while index < len(argv):
        word = argv[index].upper()
        yield index, word
        taken = skip.get(word, 0)
        index += 1 + (taken if index + taken < len(argv) else 0)


def _argc(expected: int, argv: Sequence[bytes], setting: Setting) -> bool:
    return len(argv) == expected


def _argc_any(expected: list[int], argv: Sequence[bytes], setting: Setting) -> bool:
    return len(argv) in expected


def _argc_mod(expected: list[int], argv: Sequence[bytes], setting: Setting) -> bool:
    modulus, rest = expected
    return len(argv) % modulus == rest and len(argv) > modulus


def _token(expected: dict[str, list[str]], argv: Sequence[bytes], setting: Setting) -> bool:
    return all(
        int(index) < len(argv) and argv[int(index)].upper() in {w.encode() for w in words}
        for index, words in expected.items()
    )


def _optional_token(expected: dict[str, list[str]], argv: Sequence[bytes], setting: Setting) -> bool:
    present = {index: words for index, words in expected.items() if int(index) < len(argv)}
    return _token(present, argv, setting)


def _int(expected: dict[str, dict[str, int]], argv: Sequence[bytes], setting: Setting) -> bool:
    for index, limits in expected.items():
        number = canonical_int(argv[int(index)]) if int(index) < len(argv) else None
        if number is None or not limits["min"] <= number <= limits["max"]:
            return False
    return True


def _has(expected: dict[str, Any], argv: Sequence[bytes], setting: Setting) -> bool:
    words = {word.encode() for word in expected["any"]}
    return any(argument.upper() in words for argument in argv[expected["from"] :])


def _db_at(expected: list[int], argv: Sequence[bytes], setting: Setting) -> bool:
    return len(argv) == max(expected) + 1 and all(
        setting.database_number(argv[index]) is not None for index in expected
    )


def _valid_time(option: bytes, text: bytes) -> bool:
    limit = _TIME_LIMITS.get(option.upper())
    number = canonical_int(text)
    return limit is not None and number is not None and 1 <= number <= limit


def _msetex(expected: str, argv: Sequence[bytes], setting: Setting) -> bool:
    pairs = canonical_int(argv[1]) if len(argv) > 1 else None
    if pairs is None or pairs < 1:
        return False
    rest = argv[2 + 2 * pairs :]
    if len(argv) == 2 + 2 * pairs:
        return True
    return len(argv) == 4 + 2 * pairs and _valid_time(rest[0], rest[1])


def _restore(expected: str, argv: Sequence[bytes], setting: Setting) -> bool:
    if len(argv) < 5:
        return False
    words = [word for _, word in option_words(argv, 4, {b"IDLETIME": 1, b"FREQ": 1})]
    if not set(words) <= {b"REPLACE", b"ABSTTL", b"IDLETIME", b"FREQ"} or b"REPLACE" not in words:
        return False
    ttl = canonical_int(argv[2])
    limit = _INT_MAX if b"ABSTTL" in words else _RELATIVE_MAX
    if ttl is None or not 0 <= ttl <= limit:
        return False
    return _restore_hints_valid(argv) and setting.payload_loads(argv[3])


def _restore_hints_valid(argv: Sequence[bytes]) -> bool:
    """IDLETIME and FREQ exclude each other and have ranges; a bad one refuses the whole command."""
    seen = []
    for index, word in option_words(argv, 4, {b"IDLETIME": 1, b"FREQ": 1}):
        if word not in (b"IDLETIME", b"FREQ"):
            continue
        number = canonical_int(argv[index + 1]) if index + 1 < len(argv) else None
        highest = 255 if word == b"FREQ" else _INT_MAX
        if number is None or not 0 <= number <= highest:
            return False
        seen.append(word)
    return len(seen) <= 1


def _sort(expected: str, argv: Sequence[bytes], setting: Setting) -> bool:
    skip = {b"BY": 1, b"GET": 1, b"LIMIT": 2, b"STORE": 1}
    stores = pattern = False
    for index, word in option_words(argv, 2, skip):
        has_argument = index + 1 < len(argv)
        stores = stores or (word == b"STORE" and has_argument)
        if word in (b"BY", b"GET") and has_argument and b"*" in argv[index + 1]:
            pattern = True
    return expected == ("store,pattern" if pattern else "store,no-pattern") and stores


_KINDS: dict[str, Callable[[Any, Sequence[bytes], Setting], bool]] = {
    "argc": _argc,
    "argc_any": _argc_any,
    "argc_mod": _argc_mod,
    "token": _token,
    "optional_token": _optional_token,
    "int": _int,
    "has": _has,
    "db_at": _db_at,
    "msetex": _msetex,
    "restore": _restore,
    "sort": _sort,
}


def condition_holds(when: Mapping[str, Any], argv: Sequence[bytes], setting: Setting) -> bool:
    """Tell whether all conditions of a form hold for a command.

    Raises:
        KeyError: the table names a kind of condition that is not known here.
    """
    return all(_KINDS[kind](expected, argv, setting) for kind, expected in when.items())
