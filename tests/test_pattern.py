"""Key patterns against KEYS of real servers."""

from __future__ import annotations

import itertools
import random

import pytest

from aoftool.pattern import compile_glob, literal_of, typed_pattern
from tests.servers import Server

ALPHABET = [b"*", b"**", b"?", b"[", b"]", b"^", b"-", b"\\", b"a", b"b", b"c"]
ALPHABET += [b"[^a]", b"[a-c]", b"[c-a]", b"\\*", b"\xff"]
KEYS = [bytes(key) for size in range(4) for key in itertools.product(b"abc^-*", repeat=size)]
KEYS += [b"\\", b"]", b"[", b"?", b"a]", b"[a", b"a\\", b"\xff", b"a\xff", b"\n", b"a\nb", b"x*"]
KEYS += [b"ka", b"k^", b"kb"]

# Pattern, key, and whether KEYS of Valkey 9.1.2 lists the key.
MATCHES = [
    (b"*", b"", True),
    (b"**", b"", False),
    (b"**", b"a", True),
    (b"", b"", True),
    (b"k[^a]", b"ka", False),
    (b"k[^a]", b"kb", True),
    (rb"a\*b", b"a*b", True),
    (rb"a\*b", b"axb", False),
    (b"x[ab", b"xb", True),
    (b"x[]", b"x", False),
    (b"[a-]", b"]", True),
]


def random_pattern(choose: random.Random) -> bytes:
    return b"".join(choose.choices(ALPHABET, k=choose.randrange(1, 6)))


def test_patterns_list_the_keys_that_the_server_lists(live_server: Server) -> None:
    live_server.pipeline([("SET", key, "1") for key in KEYS])
    choose = random.Random(33)
    patterns = [pattern for pattern, _, _ in MATCHES] + [random_pattern(choose) for _ in range(1500)]

    replies = live_server.pipeline([("KEYS", each) for each in patterns])
    for pattern, listed in zip(patterns, replies, strict=True):
        regex = compile_glob(pattern)
        assert {key for key in KEYS if regex.search(key)} == set(listed), pattern


@pytest.mark.parametrize(("pattern", "key", "matches"), MATCHES)
def test_a_glob_matches_as_the_server_does(pattern: bytes, key: bytes, matches: bool) -> None:
    assert (compile_glob(pattern).match(key) is not None) is matches


def test_every_match_holds_the_literal() -> None:
    choose = random.Random(34)
    for _ in range(2000):
        pattern = random_pattern(choose)
        literal, at_start = literal_of(pattern)
        regex = compile_glob(pattern)
        for key in KEYS:
            if regex.match(key):
                assert key.startswith(literal) if at_start else literal in key, pattern


@pytest.mark.parametrize(
    ("text", "key", "matches"),
    [
        (r"bin:\xff*", b"bin:\xffab", True),
        (r"a\x2a", b"a*", True),
        (r"a\x2a", b"ab", False),
        (r"a\\x2a", rb"a\x2a", True),
        (r"a\*b", b"axb", False),
        (r"a\*b", b"a*b", True),
        (r"\x4", b"x4", True),
        ("ü*", "übung".encode(), True),
        ("\udcff", b"\xff", True),
    ],
)
def test_a_typed_pattern_takes_bytes_as_they_are_shown(text: str, key: bytes, matches: bool) -> None:
    assert (compile_glob(typed_pattern(text)).match(key) is not None) is matches
