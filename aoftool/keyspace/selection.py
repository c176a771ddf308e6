"""Which keys are asked for: database, type, name, expire time.

Glob patterns are those of `aoftool.pattern`, matched over bytes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container

from aoftool.dataclass import dataclass
from aoftool.errors import UsageError
from aoftool.escape import shown_path
from aoftool.pattern import compile_glob, typed_pattern
from aoftool.values.types import TYPE_NAMES

__all__ = ["KeySelection", "key_selection", "known_types"]


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

    def may_admit(self, db: int, key: bytes) -> bool:
        """Tell whether a key of which nothing but its place is known may be asked for."""
        if self.databases is not None and db not in self.databases:
            return False
        return self.name is None or self.name.search(key) is not None

    @property
    def admits_all(self) -> bool:
        """Tell whether every key is asked for."""
        return self == KeySelection()


def key_selection(
    *,
    databases: Container[int] | None = None,
    types: Collection[str] | None = None,
    match: str | None = None,
    regex: str | None = None,
    expires_before_ms: int | None = None,
    without_expire: bool = False,
) -> KeySelection:
    """Return a selection from what was typed.

    Raises:
        UsageError: both a glob and a regex, a regex that does not compile, or a type that no key can have.
    """
    if match is not None and regex is not None:
        raise UsageError("--match and --regex exclude each other", hint="use one of them")
    name = None
    if match is not None:
        name = compile_glob(typed_pattern(match))
    elif regex is not None:
        try:
            name = re.compile(regex.encode("utf-8", "surrogateescape"), re.DOTALL)
        except re.error as error:
            raise UsageError(f"--regex does not compile: {error}") from error
    chosen = None if types is None else known_types(types)
    return KeySelection(databases, chosen, name, expires_before_ms, without_expire)


def known_types(names: Collection[str]) -> frozenset[str]:
    """Return names of types; a word that is none would find nothing, and look like an answer.

    Raises:
        UsageError: one is no type.
    """
    wrong = next((name for name in names if name not in TYPE_NAMES), None)
    if wrong is not None:
        raise UsageError(f"there is no type {shown_path(wrong)}", hint=f"use one of {', '.join(TYPE_NAMES)}")
    return frozenset(names)
