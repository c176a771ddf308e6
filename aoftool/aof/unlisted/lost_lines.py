"""Which data files a manifest that is damaged, or gone, listed: by what is left of it and by numbers.

And which files lie there that a new one does not name, so that nobody can say that nothing is lost. Looks at
names and sizes only.
"""

from __future__ import annotations

from collections.abc import Collection

from aoftool.aof.manifest import FileType
from aoftool.aof.manifest_salvage import parse_file_name
from aoftool.aof.model import FileRole, Log, LogFile
from aoftool.aof.unlisted.without_manifest import assumed_set
from aoftool.errors import InputError

__all__ = ["files_left_out", "files_of", "left_out_anew", "lost_lines"]


def files_of(log: Log) -> list[LogFile]:
    """Return every data file there is, listed or not, each once."""
    known: dict[bytes, LogFile] = {}
    for file in (*log.files, *log.history, *log.unlisted):
        if file.exists:
            known.setdefault(file.name, file)
    return list(known.values())


def lost_lines(listed: Collection[bytes], log: Log, *, broken: bool) -> list[LogFile]:
    """Return the incr files whose line was lost: they fill a gap, or follow a manifest that was cut.

    Args:
        listed: names that are left of the manifest, history among them.
        broken: no server reads it.
    """
    by_name = {file.name: file.sequence for file in log.files if file.role is FileRole.INCR}
    numbers = {number for name in listed if (number := by_name.get(name) or _number(name)) is not None}
    if not numbers:
        return []
    low, high = min(numbers), max(numbers)
    found = []
    for file in log.unlisted:
        number = file.sequence
        if file.role is not FileRole.INCR or number is None or number in numbers:
            continue
        follows_on = broken and number == high + 1
        if low < number < high or follows_on:
            found.append(file)
            numbers.add(number)
            high = max(high, number)
    return found


def _number(name: bytes) -> int | None:
    """Return the number that the name of an incr file says; None for others."""
    parts = parse_file_name(name)
    return None if parts is None or parts.type is not FileType.INCR else parts.sequence


def files_left_out(log: Log, named: Collection[bytes]) -> list[LogFile]:
    """Return the data files that hold something and that none of the names is.

    Not history, and no base that is older than one of the names: that one holds what the other held.
    """
    there = [file for file in files_of(log) if file.role in (FileRole.BASE, FileRole.INCR)]
    newest = max((f.sequence or 0 for f in there if f.role is FileRole.BASE and f.name in named), default=0)
    return [
        file
        for file in there
        if file.size_bytes
        and file.name not in named
        and not (file.role is FileRole.BASE and (file.sequence or 0) < newest)
    ]


def left_out_anew(log: Log) -> bool:
    """Tell whether a manifest made of what lies there would leave out a file that holds something."""
    listed = {file.name for file in (*log.files, *log.history)}
    if log.manifest_path is None or not listed:
        try:
            found = assumed_set(files_of(log), log.directory or log.path)
        except InputError:
            return True
        return bool(found.doubt or files_left_out(log, {file.name for file in found.files}))
    broken = log.manifest is not None and log.manifest.problem is not None
    named = listed | {file.name for file in lost_lines(listed, log, broken=broken)}
    bases = [file for file in log.files if file.role is FileRole.BASE]
    if len(bases) > 1:
        return True  # one of them is listed then
    if not bases:
        found_bases = [file for file in log.unlisted if file.role is FileRole.BASE]
        named |= {file.name for file in sorted(found_bases, key=lambda file: file.sequence or 0)[-1:]}
    return bool(files_left_out(log, named))
