"""Stand-ins: same length, stable for a salt, different for different originals, never the original."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from aoftool.redaction import RedactMode, Redactor

ALL = Redactor(RedactMode.all, "salt")
NUMBER = re.compile(rb"-?[0-9]+(\.[0-9]+)?")


@given(st.binary(max_size=300))
def test_a_stand_in_has_the_length_of_the_original_and_is_stable(raw: bytes) -> None:
    for hide in (ALL.key, ALL.value):
        assert len(hide(raw)) == len(raw)
        assert hide(raw) == hide(raw)
    again = Redactor(RedactMode.all, "salt")
    assert (again.key(raw), again.value(raw)) == (ALL.key(raw), ALL.value(raw))


@given(st.binary(min_size=4, max_size=300))
def test_a_stand_in_is_never_the_original(raw: bytes) -> None:
    assert ALL.key(raw) != raw
    if not (NUMBER.fullmatch(raw) and not raw.strip(b"-.0")):
        assert ALL.value(raw) != raw


@given(st.lists(st.binary(max_size=24), min_size=2, max_size=20, unique=True))
def test_different_originals_have_different_stand_ins(raws: list[bytes]) -> None:
    assert len(set(map(ALL.key, raws))) == len(raws)
    assert len(set(map(ALL.value, raws))) == len(raws)


@given(st.binary(max_size=40), st.binary(max_size=20), st.binary(max_size=20))
def test_keys_that_begin_alike_have_stand_ins_that_begin_alike(same: bytes, one: bytes, two: bytes) -> None:
    separators = b":{}/.|-_"
    if not (set(same + one) - set(separators)) or not (set(same + two) - set(separators)):
        return  # such a key has no prefix worth counting

    assert ALL.key(same + one)[: len(same)] == ALL.key(same + two)[: len(same)]


def test_separators_of_keys_stay() -> None:
    hidden = ALL.key(b"user:1042:{cart}.items")

    assert [(at, byte) for at, byte in enumerate(hidden) if byte in b":{}."] == [
        (at, byte) for at, byte in enumerate(b"user:1042:{cart}.items") if byte in b":{}."
    ]


@given(
    st.one_of(st.integers().map(str), st.decimals(allow_nan=False, allow_infinity=False).map("{:f}".format))
)
def test_numbers_stay_numbers_of_the_same_form(text: str) -> None:
    raw = text.encode()[:30].rstrip(b".")

    hidden = ALL.value(raw)

    assert NUMBER.fullmatch(hidden)
    assert re.sub(rb"[1-9]", b"x", raw).replace(b"0", b"x") == re.sub(rb"[0-9]", b"x", hidden)
    assert raw.lstrip(b"-").startswith(b"0") == hidden.lstrip(b"-").startswith(b"0")


def test_a_mode_hides_what_it_says() -> None:
    keys, values = Redactor(RedactMode.keys, "s"), Redactor(RedactMode.values, "s")

    assert keys.key(b"secret") != b"secret"
    assert keys.value(b"secret") == b"secret"
    assert values.key(b"secret") == b"secret"
    assert values.value(b"secret") != b"secret"


def test_salts_give_different_stand_ins_and_none_gives_one_for_the_run() -> None:
    one, two = Redactor(RedactMode.all), Redactor(RedactMode.all)

    assert one.key(b"user:1042") != two.key(b"user:1042")
    assert one.key(b"user:1042") == one.key(b"user:1042")
