"""Under which names, and in which databases, a key is to be shown at each point of a log.

Backwards: a key that came into being by RENAME or COPY was its source before. Forwards: a key that was
renamed or moved lives on elsewhere. A swap moves no key that is asked for by its database: that number then
stands for what was swapped in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aoftool.resp.model import Command

if TYPE_CHECKING:
    from aoftool.analysis.history.lineage import Lineage

__all__ = ["NamesShown"]

_At = tuple[int, int]


class NamesShown:
    """Tell whether a name belongs to the history asked for.

    Args:
        db: only keys asked for in this database; None for all. Sources are looked for in any.
    """

    def __init__(self, lineage: Lineage, db: int | None) -> None:
        self._db = db
        self._asked = {(db, key) for key in lineage.asked}
        self._now = set(self._asked)
        self._sources = _sources(lineage)

    def shows(self, file: int, offset: int, db: int, key: bytes) -> bool:
        """Tell whether to show what a command at a place does to a key of a database."""
        if (None, key) in self._now or (db, key) in self._now:
            return True
        until = self._sources.get(key)
        return until is not None and (file, offset) <= until

    def follow(self, file: int, command: Command) -> None:
        """Go on behind a command that renames or moves."""
        name, argv = command.name, command.argv
        if name in (b"RENAME", b"RENAMENX") and len(argv) == 3:
            self._renamed(command.db, argv[1], argv[2])
        elif name == b"MOVE" and len(argv) == 3 and argv[2].isdigit() and (command.db, argv[1]) in self._now:
            self._now.add((int(argv[2][:9]), argv[1]))

    def asked_places(self, db: int) -> Iterator[tuple[int, bytes]]:
        """Yield the keys asked for, in their database or in the one given."""
        for asked_db, key in self._asked:
            yield db if asked_db is None else asked_db, key

    def _renamed(self, db: int, source: bytes, target: bytes) -> None:
        for place in ((None, source), (db, source)):
            if place in self._now:
                self._now.add((place[0], target))
                if place not in self._asked:
                    self._now.discard(place)


def _sources(lineage: Lineage) -> dict[bytes, _At]:
    """Return for every name that became an asked key how long it is shown: up to where that happened last."""
    until: dict[bytes, _At] = {}
    asked = lineage.asked
    for file, offset, source, target, _ in reversed(lineage.moves):
        at = (file, offset)
        wanted = target in asked or (target in until and at <= until[target])
        if wanted and source not in asked:
            until[source] = max(until.get(source, at), at)
    return until
