"""Glob patterns and key selection."""

from __future__ import annotations

import pytest

from aoftool.errors import UsageError
from aoftool.keyspace.selection import KeySelection, glob_to_regex, key_selection

# Pattern, key, and whether KEYS of Valkey 9.1.2 lists the key.
MATCHES = [
    (b"*", b"", True),
    (b"a*", b"abc", True),
    (b"a*", b"bac", False),
    (b"a**c", b"abbbc", True),
    (b"h?llo", b"hallo", True),
    (b"h?llo", b"hllo", False),
    (b"h[ae]llo", b"hello", True),
    (b"h[ae]llo", b"hillo", False),
    (b"h[^e]llo", b"hallo", True),
    (b"h[^e]llo", b"hello", False),
    (b"h[a-c]llo", b"hbllo", True),
    (b"h[c-a]llo", b"hbllo", True),
    (rb"a\*", b"a*", True),
    (rb"a\*", b"ab", False),
    (rb"[\]]", b"]", True),
    (b"a\nb", b"a\nb", True),
    (b"?", b"\n", True),
    (b"x[ab", b"xb", True),
    (b"x[]", b"x", False),
    (b"\xff*", b"\xff\x00", True),
    (b"a.c", b"abc", False),
]


@pytest.mark.parametrize(("pattern", "key", "matches"), MATCHES)
def test_a_glob_matches_as_the_server_does(pattern: bytes, key: bytes, matches: bool) -> None:
    found = glob_to_regex(pattern).search(key)

    assert (found is not None) is matches


def test_a_selection_needs_every_condition() -> None:
    selection = key_selection(databases={0}, types={"hash"}, match="user:*", expires_before_ms=100)

    assert selection.admits(0, b"user:1", "hash", 99)
    assert not selection.admits(1, b"user:1", "hash", 99)
    assert not selection.admits(0, b"user:1", "set", 99)
    assert not selection.admits(0, b"x:user:1", "hash", 99)
    assert not selection.admits(0, b"user:1", "hash", 100)
    assert not selection.admits(0, b"user:1", "hash", None)


def test_without_expire_refuses_keys_that_have_one() -> None:
    selection = KeySelection(without_expire=True)

    assert selection.admits(0, b"k", "string", None)
    assert not selection.admits(0, b"k", "string", 5)


def test_a_regex_is_searched_anywhere() -> None:
    selection = key_selection(regex="[0-9]{3}$")

    assert selection.admits(0, b"order:123", "string", None)
    assert not selection.admits(0, b"order:12", "string", None)


@pytest.mark.parametrize("options", [{"match": "a", "regex": "a"}, {"regex": "("}])
def test_bad_patterns_are_usage_errors(options: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        key_selection(**options)
