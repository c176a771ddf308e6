"""Option words of commands: what is known of them, and what is known to no release."""

from __future__ import annotations

import pytest

from aoftool.commands.forms import _table, telling_words, unknown_words, words_used


@pytest.mark.parametrize(
    ("line", "unknown"),
    [
        ("SET k v NX GET PXAT 5", []),
        ("SET k v IFNE hello", []),
        ("SET k v IFGT hello", [b"IFGT", b"HELLO"]),
        ("BITOP NAND d a b", [b"NAND"]),
        ("bitop diff1 d a b", []),
        ("XADD s FROB 1-1 f v", [b"FROB"]),
        ("XADD s KEEPREF MAXLEN ~ 5 1-1 f FROB", []),
        ("XGROUP CREATE s g 0 MKSTREAM ENTRIESREAD 5", []),
        ("LPUSH l FROB", []),
        ("JSON.SET k . 1", []),
    ],
)
def test_a_word_that_no_release_has_is_told_from_data(line: str, unknown: list[bytes]) -> None:
    assert unknown_words(line.encode().split(b" "))[: len(unknown) or 9] == unknown


@pytest.mark.parametrize("name", sorted({name.split()[0] for name in _table()}))
def test_a_command_without_arguments_has_no_unknown_words(name: bytes) -> None:
    assert unknown_words([name]) == []


def test_words_tell_the_release_that_brought_them() -> None:
    (word, since), *_ = words_used([b"set", b"k", b"v", b"ifeq", b"x"])

    assert (word, since.redis, since.valkey) == (b"IFEQ", (8, 4), (8, 1))
    assert since.tells


def test_words_that_are_old_in_some_command_are_not_searched_for() -> None:
    words = telling_words()

    assert {b"IFEQ", b"ifne", b"ACKED", b"DIFF1"} <= words
    assert not {b"NX", b"PXAT", b"GET", b"MAXLEN"} & words
