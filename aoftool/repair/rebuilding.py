"""Whole keys of a damaged RDB part, written as the commands that make them.

Says the same as the records: functions, scripts of old servers, databases, values, expire times. Two
things no command says: when a key was last used, and when a consumer was last seen. What is kept was
settled by the plan; the same plan gives the same bytes each time.
"""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.check.rdb.excerpt import Excerpt
from aoftool.check.stream.window import Reader
from aoftool.emit.resp_writer import RespWriter
from aoftool.errors import UnsupportedError
from aoftool.files.source import open_source
from aoftool.rdb.encode.encode import encode_string
from aoftool.rdb.encode.targets import find_target
from aoftool.rdb.functions import library_text
from aoftool.rdb.header import RdbHeader, parse_header
from aoftool.rdb.opcodes import AUX, EOF
from aoftool.rdb.walk.checksum import CHECKSUM_SINCE, crc64
from aoftool.repair.model import Rebuild
from aoftool.resp.encode import encode_command, encode_select

__all__ = ["rebuilt_pieces", "rebuilt_size"]


class _Pieces:
    """A sink that hands its pieces on."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def write(self, data: bytes, /) -> None:
        self._held.append(data)

    def taken(self) -> list[bytes]:
        held, self._held = self._held, []
        return held


def rebuilt_size(path: str, rebuild: Rebuild) -> int | None:
    """Return how many bytes the commands take, None when they cannot say everything that is kept."""
    try:
        return sum(len(piece) for piece in rebuilt_pieces(path, rebuild))
    except (UnsupportedError, ValueError):
        return None


def rebuilt_pieces(path: str, rebuild: Rebuild) -> Iterator[bytes]:
    """Yield the commands, in pieces of some 256 KB.

    Raises:
        UnsupportedError, ValueError: a value that no command makes on the target.
    """
    if rebuild.named:
        yield _naming_part(rebuild)
    sink = _Pieces()
    writer = RespWriter(sink, find_target(rebuild.target))
    with open_source(path) as source:
        reader = Reader(source, rebuild.end)
        for code in _functions(reader, rebuild):
            writer.function(code)
        last_db = 0
        for start, end, db in rebuild.spans:
            excerpt = Excerpt(reader, rebuild.magic, start, end, db)
            for record in excerpt:
                if record.start - excerpt.shift in rebuild.skipped:
                    continue
                if record.db != last_db:
                    writer.select(record.db)
                    last_db = record.db
                writer.key(record.key, record.value(), expire_at_ms=record.expire_at_ms)
                yield from sink.taken()
            if not excerpt.whole:
                raise UnsupportedError("records that follow from what was left out", path=path, offset=start)
        writer.close()
        yield from sink.taken()
    for script in rebuild.scripts:
        yield encode_command((b"SCRIPT", b"LOAD", script))
    if last_db and rebuild.followed:
        # Commands behind an RDB part start in database 0.
        yield encode_select(0)


def _naming_part(rebuild: Rebuild) -> bytes:
    """Return an RDB part without keys that names the writer, as which the log is read: no command says it."""
    part = rebuild.magic
    # Without it nothing tells the part from a snapshot, whose end is the end of the data.
    of_a_log = (find_target(rebuild.target).base_field, b"1")
    for name, value in (*rebuild.named, of_a_log):
        part += bytes([AUX]) + encode_string(name, False) + encode_string(value, False)
    part += bytes([EOF])
    header = parse_header(rebuild.magic)
    has_checksum = isinstance(header, RdbHeader) and header.version >= CHECKSUM_SINCE
    return part + (crc64(part).to_bytes(8, "little") if has_checksum else b"")


def _functions(reader: Reader, rebuild: Rebuild) -> Iterator[bytes]:
    for start, end in rebuild.functions:
        yield library_text(reader.at(start, end - start))
