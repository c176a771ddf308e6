"""Key selection."""

from __future__ import annotations

from typing import Any

import pytest

from aoftool.errors import UsageError
from aoftool.keyspace.selection import KeySelection, key_selection


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
def test_bad_patterns_are_usage_errors(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        key_selection(**options)
