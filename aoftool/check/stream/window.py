"""Bytes at any offset of a plain file, read in blocks, for looking closely at damaged places.

Knows nothing of what the bytes mean. Memory is a few blocks, whatever is asked for.
"""

from __future__ import annotations

from collections import OrderedDict

from aoftool.files.source import Source

__all__ = ["BLOCK_BYTES", "Reader"]

BLOCK_BYTES = 256 * 1024
_BLOCKS = 8


class Reader:
    """Give small spans of a source by offset, and find byte strings in it.

    Args:
        source: a plain file; its place is not moved.
        size_bytes: where the file ends for this reader.
    """

    def __init__(self, source: Source, size_bytes: int | None = None) -> None:
        self._source = source
        self.size_bytes = size_bytes if size_bytes is not None else source.size_bytes or 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def _block(self, number: int) -> bytes:
        block = self._blocks.get(number)
        if block is None:
            block = self._source.read_at(number * BLOCK_BYTES, BLOCK_BYTES)
            room = self.size_bytes - number * BLOCK_BYTES
            block = block[: max(room, 0)] if room < len(block) else block
            self._blocks[number] = block
            if len(self._blocks) > _BLOCKS:
                self._blocks.popitem(last=False)
        else:
            self._blocks.move_to_end(number)
        return block

    def at(self, offset: int, length: int) -> bytes:
        """Return the bytes of a span, fewer at the end; meant for spans up to a few blocks."""
        if offset < 0 or length <= 0 or offset >= self.size_bytes:
            return b""
        number, inside = divmod(offset, BLOCK_BYTES)
        block = self._block(number)
        if inside + length <= len(block):
            return block[inside : inside + length]
        pieces = [block[inside:]]
        got = len(pieces[0])
        while got < length and len(block) == BLOCK_BYTES:
            number += 1
            block = self._block(number)
            pieces.append(block[: length - got])
            got += len(pieces[-1])
        return b"".join(pieces)

    def find(self, wanted: bytes, start: int, end: int) -> int:
        """Return the first offset in [start, end) where `wanted` stands whole, -1 when nowhere."""
        end = min(end, self.size_bytes)
        at = start
        overlap = len(wanted) - 1
        while at < end:
            stop = min(at + BLOCK_BYTES, end)
            found = self.at(at, stop - at).find(wanted)
            if found >= 0:
                return at + found
            if stop == end:
                break
            at = stop - overlap
        return -1

    def run_of(self, value: int, start: int) -> int:
        """Return how many bytes of that value stand from `start` on."""
        at = start
        needle = bytes([value])
        while at < self.size_bytes:
            piece = self.at(at, BLOCK_BYTES)
            kept = len(piece) - len(piece.lstrip(needle))
            at += kept
            if kept < len(piece) or not piece:
                break
        return at - start
