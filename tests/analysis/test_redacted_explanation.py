"""What an explanation shows to others: structure, and no bytes that only damage makes look like structure."""

from __future__ import annotations

from aoftool.analysis.redact.explain import redacted_explanation
from aoftool.explain.model import Explanation
from aoftool.rdb.grammar.span import Span


def redacted(*spans: Span) -> list[Span]:
    explanation = Explanation("dump.rdb", 10, "RDB record")
    explanation.spans = list(spans)
    return redacted_explanation(explanation).spans


def stream_id(size: int, raw: bytes) -> Span:
    """Return an ID of a node as the grammar cuts it: a length, and as many bytes."""
    parts = [Span("length", 0, 1, str(size), b"\x10"), Span("bytes", 1, 1 + size, raw=raw, raw_start=1)]
    return Span("node ID", 0, 1 + size, children=parts)


def test_the_bytes_of_a_stream_id_stay() -> None:
    (shown,) = redacted(stream_id(16, b"\0" * 16))

    assert [part.raw for part in shown.children] == [b"\x10", b"\0" * 16]


def test_what_damage_makes_a_stream_id_of_is_hidden() -> None:
    (shown,) = redacted(stream_id(10_822, b"secret of a customer"))

    assert [part.raw for part in shown.children] == [b"\x10", b""]


def test_a_short_secret_under_a_label_of_structure_is_no_structure_when_it_is_long() -> None:
    (shown,) = redacted(Span("flags", 0, 200, "secret", b"secret of a customer"))

    assert (shown.value, shown.raw) == ("(hidden)", b"")
