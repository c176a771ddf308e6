"""What time a log covers, where its annotations stand in odd places."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.aof.span import span_of
from tests.builders import command, log, timestamp

WRITE = command("SET", "k", "v")


@pytest.mark.parametrize(
    ("raw", "first", "last"),
    [
        (timestamp(100) + WRITE + timestamp(200) + WRITE, 100, 200),
        # Two in a row: each is one.
        (timestamp(100) + timestamp(150) + WRITE + timestamp(200) + timestamp(300), 100, 300),
        # A line within a value, one behind other bytes, and one too long are none.
        (timestamp(100) + command("SET", "k", "x#TS:900\r\ny"), 100, 100),
        (command("SET", "k", "x\r\n#TS:900\r\ny") + timestamp(100) + WRITE, 100, 100),
        (timestamp(100) + command("SET", "k", "\r\n#TS:123456789012\r\n*"), 100, 100),
    ],
)
def test_annotations_stand_at_the_start_of_a_line(raw: bytes, first: int, last: int, tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(raw)

    span = span_of(find_log(str(path)))

    assert span is not None
    assert (span.first_s, span.last_s, span.exact) == (first, last, True)


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 7, 9 << 20])
def test_the_last_one_is_found_from_the_end_on(size: int, tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(timestamp(100) + timestamp(200) + log(("SET", "k", "x" * size)))

    span = span_of(find_log(str(path)))

    assert span is not None
    assert (span.first_s, span.last_s) == (100, 200)
