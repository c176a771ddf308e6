"""Plans for blocks of commands that stand in a log twice in a row, whole.

Nothing in such a file is damaged, and a log may say the same thing twice; so this is done on request
only, and only for two commands or more that are followed by the very same bytes.
"""

from __future__ import annotations

from aoftool.check.exam_model import FileExam
from aoftool.check.stream.window import BLOCK_BYTES, Reader
from aoftool.files.source import Source
from aoftool.repair.draft import Draft
from aoftool.resp.batch import BatchReader

__all__ = ["plan_duplicates"]

_LEAST_COMMANDS = 2
_LEAST_BYTES = 64
_FAR = 1 << 20


def plan_duplicates(exam: FileExam, source: Source, draft: Draft) -> int:
    """Plan to take the second of two equal neighbouring blocks out; return how many commands go."""
    if exam.tail is None:
        return 0
    reader = Reader(source, exam.size_bytes)
    dropped = 0
    for start, end, commands in _repeats(exam, source, reader):
        draft.drop(start, end, "duplicate-block", "the same commands stand right before", commands)
        dropped += commands
    return dropped


def _repeats(exam: FileExam, source: Source, reader: Reader) -> list[tuple[int, int, int]]:
    """Return (start, end, commands) of blocks that repeat the bytes right before them."""
    assert exam.tail is not None
    found: list[tuple[int, int, int]] = []
    for stretch in exam.tail.stretches:
        seen: dict[bytes, int] = {}
        offsets: list[int] = []
        skip_to = 0
        for batch in BatchReader(source, start=stretch.start, end=stretch.end):
            for start, length in zip(batch.offset.tolist(), batch.length.tolist(), strict=True):
                if start < skip_to:
                    continue
                mark = reader.at(start, min(length, 256))
                before = seen.get(mark)
                seen[mark] = start
                offsets.append(start)
                size = 0 if before is None else start - before
                if before is None or not _LEAST_BYTES <= size <= _FAR:
                    continue
                if start + size <= stretch.end and _same(reader, before, start, size):
                    commands = _count(offsets, before, start)
                    if commands >= _LEAST_COMMANDS:
                        found.append((start, start + size, commands))
                        skip_to = start + size
            if len(seen) > 1 << 16:
                seen.clear()
                del offsets[:-4096]
    return found


def _same(reader: Reader, one: int, two: int, size: int) -> bool:
    for at in range(0, size, BLOCK_BYTES):
        piece = min(BLOCK_BYTES, size - at)
        if reader.at(one + at, piece) != reader.at(two + at, piece):
            return False
    return True


def _count(offsets: list[int], start: int, end: int) -> int:
    count = 0
    for offset in reversed(offsets):
        if offset < start:
            break
        count += start <= offset < end
    return count
