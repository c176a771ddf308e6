"""Which compression a head of bytes shows, and what a decoder promises.

The decoders themselves are `aoftool.files.gzipped` and `aoftool.files.zstd`.
"""

from __future__ import annotations

from typing import Literal, Protocol

from aoftool.files.changes import ChangeKind

__all__ = [
    "GZIP_MAGIC",
    "READ_BYTES",
    "ZSTD_MAGIC",
    "Compression",
    "Decoder",
    "detect_compression",
    "is_skippable",
]

Compression = Literal["gzip", "zstd"]

READ_BYTES = 64 * 1024
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
    """Return how bytes that start with `head` (4 bytes where there are as many) are compressed."""
    # 8 is deflate, the only method gzip ever had. Source: RFC 1952, section 2.3.1.
    if head[:2] == GZIP_MAGIC and head[2:3] in (b"", b"\x08"):
        return "gzip"
    if head[:4] == ZSTD_MAGIC or is_skippable(head):
        return "zstd"
    return None


def is_skippable(head: bytes) -> bool:
    """Tell whether a zstd skippable frame starts here."""
    return head[1:4] == _SKIPPABLE_TAIL and 0x50 <= head[0] <= 0x5F
