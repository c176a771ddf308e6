"""Bytes to printable text and back."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aoftool.cells import cell_width
from aoftool.escape import is_clean_text, json_bytes, printable, shorten, shown_name, typed_name, unprintable
from aoftool.pattern import compile_glob, typed_pattern

TRICKY = [
    b"",
    b"plain key:1",
    b"back\\slash",
    b"\\x41",
    b"line\nfeed\r\ttab",
    b"\x1b[31mred\x1b[0m",
    b"\x00\x7f\x80\xff",
    "caf\u00e9 \u65e5\u672c".encode(),
    "\u202eright to left".encode(),
    "\u0085\u2028\ufeff".encode(),
    b"[bold]markup[/bold]",
    b"\xed\xa0\x80 lone surrogate",
]


@pytest.mark.parametrize("raw", TRICKY)
def test_printable_text_reads_back_to_the_same_bytes(raw: bytes) -> None:
    assert unprintable(printable(raw)) == raw


@given(st.binary(max_size=60))
def test_any_bytes_read_back_and_show_no_control_character(raw: bytes) -> None:
    text = printable(raw)

    assert unprintable(text) == raw
    assert not any(unicodedata.category(char)[0] == "C" for char in text)
    assert not any(unicodedata.category(char) in ("Zl", "Zp") for char in text)


@given(st.binary(max_size=200), st.integers(20, 80))
def test_shortened_text_says_the_true_length(raw: bytes, limit: int) -> None:
    text = shorten(raw, limit)

    assert cell_width(text) <= limit + 12
    assert shown_name(raw, limit) == (text if raw else '""')
    if printable(raw) != text:
        assert text.endswith(f"... ({len(raw)} bytes)")


def test_shortening_never_leaves_half_an_escape() -> None:
    for limit in range(20, 60):
        text = shorten(b"\x01" * 100, limit)

        body = text[: text.index("...")]
        assert len(body) % 4 == 0, text


@pytest.mark.parametrize("raw", TRICKY)
def test_json_members_hold_the_exact_bytes(raw: bytes) -> None:
    members = json_bytes("key", raw)

    if is_clean_text(raw):
        assert members == {"key": raw.decode()}
    else:
        import base64

        assert base64.b64decode(members["key_b64"]) == raw


@pytest.mark.parametrize("raw", TRICKY)
def test_a_shown_name_is_a_glob_for_itself(raw: bytes) -> None:
    # What globs mean by these is not taken away from them.
    typed = printable(raw).replace("[", "\\[")

    assert compile_glob(typed_pattern(typed)).match(raw)


@pytest.mark.parametrize(
    ("typed", "key", "matches"),
    [
        ("a\\*b", b"a*b", True),
        ("a\\*b", b"axb", False),
        ("\\x2a", b"*", True),
        ("\\x2a", b"x", False),
        ("[\\n]x", b"\nx", True),
        ("k\\\\*", b"k\\tail", True),
        ("k\udcff*", b"k\xff\xfe", True),
    ],
)
def test_a_typed_glob_quotes_as_shown_names_do(typed: str, key: bytes, matches: bool) -> None:
    assert (compile_glob(typed_pattern(typed)).match(key) is not None) is matches


def test_bytes_of_an_argument_that_is_no_utf_8_stay() -> None:
    assert unprintable("a\udcff\\xfe") == b"a\xff\xfe"


@given(st.binary(max_size=40))
@example(b"")
@example(b'""')
def test_a_name_is_typed_as_it_is_shown(raw: bytes) -> None:
    assert typed_name(shown_name(raw, 400)) == raw
