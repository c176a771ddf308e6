"""What speaks for the database in which the commands of a file begin.

Servers write a SELECT as the first command behind an RDB part, and as the first of a file. Where it is gone
the database is in doubt, and only the databases that the rest of the log uses can tell more. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aoftool.check.exam_model import FileExam, RdbExam
from aoftool.commands.framing import FRAMING
from aoftool.dataclass import dataclass
from aoftool.rdb.walk.checksum import CHECKSUM_BYTES
from aoftool.resp.model import INHERITED_DB

__all__ = ["Opening", "opening_of"]


# The end mark and the checksum.
_ENDING_BYTES = 1 + CHECKSUM_BYTES


@dataclass(frozen=True)
class Opening:
    """Where the commands of a file begin.

    Attributes:
        named: databases that the RDB parts of the log name, and those that its other files use.
        behind_damage: an RDB part that is damaged stands in front, so the first SELECT may be gone too.
        hidden: the damage covers the end of that part, which may have named other databases.
    """

    named: frozenset[int] = frozenset()
    behind_damage: bool = False
    hidden: bool = False


def opening_of(file: FileExam, files: Iterable[FileExam]) -> Opening:
    """Return what is known where the commands of a file begin.

    Args:
        files: of the whole log, this one among them.
    """
    files = list(files)
    named = frozenset(db for other in files if other.rdb is not None for db in _databases(other.rdb))
    named |= {db for other in files if other is not file for db in _used(other)}
    rdb = file.rdb
    if rdb is None or rdb.sound or rdb.unknown is not None:
        return Opening(named)
    if rdb.checked or rdb.patches:
        # The part is proved, but not what stood behind bytes that were damaged at its very end.
        return Opening(named, any(patch.end > rdb.end - _ENDING_BYTES for patch in rdb.patches))
    return Opening(named, behind_damage=True, hidden=not _reaches_end(rdb))


def _databases(rdb: RdbExam) -> set[int]:
    found = {row.db for row in rdb.readable.counts} | {hint.db for hint in rdb.readable.resize_hints}
    return found | {span.db for span in rdb.salvage.spans} if rdb.salvage is not None else found


def _used(file: FileExam) -> Iterator[int]:
    """Yield the databases in which the commands of a file run that change something."""
    for stretch in [] if file.tail is None else file.tail.stretches:
        for key in stretch.tally.rows:
            if key.db != INHERITED_DB and key.name not in FRAMING:
                yield key.db


def _reaches_end(rdb: RdbExam) -> bool:
    """Tell whether whole records lead to the end mark of a part that is damaged."""
    salvage = rdb.salvage
    return bool(salvage and salvage.spans and salvage.spans[-1].end == salvage.end < rdb.end)
