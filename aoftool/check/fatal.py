"""Commands that every server dies of which may have written the log: it cannot start on its own log.

A log in good order is of no use then to whoever has it, so that this is damage, whatever other releases do.
Knows who may have written a log and which commands end which server; finds neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.aof.model import LogKind
from aoftool.check.exam_model import FileExam, LogExam, Spot, SpotKind
from aoftool.check.loaders.targets import TARGETS, Target
from aoftool.rdb.opcodes import Family

if TYPE_CHECKING:
    from aoftool.replay.evidence import Evidence

__all__ = ["fatal_spots", "writers_of"]

_BY_NAME = {target.name: target for target in TARGETS}


def writers_of(exam: LogExam) -> frozenset[str]:
    """Return the names of the releases that may have written a log, and go on with it.

    Empty where nothing known here has written it: then nobody's word counts. A base of a version that the
    release does not read which it names was not written by that one.
    """
    # Here: it brings the replay along, and few logs hold such a command.
    from aoftool.replay.writer import find_writer
    from aoftool.replay.writer_model import Certainty

    writer = find_writer(_fields(exam), _evidence(exam))
    if writer.engine or writer.is_beyond or writer.certainty is Certainty.UNEXPLAINED:
        return frozenset()
    possible = (_BY_NAME[release.name] for release in writer.possible)
    return frozenset(target.name for target in possible if _opens(target, exam))


def fatal_spots(exam: LogExam, file: FileExam) -> list[Spot]:
    """Return the commands of one file that all servers die of which may have written the log, by offset."""
    hurtful = file.census.of(SpotKind.HURTFUL)
    if not hurtful:
        return []
    writers = writers_of(exam)
    if not writers:
        return []
    return sorted((spot for spot in hurtful if writers <= spot.targets), key=lambda spot: spot.start)


def _evidence(exam: LogExam) -> Evidence:
    """Return what the names of the commands say."""
    from aoftool.replay.evidence import Evidence, base_version

    base = exam.files[0].rdb if exam.files else None
    found = Evidence(multi_part=exam.log.kind is LogKind.MULTI_PART)
    found.base = None if base is None else base_version(base.readable)
    for file in exam.files:
        for stretch in [] if file.tail is None else file.tail.stretches:
            found.multi_part = found.multi_part or stretch.tally.annotations.timestamps > 0
            for key in stretch.tally.rows:
                found.add_name(key.name, key.subcommand)
    return found


def _fields(exam: LogExam) -> dict[bytes, bytes]:
    """Return the AUX fields of the base, also of one that is damaged further on."""
    rdb = exam.files[0].rdb if exam.files else None
    return {} if rdb is None else rdb.readable.aux


def _opens(target: Target, exam: LogExam) -> bool:
    """Tell whether a server reads RDB parts of the version that the base has."""
    rdb = exam.files[0].rdb if exam.files else None
    if rdb is None or not rdb.sound:
        return True
    if rdb.walk.family is Family.VALKEY:
        low, high = (target.dump_valkey_rdb or (1, 0)) if rdb.dump else (80, target.valkey_rdb)
        return low <= rdb.walk.version <= high
    return rdb.walk.version <= target.redis_rdb
