"""Plain SETs become the same records in compiled code and in the reference."""

from __future__ import annotations

import random

import numpy as np
import pytest

from aoftool.resp.canonical import NotCanonical
from tests import builders
from tests.kernels import both, needs

needs_kernel = needs("texts")


@needs_kernel
@pytest.mark.parametrize("compress", [True, False])
def test_records_of_plain_sets(compress: bool) -> None:
    draw = random.Random(1)
    values = [b"", b"0", b"-1", b"127", b"70000", b"01", b"2147483648", b"x" * 21, b"ab" * 5000, bytes(300)]
    values += [draw.randbytes(draw.randrange(90)) for _ in range(200)]
    base, data, starts = 1000, b"", []
    for value in values:
        starts.append(base + len(data))
        data += builders.command(b"SET", draw.choice(values), value)
        if draw.random() < 0.3:
            data += builders.command("DEL", "between")
    arguments = memoryview(data), base, np.array(starts, np.int64), compress

    reference, kernel = both("texts")

    assert kernel.encode_sets(*arguments) == reference.encode_sets(*arguments)


@needs_kernel
def test_a_leniently_written_set_is_left_to_the_scanner() -> None:
    odd = b"*3\r\n$3\r\nSET\r\n$01\r\nk\r\n$1\r\nv\r\n"
    for encode in [twin.encode_sets for twin in both("texts")]:
        with pytest.raises(NotCanonical):
            encode(memoryview(odd), 0, np.zeros(1, np.int64), True)
