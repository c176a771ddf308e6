"""What speaks for the database in which the commands of a file begin.

Servers write a SELECT as the first command behind an RDB part, and as the first of a file. Where it is gone
the database is in doubt, and only the databases that RDB parts name can tell more. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aoftool.check.exam_model import FileExam, RdbExam
from aoftool.rdb.checksum import CHECKSUM_BYTES

__all__ = ["Opening", "opening_of"]


# The end mark and the checksum.
_ENDING_BYTES = 1 + CHECKSUM_BYTES


@dataclass(frozen=True)
class Opening:
    """Where the commands of a file begin.

    Attributes:
        named: databases that the RDB parts of the log name.
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
    named = frozenset(db for other in files if other.rdb is not None for db in _databases(other.rdb))
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


def _reaches_end(rdb: RdbExam) -> bool:
    """Tell whether whole records lead to the end mark of a part that is damaged."""
    salvage = rdb.salvage
    return bool(salvage and salvage.spans and salvage.spans[-1].end == salvage.end < rdb.end)
