"""Reference implementation of the encodings that a writer uses most; `_encode_cy.pyx` is its twin.

Both give the same bytes for every input, and the LZF part gives the bytes a server gives: sizes of
written files are then the server's own. Knows nothing of values, targets or files.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence

from aoftool.rdb.blobs._listpack_py import _backlen, _entry, canonical_int
from aoftool.rdb.blobs._ziplist_py import encode as encode_ziplist

__all__ = [
    "encode_length",
    "encode_scored",
    "encode_string",
    "encode_strings",
    "encode_ziplist",
    "integers",
    "listpack_entries",
    "lzf_compress",
    "pack_list",
    "score_entries",
    "stream_entries",
    "string_records",
]

# --- LZF --------------------------------------------------------------------------------------

# The place table of the compressor. A server's has as many places, and the same place for the same
# three bytes, so that the same earlier text is found. Source: Redis 7.0 src/lzf_c.c, HLOG 16.
_PLACES = 0xFFFF
_MAX_LITERAL = 32
_MAX_DISTANCE = 8192
_MAX_COPY = 264
# Longer strings stay as they are; no server takes them by default.
_TOO_LONG = 0x7FFFFFFF
# The first comparisons of a copy are made without asking whether the limit is reached.
_UNCHECKED = 16


def _place(data: bytes, at: int) -> int:
    first, second, third = data[at : at + 3]
    return ((first << 8 | second) - 5 * (second << 8 | third)) & _PLACES


def _copy_length(data: bytes, ref: int, at: int) -> int:
    """Return how many bytes from `at` on repeat those from `ref` on; three are known to."""
    limit = min(len(data) - at - 2, _MAX_COPY)
    length = 3
    if limit > _UNCHECKED:
        stop = 3 + _UNCHECKED
        while length < stop:
            if data[ref + length] != data[at + length]:
                return length
            length += 1
    while length < limit and data[ref + length] == data[at + length]:
        length += 1
    return length


def lzf_compress(data: bytes, limit: int) -> bytes | None:
    """Return the LZF stream of the data, or None when it might not fit into `limit` bytes.

    The answer None is the server's: it gives up a few bytes early rather than check each byte.
    """
    size = len(data)
    if not size or limit <= 0 or size >= _TOO_LONG:
        return None
    out = bytearray(1)
    seen: dict[int, int] = {}
    literal = 0
    at = 0
    while at < size - 2:
        place = _place(data, at)
        ref = seen.get(place, 0)
        seen[place] = at
        if not (ref > 0 and at - ref <= _MAX_DISTANCE and data[ref : ref + 3] == data[at : at + 3]):
            if len(out) >= limit:
                return None
            out.append(data[at])
            at += 1
            literal = _end_full_run(out, literal + 1)
            continue
        if len(out) - (not literal) + 4 >= limit:
            return None
        _end_run(out, literal)
        length = _copy_length(data, ref, at)
        _put_copy(out, at - ref - 1, length - 2)
        out.append(0)
        literal = 0
        at += length
        if at >= size - 2:
            break
        for known in (at - 2, at - 1):
            seen[_place(data, known)] = known
    if len(out) + 3 > limit:
        return None
    for byte in data[at:]:
        out.append(byte)
        literal = _end_full_run(out, literal + 1)
    _end_run(out, literal)
    return bytes(out)


def _end_run(out: bytearray, literal: int) -> None:
    """Write the control byte of the open run of literals, or take it back when the run is empty."""
    if literal:
        out[-literal - 1] = literal - 1
    else:
        del out[-1]


def _end_full_run(out: bytearray, literal: int) -> int:
    if literal < _MAX_LITERAL:
        return literal
    out[-literal - 1] = literal - 1
    out.append(0)
    return 0


def _put_copy(out: bytearray, distance: int, length: int) -> None:
    if length < 7:
        out.append(distance >> 8 | length << 5)
    else:
        out.append(distance >> 8 | 0xE0)
        out.append(length - 7)
    out.append(distance & 0xFF)


# --- strings ----------------------------------------------------------------------------------

_LONGEST_INTEGER = 11
_LZF_ABOVE = 20
_LZF_GAIN = 4


def encode_length(value: int) -> bytes:
    """Return a length or count in its shortest form; at most 64 bits."""
    if value < 64:
        return bytes([value])
    if value < 16384:
        return bytes([0x40 | value >> 8, value & 0xFF])
    if value <= 0xFFFFFFFF:
        return b"\x80" + value.to_bytes(4, "big")
    return b"\x81" + value.to_bytes(8, "big")


def _integer_string(data: bytes) -> bytes | None:
    value = canonical_int(data) if len(data) <= _LONGEST_INTEGER else None
    if value is None:
        return None
    for head, width in ((0xC0, 1), (0xC1, 2), (0xC2, 4)):
        if -(1 << 8 * width - 1) <= value < 1 << 8 * width - 1:
            return bytes([head]) + value.to_bytes(width, "little", signed=True)
    return None


def encode_string(data: bytes, compress: bool) -> bytes:
    """Return the RDB string: an integer, an LZF stream where that saves enough, or plain bytes."""
    number = _integer_string(data)
    if number is not None:
        return number
    size = len(data)
    if compress and size > _LZF_ABOVE:
        packed = lzf_compress(data, size - _LZF_GAIN)
        if packed is not None:
            return b"\xc3" + encode_length(len(packed)) + encode_length(size) + packed
    return encode_length(size) + data


def encode_strings(items: Iterable[bytes], compress: bool) -> bytes:
    """Return the RDB strings of the items, one behind the other."""
    return b"".join([encode_string(item, compress) for item in items])


def encode_scored(pairs: Iterable[tuple[float, bytes]], compress: bool) -> bytes:
    """Return (score, member) pairs as RDB string and binary score each."""
    return b"".join([encode_string(member, compress) + struct.pack("<d", score) for score, member in pairs])


_EXPIRE_MS, _TYPE_STRING = b"\xfc", b"\x00"


def string_records(
    rows: Iterable[tuple[bytes, bytes, int | None]], compress: bool, sizes: list[int] | None = None
) -> bytes:
    """Return whole records of string keys from (key, value, expire time in Unix ms or None).

    Args:
        sizes: takes the size of every record.
    """
    records = []
    for key, value, expire_at_ms in rows:
        record = _TYPE_STRING + encode_string(key, compress) + encode_string(value, compress)
        if expire_at_ms is not None:
            record = _EXPIRE_MS + struct.pack("<q", expire_at_ms) + record
        records.append(record)
    if sizes is not None:
        sizes += map(len, records)
    return b"".join(records)


# --- listpacks --------------------------------------------------------------------------------


def integers(items: Iterable[bytes]) -> list[int] | None:
    """Return the items as integers when every one is the canonical text of a 64-bit integer."""
    out: list[int] = []
    for item in items:
        value = canonical_int(item)
        if value is None:
            return None
        out.append(value)
    return out


def listpack_entries(items: Iterable[bytes]) -> bytes:
    """Return the listpack entries of the items, without header and end."""
    out = bytearray()
    for item in items:
        body = _entry(item)
        out += body
        out += _backlen(len(body))
    return bytes(out)


def score_entries(ranked: Iterable[tuple[float, bytes]], whole: int, text: Callable[[float], bytes]) -> bytes:
    """Return (score, member) pairs as listpack entries, member first.

    Args:
        ranked: pairs in the order of the sorted set; no score is NaN.
        whole: whole scores up to this size, but not 0, are integer entries.
        text: gives the text of the other scores.
    """
    items: list[bytes] = []
    for score, member in ranked:
        is_whole = score != 0 and -whole <= score <= whole and score == int(score)
        items += (member, b"%d" % int(score) if is_whole else text(score))
    return listpack_entries(items)


_HEADER_BYTES = 6
_ENTRY_OVERHEAD = 8
_MAX_COUNT = 0xFFFF
_PLAIN, _PACKED = b"\x01", b"\x02"


_Pairs = Sequence[tuple[bytes, bytes]]
_SAME_FIELDS = b"2"


def stream_entries(
    rows: Sequence[tuple[tuple[int, int], _Pairs]], at: int, node_bytes: int, node_entries: int
) -> tuple[int, int, bytes]:
    """Return the entries of one stream node as (rows used, listpack elements, encoded entries).

    Rows are used from `at` on until the node is full; the first gives the node its ID and its field
    names. The elements are those of the entries, without the master entry.

    Args:
        rows: ((milliseconds, sequence), (field, value) pairs) ascending by ID.
        at: index of the first row.
        node_bytes: an entry goes to the next node when the listpack so far and its texts reach this.
        node_entries: entries of a node at most, 0 for no limit.

    Source: Redis 7.0 src/t_stream.c streamAppendItem
    """
    (first_ms, first_seq), pairs = rows[at]
    names = [name for name, _ in pairs]
    head = len(listpack_entries([b"%d" % len(names), *names, b"0"]))
    out = bytearray()
    used = elements = 0
    for (ms, seq), pairs in rows[at:]:
        # The live count takes two bytes up to 127 and three above, the deleted count (0) two.
        size = _HEADER_BYTES + 1 + 2 + (2 if used < 128 else 3) + head + len(out)
        text_bytes = sum([len(name) + len(text) for name, text in pairs])
        if used and (size + text_bytes >= node_bytes or (node_entries and used >= node_entries)):
            break
        items = [b"%d" % _wrapped(ms - first_ms), b"%d" % _wrapped(seq - first_seq)]
        if [name for name, _ in pairs] == names:
            items = [_SAME_FIELDS, *items, *[text for _, text in pairs]]
        else:
            items = [b"0", *items, b"%d" % len(pairs), *[part for pair in pairs for part in pair]]
        # The last element counts those before it, so that a reader can step back.
        items.append(b"%d" % len(items))
        out += listpack_entries(items)
        elements += len(items)
        used += 1
    return used, elements, bytes(out)


def _wrapped(difference: int) -> int:
    """Wrap a difference of unsigned 64-bit numbers into a signed one, as servers do."""
    return (difference + (1 << 63)) % (1 << 64) - (1 << 63)


def _node(entries: bytes, count: int, compress: bool) -> bytes:
    total = _HEADER_BYTES + len(entries) + 1
    blob = struct.pack("<IH", total, count) + entries + b"\xff"
    return _PACKED + encode_string(blob, compress)


def pack_list(items: Iterable[bytes], node_bytes: int, plain_above: int, compress: bool) -> tuple[int, bytes]:
    """Return a list as (number of nodes, nodes), filled as pushes at the tail would fill them.

    Args:
        items: elements from head to tail.
        node_bytes: bytes of a node at most, unless one element alone is longer.
        plain_above: an element longer than this gets a plain node.
        compress: pack the nodes with LZF.

    Source: Valkey 9.1 src/quicklist.c quicklistPushTail; a push counts eight bytes of overhead.
    """
    nodes: list[bytes] = []
    entries = bytearray()
    count = 0
    for item in items:
        plain = len(item) > plain_above
        full = _HEADER_BYTES + len(entries) + 1 + len(item) + _ENTRY_OVERHEAD > node_bytes
        if count and (plain or full or count == _MAX_COUNT - 1):
            nodes.append(_node(bytes(entries), count, compress))
            entries.clear()
            count = 0
        if plain:
            nodes.append(_PLAIN + encode_string(item, compress))
            continue
        entries += listpack_entries([item])
        count += 1
    if count:
        nodes.append(_node(bytes(entries), count, compress))
    return len(nodes), b"".join(nodes)
