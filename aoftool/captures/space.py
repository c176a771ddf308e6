"""df and a list of files with sizes: what there is room for, and what the log takes."""

from __future__ import annotations

from aoftool.captures.lines import Text
from aoftool.captures.numbers import integer
from aoftool.dataclass import dataclass
from aoftool.regex import regex

__all__ = ["FileSystem", "SizedFile", "read_df", "read_files"]

_BLOCKS = {"1024-blocks": 1024, "1K-blocks": 1024, "512-blocks": 512, "1B-blocks": 1}
_ROW = regex(r"(\S+)\s+(\d{1,18})\s+(\d{1,18})\s+(-?\d{1,18})\s+(?:\d{1,3}%|-)\s+(/.*)")
_FILE = regex(r"\s*(\d{1,18})\s+(/?[^\s].*)")


@dataclass(frozen=True, slots=True)
class FileSystem:
    """One row of df in bytes; what is reserved for root counts as used."""

    device: str
    point: str
    size_bytes: int
    free_bytes: int
    where: str


@dataclass(frozen=True, slots=True)
class SizedFile:
    """One file with its size."""

    path: str
    size_bytes: int
    where: str


def read_df(text: Text) -> tuple[FileSystem, ...]:
    """Return the rows of df -Pk; none where the header does not say how large a block is."""
    unit = next((_BLOCKS[word] for line in text.lines[:3] for word in line.split() if word in _BLOCKS), None)
    if unit is None:
        return ()
    found = []
    for index, line in enumerate(text.whole_lines):
        match = _ROW.fullmatch(line.rstrip())
        if match is not None and int(match[4]) <= int(match[2]):
            size, free = int(match[2]) * unit, max(0, int(match[4])) * unit
            found.append(FileSystem(match[1], match[5], size, free, text.where(index)))
    return tuple(found)


def read_files(text: Text) -> tuple[SizedFile, ...]:
    """Return a list of `size path` lines."""
    found = []
    for index, line in enumerate(text.whole_lines):
        match = _FILE.fullmatch(line.rstrip())
        if match is not None and (size := integer(match[1])) is not None:
            found.append(SizedFile(match[2], size, text.where(index)))
    return tuple(found)
