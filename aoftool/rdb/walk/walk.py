"""Walk the structure of an RDB part once: its end, its checksum, what it holds, where it breaks.

No value is decoded. Every byte is read once and goes through the checksum; payloads are stepped over
by arithmetic, so memory is constant whatever the sizes inside. The end is found exactly, and the
source is left standing there: an AOF goes on behind its RDB preamble.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

from aoftool.files import Source
from aoftool.progress import Progress, no_progress
from aoftool.rdb.damage import MESSAGES, RdbIssue
from aoftool.rdb.dialects import KNOWN_VERSION, UNMEASURED_TYPES, foreign_writer, meanings, type_since
from aoftool.rdb.header import HEADER_BYTES, parse_header
from aoftool.rdb.opcodes import type_info
from aoftool.rdb.unknown import UnknownItem, find_end
from aoftool.rdb.walk.checksum import CHECKSUM_BYTES, CHECKSUM_SINCE, Checksum, ChecksumState, crc64
from aoftool.rdb.walk.collector import Collector
from aoftool.rdb.walk.feed import AheadFeed, Feed, go_to
from aoftool.rdb.walk.layouts import STOP_CODES
from aoftool.rdb.walk.summary import RdbWalk
from aoftool.rdb.walk.walker import Status, WalkerProtocol, new_walker
from aoftool.units import counted

__all__ = ["TOP_KEYS", "StructurePass", "walk"]

TOP_KEYS = 10
# What a walk stops at where it meets a number that it has no layout for.
_NO_LAYOUT = ("rdb-opcode", "rdb-opcode-layout")


def walk(
    source: Source,
    start: int = 0,
    progress: Progress = no_progress,
    *,
    top: int = TOP_KEYS,
    ahead: bool = False,
) -> RdbWalk:
    """Walk one RDB part and return its structure.

    Args:
        source: left standing behind the part (`end_offset`), or behind the last byte that made
            sense when the part is damaged. A stream may be read to its end where something is unknown.
        start: offset of the magic in the source.
        progress: told of the bytes done, window by window.
        top: how many of the largest keys to name.
        ahead: a thread reads a large file ahead; nobody else may move the source meanwhile.

    Returns:
        The summary; damage is in it as data, and so is what is not known.

    Raises:
        SourceError: the source stands behind `start` and cannot go back.
    """
    one = StructurePass(source, start, progress, top=top, ahead=ahead)
    for _ in one.windows():
        pass
    return one.summary


class StructurePass:
    """One pass over an RDB part, for `walk` and for the reader of records.

    Args:
        source, start, progress, top: as for `walk`.
        rows: gather a row for each key in the walker.
        window_bytes: size of the windows.
        whole: False for a stretch of a part, which no checksum covers: what is not known there counts
            as damage, without a search for the end.
        ahead: a thread reads a large file ahead; see `aoftool.rdb.walk.feed.AheadFeed`.
    """

    def __init__(
        self,
        source: Source,
        start: int,
        progress: Progress = no_progress,
        *,
        top: int = 0,
        rows: bool = False,
        window_bytes: int | None = None,
        whole: bool = True,
        ahead: bool = False,
    ) -> None:
        go_to(source, start)
        self.summary = RdbWalk(start=start, good_end=start)
        self.walker: WalkerProtocol | None = None
        self.collector: Collector | None = None
        self._source = source
        self._progress = progress
        feed = AheadFeed if ahead and source.is_local else Feed
        self._feed = feed(source) if window_bytes is None else feed(source, window_bytes)
        self._crc = 0
        self._whole = whole
        self._open(rows, top)

    def _open(self, rows: bool, top: int) -> None:
        summary = self.summary
        header = parse_header(self._source.peek(HEADER_BYTES), summary.start)
        if isinstance(header, RdbIssue):
            summary.damage = header
            return
        summary.magic, summary.family, summary.version = header
        self._crc = crc64(header.magic)
        self._source.skip(HEADER_BYTES)
        summary.good_end = summary.start + HEADER_BYTES
        threshold = 0 if top else -1
        self.walker = new_walker(header.family, summary.good_end, rows=rows, threshold=threshold)
        self.collector = Collector(summary, self.walker, top)

    def windows(self) -> Generator[tuple[memoryview, int], None, None]:
        """Run the walk.

        Yields:
            (bytes, absolute offset of the first) of each piece that was just walked; the pieces
            follow each other without gap or overlap, up to the EOF opcode or the damage. The bytes
            are valid only until the next step.
        """
        if self.walker is None:
            return
        try:
            yield from self._windows(self.walker)
        finally:
            self._feed.stop()

    def _windows(self, walker: WalkerProtocol) -> Iterator[tuple[memoryview, int]]:
        window = self._feed.window()
        used = 0
        while True:
            before = walker.offset
            status = self._through(walker, window, used)
            size = walker.offset - before
            if size:
                piece = window[used : used + size]
                used += size
                self._crc = crc64(piece, self._crc)
                self._progress(size)
                yield piece, before
            if status == Status.ROWS:
                continue
            if status != Status.MORE:
                break
            rest = len(window) - used
            window = self._feed.window(used)
            used = 0
            if len(window) <= rest:
                self._cut(walker)
                break
        self._close(status, used)

    def _through(self, walker: WalkerProtocol, window: memoryview, used: int) -> int:
        """Walk to the end of the window, the part or the damage, answering what comes up."""
        base = walker.offset - used
        size = len(window)
        while True:
            status = walker.feed(window, walker.offset - base, size)
            if status in (Status.MORE, Status.END, Status.DAMAGE, Status.ROWS):
                return status
            if not self._answer(walker, status):
                return Status.DAMAGE

    def _answer(self, walker: WalkerProtocol, status: int) -> bool:
        collector = self.collector
        assert collector is not None
        if status == Status.OPCODE:
            collector.opcode()
        elif status == Status.LARGE:
            collector.large()
        elif status == Status.DATABASE:
            collector.database()
        elif status == Status.MODULE:
            collector.module()
        elif status == Status.TEMPLATE:
            names = collector.templates.get(walker.template_id)
            if names is None:
                self._damage("rdb-template", walker.item)
                return False
            walker.template_count = len(names)
        return True

    def _damage(self, code: str, offset: int, message: str | None = None) -> None:
        if self.summary.damage is None:
            text = message or MESSAGES[code]
            walker = self.walker
            if walker is not None and offset >= walker.number_at and code != "rdb-checksum":
                text += self._odd_type(walker)
            self.summary.damage = RdbIssue(code, offset, text)

    def _cut(self, walker: WalkerProtocol) -> None:
        if walker.skipping:
            message = f"the input ends {counted(walker.skipping, 'byte')} before the end of this item"
            self._damage("rdb-truncated", walker.item, message)
        elif walker.item == walker.offset:
            message = "the input ends where a type, an opcode or the next part of a value must stand"
            self._damage("rdb-truncated", walker.item, message)
        self._damage("rdb-truncated", walker.item)

    def _close(self, status: int, used: int) -> None:
        walker, summary = self.walker, self.summary
        assert walker is not None
        assert self.collector is not None
        if status == Status.DAMAGE and summary.damage is None:
            self._refused(walker)
        self.collector.close()
        summary.good_end = walker.good_end
        if status == Status.END:
            self._read_checksum(walker.offset, used)
        else:
            self._feed.finish(used)
            if self._whole:
                self._judge_unknown(walker)

    def _judge_unknown(self, walker: WalkerProtocol) -> None:
        """Take what stopped the walk for unknown, not for damage, where there is reason to."""
        summary = self.summary
        damage, family = summary.damage, summary.family
        assert damage is not None
        assert family is not None
        # A type that others use for something else leads astray: then any code may come of it.
        used = {row.type_id for row in summary.counts} | {walker.number}
        newer = summary.version > KNOWN_VERSION[family]
        if damage.code not in _NO_LAYOUT and not newer and not used & UNMEASURED_TYPES[family]:
            return
        end = self._proved_end(walker.offset) if summary.version >= CHECKSUM_SINCE else None
        if end is None and not (newer and damage.code in _NO_LAYOUT):
            return
        state = ChecksumState.UNREAD
        if end is not None:
            state = ChecksumState.OK
            summary.end_offset = end
            summary.checksum = Checksum(state)
        writer = foreign_writer(summary.aux, {walker.number})
        summary.unknown = UnknownItem(
            damage.offset, walker.number, summary.version, meanings(family, walker.number), writer, state
        )
        summary.damage = None

    def _proved_end(self, reached: int) -> int | None:
        """Return where the part ends by its checksum, wherever the walk got to."""
        source, start = self._source, self.summary.start
        end = find_end(source, self._crc)
        if not source.seekable:
            return end
        if end is None:
            source.seek(start)
            end = find_end(source, 0)
        source.seek(reached if end is None else end)
        return end

    def _refused(self, walker: WalkerProtocol) -> None:
        code = STOP_CODES[walker.stop_code]
        message = MESSAGES[code]
        if code in _NO_LAYOUT:
            message = f"{message}: {walker.number}"
        self._damage(code, walker.item, message)

    def _odd_type(self, walker: WalkerProtocol) -> str:
        """Say that the type in work is newer than the part, which no writer mixes; empty when it is not."""
        family, version = self.summary.family, self.summary.version
        if family is None or type_info(family, walker.number) is None:
            return ""
        since = type_since(family, walker.number)
        if since <= version:
            return ""
        place = f"type {walker.number} at offset {walker.number_at}"
        return f"; {place} came with RDB {since}, this is RDB {version}"

    def _read_checksum(self, offset: int, used: int) -> None:
        summary = self.summary
        self._feed.finish(used)
        if summary.version < CHECKSUM_SINCE:
            summary.checksum = Checksum(ChecksumState.ABSENT, computed=self._crc)
            summary.end_offset = summary.good_end = offset
            return
        stored = self._source.peek(CHECKSUM_BYTES)
        self._source.skip(len(stored))
        self._progress(len(stored))
        if len(stored) < CHECKSUM_BYTES:
            summary.checksum = Checksum(ChecksumState.UNREAD, computed=self._crc)
            self._damage("rdb-truncated", offset, "the input ends inside the checksum")
            return
        summary.end_offset = summary.good_end = offset + CHECKSUM_BYTES
        self._judge(int.from_bytes(stored, "little"), offset)

    def _judge(self, stored: int, offset: int) -> None:
        state = ChecksumState.OK
        if stored == 0:
            state = ChecksumState.DISABLED
        elif stored != self._crc:
            state = ChecksumState.WRONG
            message = f"{MESSAGES['rdb-checksum']}: {stored:016x}, {self._crc:016x}"
            self._damage("rdb-checksum", offset, message)
        self.summary.checksum = Checksum(state, stored, self._crc)
