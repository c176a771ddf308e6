"""When a server rewrites a log by itself: at twice its size after the last rewrite, and 64 MiB at least."""

from __future__ import annotations

import pytest

from aoftool.analysis.growth_model import Axis, Bucket, Growth
from aoftool.analysis.model import CommandRow, Overview, RdbPart, RowKind
from aoftool.analysis.next_rewrite import next_rewrite_of
from aoftool.report.contents import next_rewrite_line

MIB = 1 << 20


def overview(size: int, base: int) -> Overview:
    rows = [CommandRow(b"SET", RowKind.COMMAND, 1, size - base, size - base)]
    parts = [RdbPart("a.rdb", "REDIS0012", base, 1, 0, "ok")] if base else []
    return Overview("a", "single", size, [], [], None, None, rows, [], parts)


def growth(seconds: int, size: int) -> Growth:
    bucket = Bucket(0, seconds, 1, size, None, None)
    return Growth(Axis.TIME, "prefix", seconds, 1, size, buckets=[bucket])


@pytest.mark.parametrize(
    ("size", "base", "due", "words"),
    [
        (10 * MIB, 5 * MIB, 64 * MIB, "at 64.0 MiB, 54.0 MiB from now, in 5 min 24 s at the mean pace"),
        (150 * MIB, 100 * MIB, 200 * MIB, "at 200 MiB, 50.0 MiB from now"),
        (200 * MIB, 100 * MIB, 200 * MIB, "due: by default settings (100 % and 64.0 MiB at least)"),
        (10 * MIB, 0, 64 * MIB, "at 64.0 MiB"),
    ],
)
def test_a_rewrite_is_due_at_twice_the_base(size: int, base: int, due: int, words: str) -> None:
    found = next_rewrite_of(overview(size, base), growth(60, 10 * MIB))

    assert found is not None
    assert found.due_bytes == due
    assert words in next_rewrite_line(found)


def test_a_short_log_tells_no_pace() -> None:
    found = next_rewrite_of(overview(10 * MIB, 0), growth(5, 10 * MIB))

    assert found is not None
    assert "pace" not in next_rewrite_line(found)
