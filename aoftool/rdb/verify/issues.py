"""Gather what is wrong with one value, with absolute offsets and a limit."""

from __future__ import annotations

from typing import Final

from aoftool.namedtuple import NamedTuple
from aoftool.rdb.damage import MESSAGES, EncodingDamage, RdbIssue
from aoftool.rdb.decode.strings import read_string, string_frame

__all__ = ["ISSUE_LIMIT", "Blob", "IssueList", "open_blob"]

# A ruined value can be wrong in every entry; nobody reads more than this.
ISSUE_LIMIT: Final = 20


class Blob(NamedTuple):
    """A blob taken out of its string.

    Attributes:
        data: the unpacked bytes.
        at: where they stand in the value; where the string stands when it was packed.
        packed: True when offsets inside the blob have no place in the input.
        after: offset in the value after the string.
    """

    data: bytes
    at: int
    packed: bool
    after: int

    def place(self, offset: int) -> int:
        """Return the offset in the value that best shows the byte at an offset of the blob."""
        return self.at if self.packed else self.at + offset


def open_blob(raw: bytes | memoryview, at: int) -> Blob:
    """Return the blob in the string at an offset of a value.

    Raises:
        EncodingDamage: as `aoftool.rdb.decode.strings.read_string`.
    """
    start, _, unpacked = string_frame(raw, at)
    data, after = read_string(raw, at)
    packed = unpacked != -1
    return Blob(data, at if packed else start, packed, after)


class IssueList:
    """Issues of one value, at most `ISSUE_LIMIT`, each code at one place once.

    Args:
        base: absolute offset of the value; the offsets given are counted from there.
    """

    def __init__(self, base: int) -> None:
        self.found: list[RdbIssue] = []
        self._base = base

    def add(self, code: str, at: int, message: str | None = None) -> None:
        """Take an issue at an offset of the value."""
        if len(self.found) < ISSUE_LIMIT:
            self.found.append(RdbIssue(code, self._base + at, message or MESSAGES[code]))

    def add_damage(self, found: EncodingDamage) -> None:
        """Take what a decoder raised while reading the value."""
        if len(self.found) < ISSUE_LIMIT:
            self.found.append(found.in_value(self._base).issue())

    def add_blob(self, blob: Blob, wrong: tuple[str, int] | None) -> None:
        """Take what a blob's own check returned."""
        if wrong is not None:
            self.add(wrong[0], blob.place(wrong[1]))
