"""Plans for a damaged RDB part: put bytes right, or keep its whole keys.

What the checksum proves is put right byte by byte. Else the whole records are kept as they stand, byte
for byte, under the old header, with an end mark and a checksum of their own: nothing is decoded and
encoded anew, so expire times, encodings and module values stay what they were.
"""

from __future__ import annotations

from aoftool.check.exam_model import FileExam
from aoftool.check.reader import BLOCK_BYTES, Reader
from aoftool.files.source import Source
from aoftool.rdb.checksum import CHECKSUM_SINCE, crc64
from aoftool.rdb.header import HEADER_BYTES
from aoftool.repair.draft import Draft
from aoftool.repair.model import Choice

__all__ = ["plan_rdb"]

_EOF = b"\xff"


def plan_rdb(exam: FileExam, source: Source, draft: Draft, choice: Choice) -> tuple[int, int | None]:
    """Plan the repair of a file's RDB part.

    Returns:
        Keys kept and keys lost; None lost where that cannot be told.
    """
    rdb = exam.rdb
    if rdb is None:
        return 0, 0
    if rdb.sound:
        return rdb.keys, 0
    if rdb.patches:
        for patch in rdb.patches:
            draft.put(patch.start, patch.end, patch.data, rdb.code, "damaged bytes; the checksum proves it")
        return rdb.keys, 0
    if not choice.salvage:
        draft.left.append((rdb.code, "the RDB part is damaged; --salvage keeps its whole keys"))
        return rdb.keys, None
    if rdb.walk.family is None or rdb.walk.version == 0:
        draft.left.append((rdb.code, "the RDB part is damaged in its header; nothing of it can be kept"))
        return 0, None
    _keep_whole_keys(exam, Reader(source, exam.size_bytes), draft)
    announced = sum(hint.keys for hint in rdb.walk.resize_hints)
    return rdb.keys_kept, max(announced - rdb.keys_kept, 0) if announced else None


def _keep_whole_keys(exam: FileExam, reader: Reader, draft: Draft) -> None:
    rdb = exam.rdb
    assert rdb is not None
    at = HEADER_BYTES
    value = crc64(reader.at(0, HEADER_BYTES))
    for start, end in rdb.kept:
        draft.drop(at, start, rdb.code, "a key that cannot be read")
        value = _crc_over(reader, start, end, value)
        at = end
    ending = _EOF
    if rdb.walk.version >= CHECKSUM_SINCE:
        ending += crc64(_EOF, value).to_bytes(8, "little")
    reason = "what follows the whole keys is damaged; an end mark and a checksum take its place"
    draft.replace_lossy(at, rdb.end, ending, rdb.code, reason)


def _crc_over(reader: Reader, start: int, end: int, value: int) -> int:
    while start < end:
        piece = reader.at(start, min(BLOCK_BYTES, end - start))
        if not piece:
            break
        value = crc64(piece, value)
        start += len(piece)
    return value
