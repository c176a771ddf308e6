"""What an explanation is made of: labelled spans of bytes, and facts about the place.

Plain records for whoever shows them; nothing here reads or renders.
"""

from __future__ import annotations

from aoftool.dataclass import dataclass, field
from aoftool.rdb.grammar.span import Span

__all__ = ["Explanation", "Span"]


@dataclass(slots=True)
class Explanation:
    """What stands at one place of a file.

    Attributes:
        name: the file, printable.
        offset: the wanted byte, or the first byte of what was found by key.
        part: what part of the file it lies in, such as `RDB record` or `command`.
        facts: pairs of (name, text) about the place, in reading order.
        spans: the whole part, labelled.
        problem: why the part could not be read to its end, empty when it could.
    """

    name: str
    offset: int
    part: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    problem: str = ""
