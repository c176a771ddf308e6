"""Commands in bulk: both implementations give the bytes of the plain encoder."""

from __future__ import annotations

from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoftool.resp.encode import encode_command
from tests.kernels import twins

_TEXTS = st.lists(st.binary(max_size=200), max_size=30)


both = pytest.mark.parametrize("kernel", twins("commands"))


@both
@given(argvs=st.lists(st.lists(st.binary(max_size=200), min_size=1, max_size=5), max_size=10))
def test_commands_stand_behind_each_other(kernel: ModuleType, argvs: list[list[bytes]]) -> None:
    assert kernel.encode_argvs(argvs) == b"".join(map(encode_command, argvs))


@both
@given(items=_TEXTS, count=st.integers(1, 9))
def test_batches_hold_so_many_items(kernel: ModuleType, items: list[bytes], count: int) -> None:
    parts = [items[at : at + count] for at in range(0, len(items), count)]

    made = kernel.encode_batches((b"RPUSH", b"k"), iter(items), count)

    assert made == b"".join(encode_command((b"RPUSH", b"k", *part)) for part in parts)


@both
def test_command_without_name_is_an_error(kernel: ModuleType) -> None:
    with pytest.raises(ValueError, match="at least its name"):
        kernel.encode_argvs([()])


@both
@pytest.mark.parametrize("size", [0, 9, 10, 99, 100, 999, 1000, 99_999, 100_000])
def test_lengths_of_every_width(kernel: ModuleType, size: int) -> None:
    assert kernel.encode_argvs([(b"x" * size,)]) == encode_command((b"x" * size,))
