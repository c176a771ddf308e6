"""Which compression a head of bytes shows, and what a decoder promises.

The decoders themselves are `gzipped`, `zstd` and `vcs` beside this.
"""

from __future__ import annotations

from typing import Literal, Protocol

from aoftool.files.changes import ChangeKind

__all__ = [
    "ENVELOPE",
    "GZIP_MAGIC",
    "LZ4_CODEC",
    "READ_BYTES",
    "SNIFF_BYTES",
    "VCS_BYTES",
    "VCS_CODEC_AT",
    "ZSTD_MAGIC",
    "Compression",
    "Decoder",
    "detect_compression",
    "is_envelope",
    "is_skippable",
]

Compression = Literal["gzip", "zstd", "VCS LZ4", "VCS Zstandard"]
"""VCS is the envelope of Valkey 9.2, which servers read; the others are for people alone."""

READ_BYTES = 64 * 1024
SNIFF_BYTES = 7
"""How many bytes `detect_compression` may need."""
# The envelope: magic, version, codec, a reserved byte, the kind of stream, of which 1 is an RDB.
# Source: Valkey 9.2 src/compression_stream.h.
ENVELOPE = b"VCS"
VCS_BYTES = 7
VCS_CODEC_AT = 4
LZ4_CODEC = 1
_VCS: dict[bytes, Compression] = {
    b"VCS\x01\x01\x00\x01": "VCS LZ4",
    b"VCS\x01\x02\x00\x01": "VCS Zstandard",
}
GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
# Skippable frames use sixteen magic numbers, 0x184D2A50 to 0x184D2A5F. Source: RFC 8878, section 3.1.2.
_SKIPPABLE_TAIL = b"\x2a\x4d\x18"


class Decoder(Protocol):
    """Give decoded bytes for stored ones; `damage` says why they ended early, None if they did not."""

    damage: tuple[ChangeKind, str] | None

    def decode(self, limit: int) -> bytes:
        """Return at most `limit` (> 0) bytes; empty means the end."""


def detect_compression(head: bytes) -> Compression | None:
    """Return how bytes that start with `head` (`SNIFF_BYTES` where there are as many) are compressed."""
    # 8 is deflate, the only method gzip ever had. Source: RFC 1952, section 2.3.1.
    if head[:2] == GZIP_MAGIC and head[2:3] in (b"", b"\x08"):
        return "gzip"
    if head[:4] == ZSTD_MAGIC or is_skippable(head):
        return "zstd"
    return _VCS.get(head[:VCS_BYTES])


def is_envelope(compression: str | None) -> bool:
    """Tell whether a server writes and reads files compressed so."""
    return compression in _VCS.values()


def is_skippable(head: bytes) -> bool:
    """Tell whether a zstd skippable frame starts here."""
    return head[1:4] == _SKIPPABLE_TAIL and 0x50 <= head[0] <= 0x5F
