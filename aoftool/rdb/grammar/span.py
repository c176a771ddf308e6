"""A piece of a file that is named: what stands at which bytes."""

from __future__ import annotations

from aoftool.dataclass import dataclass, field

__all__ = ["Span"]


@dataclass(slots=True)
class Span:
    """Bytes with a meaning.

    Attributes:
        label: what the bytes are, such as `key` or `listpack entry`; empty for a gap.
        start: offset of the first byte; in the file, or in the unpacked bytes when `unpacked`.
        end: offset after the last byte.
        value: the decoded value as printable text, empty for parts that only hold other parts.
        raw: the first bytes, or those around the wanted offset, from `raw_start` on; cut to some 64.
        raw_start: offset of the first byte of `raw`.
        children: parts in order; they need not cover the span.
        unpacked: offsets count bytes after LZF unpacking, not bytes of the file.
        skipped: for a gap, how many elements it stands for; 0 otherwise.
        problem: what is wrong with the bytes, empty when nothing is.
        hit: whether the wanted offset lies inside; for unpacked bytes, whether the packed byte at
            the wanted offset says something about them.
        wanted: for a hit, the wanted offset, in the count of this span.
    """

    label: str
    start: int
    end: int
    value: str = ""
    raw: bytes = b""
    raw_start: int = 0
    children: list[Span] = field(default_factory=list)
    unpacked: bool = False
    skipped: int = 0
    problem: str = ""
    hit: bool = False
    wanted: int = -1
