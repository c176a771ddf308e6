"""Records that were read well out of a damaged RDB part, and still are not to be kept.

Looks over all spans once they are found: keys that stand there twice, and strings that are fields of a hash
whose start is lost. Knows nothing of where damage is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aoftool.check.rdb.excerpt import Excerpt
from aoftool.check.rdb.salvage_model import KeptSpan, LeftOut, RdbSalvage
from aoftool.check.stream.window import Reader
from aoftool.dataclass import dataclass, replace
from aoftool.rdb.records.record import Record
from aoftool.rdb.verify.across_records import KeyCheck

__all__ = ["EXPIRING_HASHES", "FIELD", "Sifting", "is_plain_string"]

EXPIRING_HASHES = frozenset({22, 24})
"""Types of Redis 7.4 and later whose fields without expire time read like strings with keys."""

FIELD = "a string behind damage; it may be a field of a hash"
"""Why a string is left out that may be none."""

_TWICE = "the same key stands there again; the last one is kept"


def is_plain_string(record: Record) -> bool:
    """Tell whether a record is a string with nothing before its type."""
    return record.type_id == 0 and record.raw()[:1] == b"\0"


@dataclass
class Sifting:
    """Leave records of the spans out.

    Args:
        reader: the file.
        out: its spans; changed.
        seen: keys that are kept in each database; changed.
    """

    reader: Reader
    out: RdbSalvage
    seen: dict[int, int]

    def without_doubles(self) -> None:
        """Leave all but the last record of a key out: a server ends when it meets a key twice."""
        keys = KeyCheck()
        for _, record in self._kept():
            keys.add(record.db, record.key)
        suspects = keys.suspects()
        if not suspects:
            return
        last: dict[tuple[int, bytes], tuple[int, int]] = {}
        doubles = []
        for start, record in self._kept():
            place = record.db, record.key
            if hash(place) in suspects:
                if place in last:
                    self.seen[record.db] -= 1
                    doubles.append(LeftOut(*last[place], "duplicate-key", _TWICE, 1))
                last[place] = start, start + record.size_bytes
        self.out.left_out += doubles
        starts = [double.start for double in doubles]
        self.out.spans = [
            replace(span, keys=span.keys - sum(span.start <= at < span.end for at in starts))
            for span in self.out.spans
        ]

    def _kept(self) -> Iterator[tuple[int, Record]]:
        """Yield the records that are kept so far, with their places in the file."""
        skipped = {one.start for one in self.out.left_out if one.keys}
        for span in self.out.spans:
            for start, record in self._records(span):
                if start not in skipped:
                    yield start, record

    def _records(self, span: KeptSpan) -> Iterator[tuple[int, Record]]:
        excerpt = Excerpt(self.reader, self.out.magic, span.start, span.end, span.db)
        for record in excerpt:
            yield record.start - excerpt.shift, record

    def without_fields(self, announced: Mapping[int, int], code: str) -> None:
        """Leave strings out that follow damage, where there are more keys than were announced.

        Fields of a hash with expire times read like them, and the damage may have taken its start.

        Args:
            announced: keys of each database.
            code: of the finding.
        """
        if not any(self.seen.get(db, 0) > keys for db, keys in announced.items() if keys):
            return
        for number, span in enumerate(self.out.spans[1:], 1):
            count, end = self._leading_strings(span)
            if not count:
                continue
            self.out.left_out = [part for part in self.out.left_out if not span.start <= part.start < end]
            self.out.left_out.append(LeftOut(span.start, end, code, FIELD, count))
            self.seen[span.db] = self.seen.get(span.db, 0) - count
            doubt_end, doubtful = max(span.doubt_end, end), max(span.keys_in_doubt - count, 0)
            self.out.spans[number] = KeptSpan(end, span.end, span.db, span.keys - count, doubt_end, doubtful)

    def _leading_strings(self, span: KeptSpan) -> tuple[int, int]:
        """Return how many strings a span begins with that are kept, and where the last one ends."""
        skipped = {part.start for part in self.out.left_out}
        count, end = 0, span.start
        for start, record in self._records(span):
            if not is_plain_string(record) or record.db != span.db:
                break
            count, end = count + (start not in skipped), start + record.size_bytes
        return count, end
