"""The grammar of LZF streams: their steps, what they unpack to, and which step makes which byte."""

from __future__ import annotations

import io

from construct import Byte, Bytes, Computed, Struct, Switch, this

from aoftool.rdb.blobs import lzf
from aoftool.rdb.damage import EncodingDamage
from aoftool.rdb.grammar.parts import refuse
from aoftool.units import counted

__all__ = ["LZF_STEP", "UNPACKED_LIMIT", "unpack_lzf", "unpack_lzf_fast", "unpacked_place"]

UNPACKED_LIMIT = 512 << 20
"""Most bytes that one string may unpack to here: a server's default limit for strings."""

# Three bytes can stand for 264, which is the best ratio there is.
_BEST_RATIO = 88
_FIRST_COPY, _LONG_COPY = 0x20, 0xE0

LZF_STEP = Struct(
    "control" / Byte,
    "extra" / Switch(this.control >> 5, {7: Byte}, default=Computed(0)),
    "low" / Switch(this.control >> 5, {0: Computed(0)}, default=Byte),
    "length"
    / Computed(lambda c: c.control + 1 if c.control < _FIRST_COPY else (c.control >> 5) + 2 + c.extra),
    "distance" / Computed(lambda c: 0 if c.control < _FIRST_COPY else ((c.control & 31) << 8 | c.low) + 1),
    "literal" / Bytes(lambda c: 0 if c.distance else c.length),
)
"""One step of an LZF stream: bytes to take as they are, or a copy of earlier output.

Source: Redis 7.0 src/lzf_d.c lzf_decompress
"""


def _check_size(packed: bytes, size: int) -> None:
    if size > _BEST_RATIO * len(packed) or size > UNPACKED_LIMIT:
        raise refuse(f"{counted(len(packed), 'byte')} of LZF cannot unpack to {counted(size, 'byte')}")


def unpack_lzf(packed: bytes, size: int) -> bytes:
    """Return the unpacked bytes, step by step as declared; anything but `size` of them is refused.

    Memory is bounded: a size that the stream cannot reach is refused before anything is unpacked.
    """
    _check_size(packed, size)
    out = bytearray()
    stream = io.BytesIO(packed)
    while stream.tell() < len(packed) and len(out) <= size:
        step = LZF_STEP.parse_stream(stream)
        if not step.distance:
            out += step.literal
            continue
        if step.distance > len(out):
            raise refuse("an LZF copy reaches before the start of its output")
        begin = len(out) - step.distance
        # The copy may overlap what it makes: repeat the stretch it starts from.
        stretch = bytes(out[begin : begin + step.length])
        out += (stretch * (step.length // len(stretch) + 1))[: step.length]
    if len(out) != size:
        raise refuse(f"LZF data unpacks to another size than the {counted(size, 'byte')} it declares")
    return bytes(out)


def unpack_lzf_fast(packed: bytes, size: int) -> bytes:
    """Return the same by the codec that readers use."""
    _check_size(packed, size)
    try:
        return lzf.decompress(packed, size)
    except EncodingDamage as found:
        raise refuse(found.message) from None


def unpacked_place(packed: bytes, at: int) -> int:
    """Return where in the unpacked bytes the step makes its first byte that holds the packed byte `at`.

    Inside a literal it is the place of that very byte. The stream has been unpacked before.
    """
    position = place = 0
    while position < len(packed):
        control = packed[position]
        if control < _FIRST_COPY:
            width, length = control + 2, control + 1
        elif control < _LONG_COPY:
            width, length = 2, (control >> 5) + 2
        else:
            width, length = 3, packed[position + 1] + 9
        if at < position + width:
            return place + max(at - position - 1, 0) if control < _FIRST_COPY else place
        position += width
        place += length
    return place
