"""The text of scores: it reads back, and looks as servers print it; twins agree."""

from __future__ import annotations

from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoftool.rdb.encode import _score_py
from aoftool.rdb.encode.score_text import packed_score
from tests.kernels import twins

_SCORES = st.floats(allow_nan=False) | st.decimals(-(10**9), 10**9, places=3).map(float)


both = pytest.mark.parametrize("kernel", twins("score"))


@both
@given(score=_SCORES, shortest=st.booleans())
def test_text_reads_back(kernel: ModuleType, score: float, shortest: bool) -> None:
    text = kernel.score_text(score, shortest=shortest)

    assert str(float(text)) == str(score)


@both
@given(score=_SCORES, shortest=st.booleans())
def test_twins_agree(kernel: ModuleType, score: float, shortest: bool) -> None:
    assert kernel.score_text(score, shortest=shortest) == _score_py.score_text(score, shortest=shortest)


@both
@pytest.mark.parametrize(
    ("score", "shortest", "digits"),
    [
        (0.1, b"0.1", b"0.10000000000000001"),
        (-0.0, b"-0", b"-0"),
        (1.0, b"1", b"1"),
        (float("-inf"), b"-inf", b"-inf"),
        (1e30, b"1e+30", b"1e+30"),
        (593e9, b"5.93e+11", b"593000000000"),
        (100.0, b"100", b"100"),
        (1e-5, b"0.00001", b"1.0000000000000001e-05"),
        (1.2345e-4, b"1.2345e-4", b"0.00012344999999999999"),
        (3e-300, b"3e-300", b"3.0000000000000002e-300"),
        (123456789012345680000.0, b"123456789012345680000", b"1.2345678901234568e+20"),
        (5e-324, b"5e-324", b"4.9406564584124654e-324"),
        (1.7976931348623157e308, b"1.7976931348623157e+308", b"1.7976931348623157e+308"),
        (0.30000000000000004, b"0.30000000000000004", b"0.30000000000000004"),
    ],
)
def test_text_as_servers_print_it(kernel: ModuleType, score: float, shortest: bytes, digits: bytes) -> None:
    assert kernel.score_text(score, shortest=True) == shortest
    assert kernel.score_text(score, shortest=False) == digits


@pytest.mark.parametrize(("score", "text"), [(2.0**52, b"4503599627370496"), (-0.0, b"-0"), (0.5, b"0.5")])
def test_score_inside_a_ziplist(score: float, text: bytes) -> None:
    assert packed_score(score) == text
