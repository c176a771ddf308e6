"""gzip input as a stream of bytes, with every byte before the damage handed out.

Truncated or damaged input ends the stream and says so in `damage`; it never raises.
"""

from __future__ import annotations

import zlib

from aoftool.files.carrier import Carrier
from aoftool.files.changes import ChangeKind
from aoftool.files.packed.compression import GZIP_MAGIC, READ_BYTES

__all__ = ["GzipDecoder"]

_GZIP_WBITS = 31


class GzipDecoder:
    """Decode gzip members one after the other; zero bytes may stand behind each, as gzip allows."""

    def __init__(self, carrier: Carrier) -> None:
        self.damage: tuple[ChangeKind, str] | None = None
        self._carrier = carrier
        self._stored = b""
        self._inflate = zlib.decompressobj(wbits=_GZIP_WBITS)
        self._between = False  # behind a member, before the next
        self._ended = False

    def decode(self, limit: int) -> bytes:
        """Return at most `limit` bytes; empty means the end, or damage when `damage` is set."""
        while not self._ended:
            if self._between:
                self._start_member()
            elif piece := self._step(limit):
                return piece
        return b""

    def _end(self, kind: ChangeKind, message: str) -> None:
        self._ended = True
        self.damage = (kind, message)

    def _start_member(self) -> None:
        self._stored = self._stored.lstrip(b"\0")
        while len(self._stored) < len(GZIP_MAGIC):
            more = self._carrier.read(READ_BYTES)
            if not more:
                break
            self._stored = (self._stored + more).lstrip(b"\0")
        if not self._stored:
            self._ended = True
        elif self._stored[:2] == GZIP_MAGIC:
            self._inflate = zlib.decompressobj(wbits=_GZIP_WBITS)
            self._between = False
        else:
            self._end(ChangeKind.COMPRESSED_DAMAGED, "bytes that are no gzip data follow a gzip member")

    def _step(self, limit: int) -> bytes:
        if not self._stored:
            self._stored = self._carrier.read(READ_BYTES)
            if not self._stored:
                self._end(ChangeKind.COMPRESSED_TRUNCATED, "the gzip data end inside a member")
                return b""
        before = self._inflate.copy()
        try:
            piece = self._inflate.decompress(self._stored, limit)
        except zlib.error as error:
            # "Error -3 while decompressing data: incorrect data check"
            reason = str(error).rpartition(": ")[2]
            self._end(ChangeKind.COMPRESSED_DAMAGED, f"the gzip data are damaged ({reason})")
            return _inflate_to_damage(before, self._stored, limit)
        self._stored = self._inflate.unconsumed_tail
        if self._inflate.eof:
            self._stored = self._inflate.unused_data
            self._between = True
        return piece


def _inflate_to_damage(inflate: zlib._Decompress, stored: bytes, limit: int) -> bytes:
    """Return what comes out of `stored` before the error that it is known to raise.

    zlib throws the output of the failing call away, so the bytes go in one by one. The failing call
    stopped short of `limit`, and so does this.
    """
    pieces = []
    try:
        for at in range(len(stored)):
            pieces.append(inflate.decompress(stored[at : at + 1], limit))
    except zlib.error:
        pass
    return b"".join(pieces)
