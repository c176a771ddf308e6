"""Where the keys of a command are: the servers' key specifications, evaluated.

Two commands have places that no specification describes, SORT and MIGRATE; they are spelled out
here. Source: Valkey 8.0 src/db.c getKeysUsingKeySpecs, sortGetKeys, migrateGetKeys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aoftool.dataclass import dataclass
from aoftool.regex import regex

__all__ = ["KeyRule", "find_keys"]

_COUNT = regex(rb"0|[1-9][0-9]{0,9}")
# Words of SORT that take arguments, with how many.
_SORT_WORDS = {b"LIMIT": 2, b"GET": 1, b"BY": 1}


@dataclass(frozen=True, slots=True)
class KeyRule:
    """Hold one key specification.

    Attributes:
        index: position where the keys begin; None when a keyword tells.
        keyword: the word before them, in upper case; None when `index` tells.
        search_from: where the search for the keyword starts; negative counts from the end, backwards.
        last: last key, relative to the first, or when negative to the end of the command.
        step: distance of two keys.
        limit: of the arguments to the end only one part in so many are keys; 0 for all.
        count_at: position of the number of keys, relative to the beginning; None when there is none.
        first: first key after the number, relative to the beginning.
        access: RO, RW, OW or RM as the server declares it; empty when it does not.
        known: false for places that no rule describes.
    """

    index: int | None
    keyword: bytes | None
    search_from: int
    last: int
    step: int
    limit: int
    count_at: int | None
    first: int
    access: str
    known: bool

    @classmethod
    def from_json(cls, rule: list[Any]) -> KeyRule:
        """Return the rule that `commands.json` holds as `[begin, find, access]`."""
        begin, find, access = rule
        index = begin if isinstance(begin, int) else None
        keyword, search_from = (begin[0].encode(), begin[1]) if isinstance(begin, list) else (None, 0)
        known = begin is not None and find is not None
        if known and find[0] == "count":
            _, count_at, first, step = find
            return cls(index, keyword, search_from, 0, step, 0, count_at, first, access, known)
        last, step, limit = find or (0, 1, 0)
        return cls(index, keyword, search_from, last, step, limit, None, 0, access, known)

    def positions(self, argv: Sequence[bytes]) -> range:
        """Return where this rule finds keys; empty when the command does not fit it."""
        begin = self._begin(argv)
        if begin is None:
            return range(0)
        span = self._span(begin, argv)
        if span is None:
            return range(0)
        first, last = span
        if first < 1 or last < first or last >= len(argv):
            return range(0)
        return range(first, last + 1, self.step)

    def _begin(self, argv: Sequence[bytes]) -> int | None:
        if not self.known:
            return None
        if self.keyword is None:
            return self.index
        if self.search_from > 0:
            places = range(self.search_from, len(argv))
        else:
            places = range(len(argv) + self.search_from, 0, -1)
        return next((at + 1 for at in places if argv[at].upper() == self.keyword), None)

    def _span(self, begin: int, argv: Sequence[bytes]) -> tuple[int, int] | None:
        if self.count_at is None:
            if self.last >= 0:
                return begin, begin + self.last
            if self.limit == 0:
                return begin, len(argv) + self.last
            return begin, begin + (len(argv) - begin) // self.limit + self.last
        at = begin + self.count_at
        if at >= len(argv) or not _COUNT.fullmatch(argv[at]):
            return None
        first = begin + self.first
        return first, first + (int(argv[at]) - 1) * self.step


def find_keys(name: bytes, rules: Sequence[KeyRule], argv: Sequence[bytes]) -> list[int]:
    """Return the positions of all keys of a command, ascending, each once."""
    found = {at for rule in rules for at in rule.positions(argv)}
    if name == b"SORT":
        found |= _sort_destination(argv)
    elif name == b"MIGRATE" and len(argv) > 3 and not argv[3]:
        # The single key is empty when KEYS lists several.
        found.discard(3)
    return sorted(found)


def _sort_destination(argv: Sequence[bytes]) -> set[int]:
    """Return the place of the destination: behind the last STORE that is no argument itself."""
    found: set[int] = set()
    at = 2
    while at < len(argv):
        word = argv[at].upper()
        if word == b"STORE" and at + 1 < len(argv):
            found = {at + 1}
            at += 1
        at += 1 + _SORT_WORDS.get(word, 0)
    return found
