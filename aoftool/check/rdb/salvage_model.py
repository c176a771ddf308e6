"""What can be kept of an RDB part that cannot be put right, as data.

Knows how spans and what is left out of them fit together; refuses to know how they were found and in
what form they are written again.
"""

from __future__ import annotations

from aoftool.dataclass import dataclass, field

__all__ = ["KeptSpan", "LeftOut", "RdbSalvage"]


@dataclass(frozen=True)
class LeftOut:
    """One stretch that is not kept: damage, or a record.

    Attributes:
        start, end: its span.
        code: as of a finding.
        reason: one sentence for people.
        keys: whole records in it.
    """

    start: int
    end: int
    code: str
    reason: str
    keys: int = 0


@dataclass(frozen=True)
class KeptSpan:
    """Whole records and opcodes that follow each other.

    Attributes:
        start, end: the span; it begins behind the header or where records go on behind damage.
        db: database that is open at its start.
        keys: records in it, those that are left out not counted.
        doubt_end: records before this offset stand in a database that nothing proves; `start` for none.
        keys_in_doubt: how many records stand before it.
    """

    start: int
    end: int
    db: int
    keys: int
    doubt_end: int
    keys_in_doubt: int = 0


@dataclass
class RdbSalvage:
    """What is kept of one part and what is not.

    Attributes:
        magic: magic and version to read the spans by.
        end: where the EOF opcode stands or the file ends; spans end there at the latest.
        spans: ascending.
        left_out: ascending; between the spans, or whole records inside them.
        functions: spans of function libraries, opcode included, the last one of each name.
        scripts: bodies of scripts that Redis 6.2 and older keep in the part.
        wordless: holds what no command can say: data of modules outside of keys and the like.
        doubtful: names of keys whose value was kept although a rule of its encoding is broken.
    """

    magic: bytes
    end: int
    spans: list[KeptSpan] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    functions: list[tuple[int, int]] = field(default_factory=list)
    scripts: list[bytes] = field(default_factory=list)
    wordless: bool = False
    doubtful: list[bytes] = field(default_factory=list)

    @property
    def keys(self) -> int:
        """Return the records that are kept."""
        return sum(span.keys for span in self.spans)

    @property
    def whole(self) -> bool:
        """Tell whether every byte of the part is kept."""
        return not self.left_out

    def stays_rdb(self, *, dump: bool) -> bool:
        """Tell whether what is kept can only be an RDB again, record by record.

        Args:
            dump: the file is a snapshot, which cannot hold commands.
        """
        return dump or self.wordless
