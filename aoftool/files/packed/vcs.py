"""The envelope of Valkey 9.2 around a compressed RDB: `VCS`, four bytes, one frame, then what follows it.

Valkey 9.2 compresses a whole RDB when `rdbcompression` names a codec, on its own or as the base or preamble
of an AOF; commands may stand right behind the frame. Frames are decoded in bounded steps: what they claim
to hold is never believed.
Source: Valkey 9.2 src/compression_stream.h (layout) and src/rdb.c; read, not measured.
"""

from __future__ import annotations

from typing import Any

from aoftool.errors import MissingExtraError
from aoftool.files.carrier import Carrier
from aoftool.files.changes import ChangeKind
from aoftool.files.packed.compression import LZ4_CODEC, READ_BYTES, VCS_BYTES, VCS_CODEC_AT
from aoftool.files.packed.zstd import ZstdDecoder

__all__ = ["VcsDecoder"]


# What a call that fails has made is lost with it: small steps keep what stands in front of damage.
_STEP_BYTES = 4096


class _Prefixed:
    """A carrier that gives some bytes first; what decoders ask of one."""

    def __init__(self, first: bytes, carrier: Carrier) -> None:
        self._first = first
        self._carrier = carrier

    def read(self, limit: int) -> bytes:
        if self._first:
            piece, self._first = self._first[:limit], self._first[limit:]
            return piece
        return self._carrier.read(limit)


class _Lz4Decoder:
    """Decode one LZ4 frame; `rest` holds the stored bytes behind it.

    Source: the LZ4 frame format, version 1.6: a block holds at most 4 MB, which bounds memory.
    """

    def __init__(self, carrier: _Prefixed) -> None:
        try:
            import lz4.frame
        except ImportError as error:
            message = "an RDB compressed with LZ4 (Valkey 9.2) needs the lz4 package"
            raise MissingExtraError(message, hint="pip install lz4") from error
        self.damage: tuple[ChangeKind, str] | None = None
        self.rest = b""
        self._carrier = carrier
        self._frame: Any = lz4.frame.LZ4FrameDecompressor()
        self._ended = False

    def decode(self, limit: int) -> bytes:
        """Return at most `limit` bytes; empty means the end of the frame, or damage."""
        while not self._ended:
            stored = b""
            if self._frame.needs_input:
                stored = self._carrier.read(_STEP_BYTES)
                if not stored:
                    self._end(ChangeKind.COMPRESSED_TRUNCATED, "the LZ4 data end inside a frame")
                    return b""
            try:
                piece: bytes = self._frame.decompress(stored, limit)
            except RuntimeError as error:
                # "LZ4F_decompress failed with code: ERROR_contentChecksum_invalid"
                reason = str(error).rpartition(": ")[2]
                self._end(ChangeKind.COMPRESSED_DAMAGED, f"the LZ4 data are damaged ({reason})")
                return b""
            if self._frame.eof:
                self._ended = True
                self.rest = self._frame.unused_data or b""
            if piece:
                return piece
        return b""

    def _end(self, kind: ChangeKind, message: str) -> None:
        self._ended = True
        self.damage = (kind, message)


class VcsDecoder:
    """Decode the frame of an envelope and hand on what follows it.

    Args:
        carrier: stands at the envelope, which `detect_compression` has recognised.
    """

    def __init__(self, carrier: Carrier) -> None:
        self.damage: tuple[ChangeKind, str] | None = None
        self._carrier = carrier
        self._rest = b""
        self._ended = False
        stored = b""
        while len(stored) < VCS_BYTES and (more := carrier.read(READ_BYTES)):
            stored += more
        behind = _Prefixed(stored[VCS_BYTES:], carrier)
        self._frame: _Lz4Decoder | ZstdDecoder | None = (
            _Lz4Decoder(behind) if stored[VCS_CODEC_AT] == LZ4_CODEC else ZstdDecoder(behind, single=True)
        )
        self._behind = behind

    def decode(self, limit: int) -> bytes:
        """Return at most `limit` bytes; empty means the end, or damage when `damage` is set."""
        if self._ended:
            return b""
        if self._frame is not None:
            piece = self._frame.decode(limit)
            if piece:
                return piece
            if self._frame.damage is not None:
                self.damage, self._ended = self._frame.damage, True
                return b""
            self._rest = self._frame.rest
            self._frame = None
        if self._rest:
            piece, self._rest = self._rest[:limit], self._rest[limit:]
            return piece
        return self._behind.read(limit)
