"""Which database the records behind damage are in, where their SELECTDB may be lost.

Writers go through the databases in ascending order and say how many keys each holds.
"""

from __future__ import annotations

from aoftool.check.rdb.salvage_model import RdbSalvage
from aoftool.check.stream.window import Reader
from aoftool.dataclass import replace
from aoftool.rdb.damage import EncodingDamage
from aoftool.rdb.decode.strings import read_length
from aoftool.rdb.opcodes import RESIZEDB

__all__ = ["Databases"]


class Databases:
    """Keep account of databases while the spans of a part are read.

    Attributes:
        current: the database at the end of what was read.
        hints: keys that a database should hold, as its RESIZEDB says.
        seen: keys of it that nothing speaks against.
    """

    def __init__(self, reader: Reader, out: RdbSalvage) -> None:
        self._reader = reader
        self._out = out
        self.current = 0
        self.hints: dict[int, int] = {}
        self.seen: dict[int, int] = {}
        self._is_known = False
        self._named: set[int] = set()
        # Spans whose database rests on how many keys there should be: index and number.
        self._by_count: list[tuple[int, int]] = []

    def add(self, db: int, keys: int) -> None:
        """Count keys behind a SELECTDB that names their database."""
        self._named.add(db)
        self.count(db, keys)

    def count(self, db: int, keys: int) -> None:
        """Count keys of a database."""
        self.seen[db] = self.seen.get(db, 0) + keys

    def go_on_in(self, db: int) -> None:
        """Note the database that the last record of a span is in."""
        self.current, self._is_known = db, True

    def behind(self, start: int, following: int | None) -> bool:
        """Settle the database in which records go on behind damage; tell whether it is sure.

        Args:
            start: where they begin.
            following: the first database that is named behind them.
        """
        before = self.current
        if not self._is_known:
            # The SELECTDB in front of all keys is lost.
            self.current = 0
            return following is None or following == 1
        if following == before + 1:
            return True
        changed = self._says_size(start)
        if before in self.hints and not changed:
            self._by_count.append((len(self._out.spans), before))
            return False
        return not changed and self._named <= {before}

    def settle(self) -> None:
        """Believe in a database as long as it does not hold more keys than it should."""
        for index, db in self._by_count:
            if index < len(self._out.spans) and self.seen[db] <= self.hints[db]:
                span = self._out.spans[index]
                self._out.spans[index] = replace(span, doubt_end=span.start, keys_in_doubt=0)

    def _says_size(self, at: int) -> bool:
        """Tell whether a RESIZEDB stands right in front of a place: a database was opened there."""
        for size in (3, 4, 5, 7, 8, 11):
            data = self._reader.at(at - size, size)
            if len(data) == size and data[0] == RESIZEDB:
                try:
                    keys, place = read_length(data, 1)
                    expiring, place = read_length(data, place)
                except EncodingDamage:
                    continue
                if place == size and expiring <= keys:
                    return True
        return False
