"""Annotation lines are read for what they are, and never for more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoftool.aof.annotations import AnnotationKind, encode_timestamp, parse_annotation


@given(st.integers(0, 10**18 - 1))
def test_timestamp_reads_back(time_s: int) -> None:
    found = parse_annotation(encode_timestamp(time_s))

    assert (found.kind, found.time_s, found.is_canonical) == (AnnotationKind.TIMESTAMP, time_s, True)


@pytest.mark.parametrize(
    ("line", "kind", "time_s", "is_torn"),
    [
        (b"#TS:1700000000\n", AnnotationKind.TIMESTAMP, 1700000000, False),
        (b"#TS:17000", AnnotationKind.TIMESTAMP, 17000, True),
        (b"#TS:17000\r", AnnotationKind.TIMESTAMP, 17000, True),
        (b"#TS:007\r\n", AnnotationKind.TIMESTAMP, 7, False),
        (b"#TS:\r\n", AnnotationKind.BAD_TIMESTAMP, None, False),
        (b"#TS:-5\r\n", AnnotationKind.BAD_TIMESTAMP, None, False),
        (b"#TS:12x\r\n", AnnotationKind.BAD_TIMESTAMP, None, False),
        (b"#TS:" + b"9" * 500 + b"\r\n", AnnotationKind.BAD_TIMESTAMP, None, False),
        (b"#ts:5\r\n", AnnotationKind.OTHER, None, False),
        (b"#\r\n", AnnotationKind.OTHER, None, False),
        (b"#", AnnotationKind.OTHER, None, True),
        (b"#HDR:v1;len:5;checksum:1;\r\n", AnnotationKind.OTHER, None, False),
    ],
)
def test_other_lines_are_told_apart(
    line: bytes, kind: AnnotationKind, time_s: int | None, is_torn: bool
) -> None:
    found = parse_annotation(line)

    assert (found.kind, found.time_s, found.is_torn) == (kind, time_s, is_torn)
    assert not found.is_canonical


@pytest.mark.parametrize("torn", [b"#TS:17000", b"#TS:", b"#TS:1700000000"])
def test_glued_line_shows_its_seam(torn: bytes) -> None:
    found = parse_annotation(torn + b"*2\r\n")

    assert (found.kind, found.glued_at) == (AnnotationKind.GLUED, len(torn))


@given(st.binary(max_size=60))
def test_any_line_is_read(rest: bytes) -> None:
    found = parse_annotation(b"#" + rest)

    assert (found.time_s is not None) == (found.kind is AnnotationKind.TIMESTAMP)
