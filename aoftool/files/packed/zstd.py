"""zstd input as a stream of bytes, with every whole block before the damage handed out.

Frames are cut into blocks here and decoded block by block by the zstandard library: that bounds what
one call can take whatever the input claims, and finds a truncated frame exactly.
Source: RFC 8878, section 3.1.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from aoftool.errors import MissingExtraError
from aoftool.files.changes import ChangeKind
from aoftool.files.packed.compression import READ_BYTES, ZSTD_MAGIC, is_skippable

if TYPE_CHECKING:
    import zstandard

__all__ = ["ZstdDecoder"]

# A block never holds or makes more. Source: RFC 8878, section 3.1.1.2.4.
_BLOCK_LIMIT = 128 * 1024
_REPEATED_BYTE = 1
# The window is memory taken on the word of the input; the zstd command draws the line here as well.
_WINDOW_LIMIT = 128 * 1024 * 1024
# Magic, descriptor, window, dictionary, content size. Source: RFC 8878, section 3.1.1.1.
_HEADER_LIMIT = 18
_CHECKSUM_BYTES = 4


class _DamageError(Exception):
    def __init__(self, kind: ChangeKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class _Bytes(Protocol):
    def read(self, limit: int) -> bytes: ...


class ZstdDecoder:
    """Decode zstd frames one after the other; skippable frames are stepped over.

    Args:
        single: decode one frame only; `rest` then holds the stored bytes behind it.
    """

    def __init__(self, carrier: _Bytes, *, single: bool = False) -> None:
        try:
            import zstandard
        except ImportError as error:
            message = "zstd input needs the zstandard package"
            raise MissingExtraError(message, hint="pip install zstandard") from error
        self.damage: tuple[ChangeKind, str] | None = None
        self._zstd = zstandard
        self._carrier = carrier
        self._single = single
        self._opened = False
        self._stored = b""
        self._ready = memoryview(b"")
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._has_checksum = False
        self._checksum_due = False
        self._ended = False

    def decode(self, limit: int) -> bytes:
        """Return at most `limit` bytes; empty means the end, or damage when `damage` is set."""
        while not self._ready and not self._ended:
            try:
                self._ready = memoryview(self._next_block())
            except _DamageError as damage:
                self._end(damage.kind, damage.message)
            except self._zstd.ZstdError as error:
                self._end(ChangeKind.COMPRESSED_DAMAGED, f"the zstd data are damaged ({error})")
        piece = bytes(self._ready[:limit])
        self._ready = self._ready[limit:]
        return piece

    @property
    def rest(self) -> bytes:
        """Return the stored bytes that were read and not used."""
        return self._stored

    def _end(self, kind: ChangeKind, message: str) -> None:
        self._ended = True
        self.damage = (kind, message)

    def _look(self, count: int) -> bytes:
        """Return the next `count` stored bytes without taking them; fewer only at the end."""
        while len(self._stored) < count:
            more = self._carrier.read(READ_BYTES)
            if not more:
                break
            self._stored += more
        return self._stored[:count]

    def _take(self, count: int) -> bytes:
        piece = self._look(count)
        if len(piece) < count:
            raise _DamageError(ChangeKind.COMPRESSED_TRUNCATED, "the zstd data end inside a frame")
        self._stored = self._stored[count:]
        return piece

    def _next_block(self) -> bytes:
        """Return what the next stored unit decodes to; empty for units that hold no data."""
        frame = self._frame
        if frame is None:
            return self._start_frame()
        if self._checksum_due:
            self._frame, self._checksum_due = None, False
            return frame.decompress(self._take(_CHECKSUM_BYTES))
        header = int.from_bytes(self._look(3), "little")
        is_last, kind, size = header & 1, header >> 1 & 3, header >> 3
        if size > _BLOCK_LIMIT:
            message = f"a zstd block claims {size} bytes, more than the format allows"
            raise _DamageError(ChangeKind.COMPRESSED_DAMAGED, message)
        data = frame.decompress(self._take(3 + (1 if kind == _REPEATED_BYTE else size)))
        if is_last:
            self._checksum_due = self._has_checksum
            self._frame = frame if self._has_checksum else None
        return data

    def _start_frame(self) -> bytes:
        if self._single and self._opened:
            self._ended = True
            return b""
        head = self._look(_HEADER_LIMIT)
        if not head and not self._single:
            self._ended = True
        elif not head:
            raise _DamageError(ChangeKind.COMPRESSED_TRUNCATED, "the zstd data end before a frame")
        elif is_skippable(head):
            self._drop(int.from_bytes(self._take(8)[4:], "little"))
        elif head[:4] == ZSTD_MAGIC:
            return self._open_frame(head)
        else:
            message = "bytes that are no zstd data follow a zstd frame"
            raise _DamageError(ChangeKind.COMPRESSED_DAMAGED, message)
        return b""

    def _open_frame(self, head: bytes) -> bytes:
        header = self._take(
            self._zstd.frame_header_size(head) if len(head) > len(ZSTD_MAGIC) else _HEADER_LIMIT
        )
        facts = self._zstd.get_frame_parameters(header)
        if facts.window_size > _WINDOW_LIMIT:
            message = f"a zstd frame asks for a window of {facts.window_size} bytes: decompress it first"
            raise _DamageError(ChangeKind.COMPRESSED_DAMAGED, message)
        self._has_checksum = facts.has_checksum
        self._opened = True
        self._frame = self._zstd.ZstdDecompressor(max_window_size=_WINDOW_LIMIT).decompressobj()
        return self._frame.decompress(header)

    def _drop(self, count: int) -> None:
        while count > 0:
            piece = self._take(min(count, READ_BYTES))
            count -= len(piece)
