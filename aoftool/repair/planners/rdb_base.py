"""Plans for a damaged RDB part: put bytes right, or keep its whole keys.

What the checksum proves is put right byte by byte. Else the whole keys, before the damage and behind
it, are kept as the commands that make them: a base of commands says its own database, needs no
checksum, and what cannot be read leaves no trace in it. The part stays an RDB, its records kept byte for
byte under a new end mark and checksum, where nothing but these was damaged, where the file is a snapshot,
which cannot hold commands, and where no command can say what the part holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aoftool.aof.model import FileRole
from aoftool.check.exam_model import FileExam, RdbExam
from aoftool.check.rdb.excerpt import crc_over, select_opcode
from aoftool.check.rdb.salvage_model import KeptSpan, LeftOut, RdbSalvage
from aoftool.check.stream.window import Reader
from aoftool.dataclass import replace
from aoftool.escape import printable
from aoftool.files.source import Source
from aoftool.rdb.encode.targets import VERSION_FIELDS, Target, find_target, written_by
from aoftool.rdb.header import HEADER_BYTES
from aoftool.rdb.opcodes import Family
from aoftool.rdb.walk.checksum import CHECKSUM_SINCE, crc64
from aoftool.repair.choice import AfterGap, Choice
from aoftool.repair.draft import Draft
from aoftool.repair.model import Rebuild
from aoftool.repair.rebuilding import rebuilt_size

__all__ = ["plan_rdb"]

_EOF = b"\xff"
_ENDING_BYTES = 9
_IN_DOUBT = "behind damage, before the next SELECTDB: its database is in doubt"
# The family that a version speaks for, when the part does not name its writer.
_BY_VERSION = {
    9: "redis-6.2",
    10: "redis-7.0",
    11: "redis-7.2",
    12: "redis-8.0",
    13: "redis-8.6",
    14: "redis-8.8",
    15: "redis-8.10",
    16: "redis-8.12",
}
Piece = tuple[int, int, int]


def plan_rdb(exam: FileExam, source: Source, draft: Draft, choice: Choice) -> tuple[int, int | None]:
    """Plan the repair of a file's RDB part.

    Returns:
        Keys kept and keys lost; None lost where that cannot be told.
    """
    rdb = exam.rdb
    if rdb is None:
        return 0, 0
    if rdb.unknown is not None:
        draft.not_judged.append(f"the RDB part is kept as it is: it holds {rdb.unknown.message}")
        return rdb.keys, 0
    if rdb.patches:
        for patch in rdb.patches:
            if patch.end:
                reason = "damaged bytes; the checksum proves it"
                draft.put(patch.start, patch.end, patch.data, rdb.code, reason)
            else:
                draft.insert(0, patch.data, rdb.code, "the start that is missing; the checksum proves it")
        return rdb.keys, 0
    salvage = rdb.salvage
    if rdb.sound and (salvage is None or not choice.salvage):
        return rdb.keys, 0
    if not choice.salvage:
        return rdb.keys, None
    if salvage is None:
        if draft.is_given_up:
            return 0, None
        draft.left.append((rdb.code, "the RDB part is damaged in its header; nothing of it can be kept"))
        return 0, None
    return _Keeping(exam, rdb, salvage, source, draft, choice).plan()


class _Keeping:
    """Plan how the whole keys of one part are kept."""

    def __init__(
        self,
        exam: FileExam,
        rdb: RdbExam,
        salvage: RdbSalvage,
        source: Source,
        draft: Draft,
        choice: Choice,
    ) -> None:
        self._exam = exam
        self._rdb = rdb
        self._salvage = salvage
        self._reader = Reader(source, exam.size_bytes)
        self._draft = draft
        self._spans, self._left_out = _after_gaps(salvage, choice.after_gap)

    def plan(self) -> tuple[int, int | None]:
        if self._rdb.sound and self._salvage.stays_rdb(dump=self._rdb.dump) and not self._left_out:
            # Values that only commands could say anew, where they cannot be.
            return self._rdb.keys, 0
        rebuild = None if self._stays_rdb() else self._rebuild()
        if self._rdb.behind_header is not None:
            self._say_header(stays=rebuild is None)
        for part in self._left_out:
            self._draft.drop(part.start, part.end, part.code, part.reason)
        if rebuild is None:
            self._keep_records()
        else:
            self._draft.rebuild = rebuild
        kept = sum(span.keys for span in self._spans)
        announced = sum(hint.keys for hint in self._rdb.readable.resize_hints)
        known = sum(part.keys for part in self._left_out)
        if self._rdb.sound:
            return kept, known
        lost = max(announced - kept, known)
        # What cannot be read held something, and an announcement may have gone with the keys it counts.
        accounted = announced and (lost or all(map(self._is_ending, self._left_out)))
        return kept, lost if accounted else None

    def _say_header(self, *, stays: bool) -> None:
        """Write the header that stood where another now does, or say as what the part was read."""
        magic = self._salvage.magic
        reason = f"the header is destroyed; read as {printable(magic)}: {self._rdb.header_evidence}"
        if stays:
            self._draft.put(0, HEADER_BYTES, magic, self._rdb.code, reason)
        else:
            self._draft.drop(0, HEADER_BYTES, self._rdb.code, reason)

    def _stays_rdb(self) -> bool:
        if self._salvage.stays_rdb(dump=self._rdb.dump):
            return True
        return not self._rdb.sound and all(map(self._is_ending, self._left_out))

    def _is_ending(self, part: LeftOut) -> bool:
        """Tell whether a part is no more than the rest of the end mark and the checksum."""
        short = self._rdb.end - part.start <= _ENDING_BYTES and not part.keys
        return short and self._reader.at(part.start, 1) == _EOF

    def _rebuild(self) -> Rebuild | None:
        """Return the commands to write, None when they cannot say everything."""
        salvage = self._salvage
        rebuild = Rebuild(
            self._rdb.end,
            salvage.magic,
            _writer(self._rdb, multi_part=self._exam.file.role is FileRole.BASE).name,
            tuple((span.start, span.end, span.db) for span in self._spans),
            frozenset(part.start for part in self._left_out if part.keys),
            tuple(salvage.functions),
            tuple(salvage.scripts),
            tuple((name, value) for name, value in self._rdb.readable.aux.items() if name in VERSION_FIELDS),
            self._rdb.end < self._exam.size_bytes,
            sum(span.keys for span in self._spans),
        )
        size = rebuilt_size(self._exam.path, rebuild)
        return None if size is None else replace(rebuild, size_bytes=size)

    # An RDB again

    def _keep_records(self) -> None:
        """Keep the records byte for byte, and end them with a mark and a checksum of their own."""
        value = crc64(self._salvage.magic)
        taken = [(part.start, part.end) for part in self._left_out]
        at = HEADER_BYTES
        for span in self._spans:
            if span.start > HEADER_BYTES:
                opened = select_opcode(span.db)
                self._draft.insert(span.start, opened, "reselect", f"records of database {span.db} follow")
                value = crc64(opened, value)
            for start, end in _without(span, taken):
                value = crc_over(self._reader, start, end, value)
            at = span.end
        ending = _EOF
        if self._rdb.readable.version >= CHECKSUM_SINCE:
            ending += crc64(_EOF, value).to_bytes(8, "little")
        # What is left out behind the last span goes as a part of the end.
        self._draft.edits = [edit for edit in self._draft.edits if not at <= edit.start < self._rdb.end]
        reason = "an end mark and a checksum for what is kept"
        self._draft.replace_lossy(at, self._rdb.end, ending, self._rdb.code or self._left_out[0].code, reason)


def _without(span: KeptSpan, taken: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield what stays of a span."""
    at = span.start
    for start, end in taken:
        if span.start <= start and end <= span.end and start >= at:
            if start > at:
                yield at, start
            at = end
    if at < span.end:
        yield at, span.end


def _after_gaps(salvage: RdbSalvage, rule: AfterGap) -> tuple[list[KeptSpan], list[LeftOut]]:
    """Return what is kept under a rule for records whose database is in doubt, and what is not."""
    spans: list[KeptSpan] = []
    left_out = list(salvage.left_out)
    for number, span in enumerate(salvage.spans):
        if span.doubt_end == span.start or rule is AfterGap.ASSUME:
            spans.append(span)
            continue
        if rule is AfterGap.STOP:
            end = salvage.spans[-1].end
            keys = sum(other.keys for other in salvage.spans[number:])
            left_out = [part for part in left_out if part.start < span.start or part.start >= end]
            left_out.append(LeftOut(span.start, end, "after-gap", _IN_DOUBT, keys))
            break
        left_out = [part for part in left_out if not span.start <= part.start < span.doubt_end]
        left_out.append(LeftOut(span.start, span.doubt_end, "after-gap", _IN_DOUBT, span.keys_in_doubt))
        if span.doubt_end < span.end:
            keys = span.keys - span.keys_in_doubt
            spans.append(KeptSpan(span.doubt_end, span.end, span.db, keys, span.doubt_end))
    return spans, sorted(left_out, key=lambda part: part.start)


def _writer(rdb: RdbExam, *, multi_part: bool) -> Target:
    """Return the family of the server that wrote a part, by its version where it does not say.

    A set of files is loaded by 7.0 at least, also when an older server wrote its base.
    """
    target = _family(rdb)
    return find_target("redis-7.0") if multi_part and not target.listpacks else target


def _family(rdb: RdbExam) -> Target:
    walk = rdb.readable
    named = written_by(walk.aux)
    if named is not None:
        return named[0]
    if walk.family is Family.VALKEY:
        return find_target("valkey-9")
    oldest, newest = min(_BY_VERSION), max(_BY_VERSION)
    return find_target(_BY_VERSION[min(max(walk.version, oldest), newest)])
