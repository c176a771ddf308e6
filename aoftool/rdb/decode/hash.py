"""Hash values: plain, zipmap, ziplist, listpack, and the forms with expire times or templates."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from aoftool.errors import UnsupportedError
from aoftool.rdb.blobs import listpack, ziplist, zipmap
from aoftool.rdb.damage import damage
from aoftool.rdb.decode.strings import read_length, read_string, read_strings
from aoftool.rdb.opcodes import Family
from aoftool.values import HashValue

__all__ = ["NO_EXPIRE", "Templates", "decode_hash"]

Templates = Mapping[int, tuple[bytes, ...]]

_PLAIN, _ZIPMAP, _ZIPLIST, _LISTPACK = 4, 9, 13, 16
# With expire times of fields; RC are those of release candidates, whose times have no common base.
_PLAIN_TTL_RC, _LISTPACK_TTL_RC, _PLAIN_TTL, _LISTPACK_TTL = 22, 23, 24, 25
_TEMPLATE_LISTPACK_FULL, _TEMPLATE_LISTPACK, _TEMPLATE_ARRAY_FULL, _TEMPLATE_ARRAY = 29, 30, 31, 32
# The expire time of a HASH_2 field that has none. Source: Valkey 9.1 src/entry.h EXPIRY_NONE.
NO_EXPIRE = -1
_INT64 = struct.Struct("<q")


def decode_hash(family: Family, type_id: int, raw: bytes | memoryview, templates: Templates) -> HashValue:
    """Return the hash in value bytes of any hash type of the family.

    Args:
        templates: field names of the templates defined before this key.

    Raises:
        EncodingDamage: with the offset in `raw`, or in the blob for what is wrong inside one.
        UnsupportedError: the template is not known here.
    """
    if type_id == _PLAIN:
        # The count is that of pairs.
        count, at = read_length(raw, 0)
        texts, _ = read_strings(raw, at, count * 2)
        return HashValue(zip(texts[::2], texts[1::2], strict=True))
    if type_id in (_ZIPMAP, _ZIPLIST, _LISTPACK):
        return _from_blob(type_id, read_string(raw, 0)[0])
    if family is Family.VALKEY:
        return _hash_2(raw)
    if type_id in (_PLAIN_TTL_RC, _PLAIN_TTL):
        return _plain_ttl(raw, based=type_id == _PLAIN_TTL)
    if type_id in (_LISTPACK_TTL_RC, _LISTPACK_TTL):
        return _listpack_ttl(read_string(raw, 8 if type_id == _LISTPACK_TTL else 0)[0])
    return _template(type_id, raw, templates)


def _from_blob(type_id: int, blob: bytes) -> HashValue:
    if type_id == _ZIPMAP:
        return HashValue(zipmap.decode(blob))
    entries = ziplist.decode(blob) if type_id == _ZIPLIST else listpack.decode(blob)
    if len(entries) % 2:
        raise damage("hash-odd", 0)
    return HashValue(zip(entries[::2], entries[1::2], strict=True))


def _int64(raw: bytes | memoryview, at: int) -> int:
    if at + 8 > len(raw):
        raise damage("rdb-truncated", at)
    number: int = _INT64.unpack_from(raw, at)[0]
    return number


def _hash_2(raw: bytes | memoryview) -> HashValue:
    """Read Valkey 9's (field, value, absolute ms) triples; measured on Valkey 9.1.2."""
    value = HashValue()
    count, at = read_length(raw, 0)
    for _ in range(count):
        (field, text), at = read_strings(raw, at, 2)
        value[field] = text
        expire = _int64(raw, at)
        if expire != NO_EXPIRE:
            value.expires[field] = expire
        at += 8
    return value


def _plain_ttl(raw: bytes | memoryview, based: bool) -> HashValue:
    """Read (time, field, value) triples: absolute (22) or as difference to the smallest (24), plus 1.

    Source: Redis 8.0 src/rdb.c rdbLoadObject; measured on Redis 8.0.6.
    """
    value = HashValue()
    # Plus 1, so that 0 is left to say that a field never expires.
    base = _int64(raw, 0) - 1 if based else 0
    count, at = read_length(raw, 8 if based else 0)
    for _ in range(count):
        time, at = read_length(raw, at)
        (field, text), at = read_strings(raw, at, 2)
        value[field] = text
        if time:
            value.expires[field] = base + time
    return value


def _listpack_ttl(blob: bytes) -> HashValue:
    # Field, value, absolute time; the smallest time, in front of the blob, says nothing new.
    items = listpack.decode_items(blob)
    if len(items) % 3:
        raise damage("hash-odd", 0)
    value = HashValue()
    for place in range(0, len(items), 3):
        field, text, time = items[place : place + 3]
        name = _as_text(field)
        value[name] = _as_text(text)
        if not isinstance(time, int):
            raise damage("hash-ttl", 0)
        if time:
            value.expires[name] = time
    return value


def _as_text(item: bytes | int) -> bytes:
    return b"%d" % item if isinstance(item, int) else item


def _template(type_id: int, raw: bytes | memoryview, templates: Templates) -> HashValue:
    at = 0
    if type_id in (_TEMPLATE_LISTPACK_FULL, _TEMPLATE_ARRAY_FULL):
        names, at = _own_names(raw)
    if type_id in (_TEMPLATE_LISTPACK_FULL, _TEMPLATE_LISTPACK):
        number, *texts = listpack.decode(read_string(raw, at)[0]) or [b""]
        if type_id == _TEMPLATE_LISTPACK:
            names = _known_names(templates, int(number) if number.isdigit() else -1)
    else:
        if type_id == _TEMPLATE_ARRAY:
            number_of, at = read_length(raw, at)
            names = _known_names(templates, number_of)
        texts, _ = read_strings(raw, at, len(names))
    if len(names) != len(texts):
        raise damage("hash-odd", at)
    return HashValue(zip(names, texts, strict=True))


def _own_names(raw: bytes | memoryview) -> tuple[list[bytes], int]:
    form, at = read_length(raw, 0)
    if form == 0:
        blob, at = read_string(raw, at)
        return listpack.decode(blob), at
    if form == 1:
        count, at = read_length(raw, at)
        return read_strings(raw, at, count)
    raise damage("rdb-variant", 0)


def _known_names(templates: Templates, number: int) -> list[bytes]:
    if number not in templates:
        raise UnsupportedError(f"the hash needs template {number}, which is not known")
    return list(templates[number])
