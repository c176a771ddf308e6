"""The other way to read a set without a manifest whose newest base is damaged: an older whole generation.

The newest base holds all that was written before it, and what cannot be read of it is lost; an older base
with every incr file behind it lacks what was written between the copies of these files, if they are of
several. Which of the two loses less, nothing here can know: says what each holds.
"""

from __future__ import annotations

from aoftool.aof.model import FileRole, LogFile
from aoftool.aof.unlisted.lost_lines import files_of
from aoftool.aof.unlisted.without_manifest import assumed_set
from aoftool.check.exam import examine
from aoftool.check.exam_model import FileExam, LogExam
from aoftool.check.model import Finding, Level, Remedy
from aoftool.dataclass import dataclass, replace
from aoftool.units import and_more, counted, format_count

__all__ = ["CODE", "OtherReading", "find_other_reading", "other_reading"]

CODE = "older-generation"
_NAMED = 5


@dataclass(frozen=True)
class OtherReading:
    """A damaged base, and the files that lie there in its place.

    Attributes:
        base: the newest base, which is damaged.
        instead: an older base and the incr files behind it, which are whole.
    """

    base: FileExam
    instead: tuple[FileExam, ...]

    @property
    def newest(self) -> str:
        """What is left of the newest base, in words."""
        return f"{self.base.file.shown_name} is damaged: {_left_of(self.base)}"

    @property
    def older(self) -> str:
        """What lies there in its place, in words."""
        base, *incrs = self.instead
        names = ", ".join(file.file.shown_name for file in incrs[:_NAMED]) + and_more(len(incrs) - _NAMED)
        commands = counted(sum(file.commands for file in incrs), "command")
        return f"{base.file.shown_name} ({_held_by(base)}) with {names} ({commands})"

    @property
    def words(self) -> str:
        """Both in one sentence."""
        return (
            f"{self.newest}; an older generation lies there whole, {self.older}: it lacks what was written"
            " between the copies of these files, if they are of several copies"
        )

    @property
    def by_hand(self) -> str:
        """How to take the older generation."""
        return f"move {self.base.file.shown_name} out of the directory, and ask again"

    @property
    def holds_more(self) -> bool:
        """Whether the older base holds more keys, or commands, than can be read of the newest."""
        return _count(self.instead[0]) > _count(self.base)


def other_reading(exam: LogExam) -> OtherReading | None:
    """Return the older generation in place of a damaged newest base; None where there is none to take.

    Args:
        exam: of a set that no manifest names.
    """
    base = next(iter(exam.files), None)
    if exam.level is Level.QUICK or base is None or base.file.role is not FileRole.BASE or not _is_hurt(base):
        return None
    where = exam.log.directory or exam.log.path
    for older in assumed_set(files_of(exam.log), where).older:
        found = _examined(older, exam)
        if found is not None:
            return OtherReading(base, found)
    return None


def find_other_reading(exam: LogExam) -> Finding | None:
    """Return the finding that names both readings; None where there is one."""
    found = None if exam.log.manifest_path is not None else other_reading(exam)
    if found is None:
        return None
    text = f"{_left_of(found.base)}, and the incr files behind it"
    remedies = [
        Remedy("list the newest base and keep what can be read of it", "--salvage", 0, None, text),
        Remedy("take the older generation", text=found.by_hand, by_hand=True),
    ]
    if found.holds_more:
        remedies.reverse()
    return Finding.of(CODE, found.instead[0].path, found.words, remedies=tuple(remedies))


def _examined(older: tuple[LogFile, ...], exam: LogExam) -> tuple[FileExam, ...] | None:
    """Return the files of an older generation, None where one that the newest does not share is damaged."""
    known = {file.path: file for file in exam.files}
    fresh = [file for file in older if file.path not in known]
    there = {file.path: file for file in examine(replace(exam.log, files=tuple(fresh))).files}
    found = tuple((known | there).get(file.path) for file in older)
    whole = tuple(file for file in found if file is not None)
    if len(whole) < len(older) or any(_is_hurt(file) for file in there.values()):
        return None
    return whole


def _is_hurt(file: FileExam) -> bool:
    """Tell whether something of a file cannot be read, or not for certain."""
    if file.error or file.foreign or file.text is not None:
        return True
    if file.rdb is not None and not (file.rdb.sound or file.rdb.patches):
        return True
    wounds = [] if file.tail is None else file.tail.wounds
    return any(wound.healing is None or not wound.healing.certain for wound in wounds)


def _count(file: FileExam) -> int:
    rdb = file.rdb
    keys = 0 if rdb is None else rdb.keys if rdb.sound or rdb.patches else _kept(file)
    return keys + file.commands


def _kept(file: FileExam) -> int:
    assert file.rdb is not None
    return 0 if file.rdb.salvage is None else file.rdb.salvage.keys


def _held_by(base: FileExam) -> str:
    return counted(base.commands, "command") if base.rdb is None else counted(base.rdb.keys, "key")


def _left_of(base: FileExam) -> str:
    if base.rdb is None:
        return f"{counted(base.commands, 'command')} of it can be read"
    announced = sum(hint.keys for hint in base.rdb.readable.resize_hints)
    kept = _kept(base)
    if announced > kept:
        return f"{format_count(kept)} of {counted(announced, 'key')} can be read"
    return f"{counted(kept, 'key')} of it can be read"
