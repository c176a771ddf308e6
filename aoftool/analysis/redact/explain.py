"""An explanation as it may be shown to others: the structure of the bytes, and nothing of what they say.

Lengths, counts, encodings, times and stream IDs stay; keys, members and numbers that somebody stored go, and
so do the bytes they stand in. What is quoted as text was hidden when quoted (`aoftool.escape.excerpt`).
Which label means structure is listed here; anything else is hidden.
"""

from __future__ import annotations

from aoftool.dataclass import replace
from aoftool.explain.model import Explanation
from aoftool.rdb.grammar.span import Span
from aoftool.regex import regex

__all__ = ["redacted_explanation"]

_HIDDEN = "(hidden)"
# Of what means structure nothing is longer: a stream ID has 16 bytes and a length. More was taken for it by
# damage, and may be contents.
_STRUCTURE_BYTES = 32
_OPEN_PARTS = frozenset(("RDB header", "RDB checksum"))
_STRUCTURE = frozenset(
    """argument count; arguments; bytes per member; command; CRC64; database; deleted entries; delivery
    count; delivery time; elements; encoding; end of file; entries added; entries read; expire time;
    fields; first ID; flags; greatest deleted ID; idle seconds; keys; keys with expire time; last
    delivered ID; last ID; least expire time; least expire time (a hint); length; LFU counter; line end;
    listpack bytes; listpack entries; listpack entries of this stream entry; live entries; magic; master
    entry ends; members; members; milliseconds after the node's ID; node ID; nodes; number of master
    fields; number of pairs; offset of the last entry; opcode; packed length; pairs; pairs (254 and
    more: unknown); RDB version; seen time; sequence after the node's ID; unpacked length; value type;
    ziplist bytes; ziplist entries""".replace("\n    ", " ").split("; ")
)
_QUOTED = regex(r"""b?'.*'|b?".*\"""")


def redacted_explanation(explanation: Explanation) -> Explanation:
    """Return an explanation without contents."""
    if explanation.part in _OPEN_PARTS or _is_about_the_writer(explanation):
        return explanation
    return replace(
        explanation,
        spans=[_redacted(span, is_kept=False) for span in explanation.spans],
        problem=_QUOTED.sub(_HIDDEN, explanation.problem),
    )


def _is_about_the_writer(explanation: Explanation) -> bool:
    """Tell whether it is an aux field: version, time and settings of the server."""
    first = next(iter(explanation.spans), None)
    return first is not None and first.label == "opcode" and "(aux)" in first.value


def _redacted(span: Span, *, is_kept: bool) -> Span:
    """Return a span and its parts without contents.

    Args:
        is_kept: it is part of something that stays.
    """
    is_id = span.label.endswith(" ID")
    is_short = span.end - span.start <= _STRUCTURE_BYTES or bool(span.children and not is_id)
    known = is_short and (is_kept or span.label in _STRUCTURE)
    # Parts of a stream ID are a length and bytes.
    inside = is_short and (is_kept or is_id)
    quoted = span.value.startswith('"')
    return replace(
        span,
        value=span.value if known or quoted or not span.value else _HIDDEN,
        raw=span.raw if known else b"",
        problem=_QUOTED.sub(_HIDDEN, span.problem),
        children=[_redacted(child, is_kept=inside) for child in span.children],
    )
