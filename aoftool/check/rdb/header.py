"""The header of an RDB part whose first bytes are destroyed: which one stood there.

A part may lose its first bytes and be whole behind them. That it is one shows by the name of its file, by
the fields that follow the header, or by records in front of all commands; which version wrote it, by its
checksum, by the fields, or by the types of its records. Knows nothing of what is kept of a part.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from aoftool.check.rdb.excerpt import Excerpt, RdbPlace, crc_over
from aoftool.check.rdb.habits import Habits, written_types
from aoftool.check.rdb.resync import find_start
from aoftool.check.rdb.salvage import salvage_records
from aoftool.check.stream.resync import openings
from aoftool.check.stream.window import Reader
from aoftool.rdb.damage import EncodingDamage
from aoftool.rdb.decode.strings import read_string
from aoftool.rdb.encode.targets import TARGETS, written_by
from aoftool.rdb.header import HEADER_BYTES, RdbHeader, is_rdb, parse_header
from aoftool.rdb.walk.checksum import CHECKSUM_BYTES, crc64
from aoftool.regex import regex

__all__ = ["holds_keys", "likely_header", "lost_its_header", "proved_header", "proved_start"]

# Bytes of a file in which the fields of an RDB part are looked for.
_HEAD_BYTES = 4096
_FIELDS = regex(
    rb"\xfa(?:\x09redis-ver|\x0avalkey-ver|\x0aredis-bits|\x05ctime|\x08used-mem|\x08aof-base|\x0caof-preamble)"
)
_VERSIONS = regex(rb"\xfa[\x09\x0a](redis-ver|valkey-ver)")
_NEAR = 2
_SHORTEST_MAGIC = 7
_AUX_OPCODE = 0xFA
_EOF = b"\xff"
# The oldest first: where nothing speaks for a later one, every server reads it.
_HEADERS = tuple(sorted({target.header for target in TARGETS.values()}, key=lambda head: int(head[-3:])))
# Between them they write every type.
_TYPICAL = (b"REDIS0009", b"REDIS0012", b"VALKEY080")
_FUNCTIONS_SINCE = 10
_WITH_VECTORS = frozenset(target.header for target in TARGETS.values() if target.vector_sets)
_VECTORS = "vectorset"
_MODULE = 7
# Bytes in which records are looked at to tell versions apart, and up to which all headers are tried against
# a checksum.
_SAMPLE_BYTES = 1 << 20
_PROOF_BYTES = 1 << 28
# Bytes in which records in front of all commands are looked for.
_SEARCHED_BYTES = 1 << 14


def lost_its_header(reader: Reader, *, named_rdb: bool) -> bool:
    """Tell whether a file begins with an RDB part whose magic is destroyed.

    Args:
        named_rdb: its manifest or its name calls it an RDB.
    """
    head = reader.at(0, _HEAD_BYTES)
    if len(head) <= HEADER_BYTES or is_rdb(head) or head[:1] in (b"*", b"#"):
        return False
    if named_rdb or _is_near_magic(head) or _FIELDS.search(head) is not None:
        return True
    return _holds_records(reader)


def _holds_records(reader: Reader) -> bool:
    """Tell whether records stand in front of the first thing that begins like a command."""
    size = min(reader.size_bytes, _SEARCHED_BYTES)
    end = next(openings(reader, 0, size), size)
    for magic in _TYPICAL:
        header = parse_header(magic)
        assert isinstance(header, RdbHeader)
        place = _place(reader, magic, end)
        if find_start(place, 0, Habits(header.family, header.version), strings=True) is not None:
            return True
    return False


def holds_keys(reader: Reader) -> bool:
    """Tell whether whole keys can be read anywhere in what is named an RDB, with one header or another."""
    magic, _ = likely_header(reader, reader.size_bytes)
    header = parse_header(magic)
    assert isinstance(header, RdbHeader)
    place = _place(reader, magic, reader.size_bytes)
    return salvage_records(place, Habits(header.family, header.version), "").keys > 0


def _place(reader: Reader, magic: bytes, end: int) -> RdbPlace:
    """Return a part up to `end`, with its end mark if one stands there."""
    mark = end - CHECKSUM_BYTES - 1
    return RdbPlace(reader, magic, end, mark if reader.at(mark, 1) == _EOF else None)


def _is_near_magic(head: bytes) -> bool:
    """Tell whether a magic lost a byte or two to damage."""
    if head[HEADER_BYTES] != _AUX_OPCODE:
        return False
    magics = (header[:_SHORTEST_MAGIC] for header in _HEADERS)
    return any(sum(a != b for a, b in zip(head, magic, strict=False)) <= _NEAR for magic in magics)


def proved_header(reader: Reader, likely: bytes, end: int) -> bytes | None:
    """Return the header with which a part up to `end` agrees with its checksum, None when none does.

    Args:
        likely: is tried first, and alone where the part is large.
    """
    stored = int.from_bytes(reader.at(end - CHECKSUM_BYTES, CHECKSUM_BYTES), "little")
    if not stored or end < HEADER_BYTES + CHECKSUM_BYTES:
        return None
    others = _HEADERS if end <= _PROOF_BYTES else ()
    for header in (likely, *(other for other in others if other != likely)):
        if crc_over(reader, HEADER_BYTES, end - CHECKSUM_BYTES, crc64(header)) == stored:
            return header
    return None


def proved_start(reader: Reader, end: int) -> bytes | None:
    """Return the bytes that are missing in front of a part up to `end`; None when no checksum proves any.

    A copy that began too late lost the start of the header, or all of it; the first byte then is one of the
    header's, or the opcode behind it.
    """
    stored = int.from_bytes(reader.at(end - CHECKSUM_BYTES, CHECKSUM_BYTES), "little")
    if not stored or end <= HEADER_BYTES + CHECKSUM_BYTES:
        return None
    head = reader.at(0, HEADER_BYTES)
    starts = {
        header[:lost]
        for header in _any_header(head)
        for lost in range(1, HEADER_BYTES + 1)
        if head.startswith(header[lost:])
    }
    # The longest rest of a header is the surest, and all that is tried where the part is large.
    tried = sorted(starts, key=len)[: None if end <= _PROOF_BYTES else 1]
    for start in tried:
        if crc_over(reader, 0, end - CHECKSUM_BYTES, crc64(start)) == stored:
            return start
    return None


def _any_header(head: bytes) -> Iterator[bytes]:
    """Yield every header, and those of other versions whose number stands whole at the start of `head`."""
    yield from _HEADERS
    for letters in (b"REDIS", b"VALKEY"):
        number = re.compile(rb"[A-Z]{0,6}([0-9]{%d})" % (HEADER_BYTES - len(letters))).match(head)
        if number is not None:
            yield letters + number[1]


def likely_header(reader: Reader, end: int) -> tuple[bytes, str]:
    """Return the header that a part up to `end` most likely had, and what speaks for it, in words."""
    named = written_by(dict(_version_fields(reader.at(0, _HEAD_BYTES))))
    if named is not None:
        return named[0].header, f"its fields name {named[1]}"
    best = min(_HEADERS, key=lambda header: _unreadable(reader, header, end))
    return best, "the oldest version that its types and opcodes fit"


def _version_fields(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    for match in _VERSIONS.finditer(head):
        try:
            yield match[1], read_string(head, match.end())[0]
        except (EncodingDamage, IndexError):
            continue


def _unreadable(reader: Reader, magic: bytes, end: int) -> int:
    """Return how many bytes near the start of a part cannot be what a version wrote."""
    header = parse_header(magic)
    assert isinstance(header, RdbHeader)
    place = _place(reader, magic, min(end, _SAMPLE_BYTES))
    salvage = salvage_records(place, Habits(header.family, header.version), "")
    count = sum(part.end - part.start for part in salvage.left_out)
    if header.version < _FUNCTIONS_SINCE:
        count += sum(high - low for low, high in salvage.functions)
    for span in salvage.spans:
        records = Excerpt(reader, magic, span.start, span.end, span.db)
        sizes: Counter[int] = Counter()
        for record in records:
            sizes[record.type_id] += record.size_bytes
        types = written_types(header.family, header.version)
        if magic not in _WITH_VECTORS and any(module.name == _VECTORS for module in records.summary.modules):
            types -= {_MODULE}
        count += sum(size for type_id, size in sizes.items() if type_id not in types)
    return count
