"""Input bytes, whatever carries them: a file, an object of a store, either compressed, standard input.

Everything is opened read-only and never mapped: a mapped file that shrinks kills the process. Reading
goes through buffers of the caller, so memory is constant.

A read that fails, by an I/O error or because the file shrank, raises `ReadFailedError`, and so does every
later one: nobody can take it for the end of the input. What a file holds never raises; compressed data that
are damaged or end too early end the input and are recorded in `Source.changes()`, with what else was seen to
happen to the file. Knows nothing of what the bytes mean.
"""

from __future__ import annotations

import os
import sys
from typing import cast

from aoftool.errors import ReadFailedError, SourceError
from aoftool.escape import shown_path
from aoftool.files.carrier import (
    Carrier,
    FileCarrier,
    RangedCarrier,
    ReadsInto,
    StreamCarrier,
    open_file_carrier,
)
from aoftool.files.changes import SourceChange
from aoftool.files.failures import read_failed
from aoftool.files.held import held_file
from aoftool.files.packed.compression import ENVELOPE, SNIFF_BYTES, Compression, Decoder, detect_compression
from aoftool.files.remote.names import is_remote, without_secrets
from aoftool.files.watch import FileWatch, Watch

__all__ = ["Source", "open_source", "open_stream"]

STDIN = "-"
_SNIFF_BYTES = 4
_DROP_BYTES = 256 * 1024


class Source:
    """Read one input front to back, and a plain file also at an offset.

    Offsets are those of the decompressed stream. A plain file is read up to its size at open, so a
    log that a server is writing is read as it was. Made by `open_source` and `open_stream`.

    Attributes:
        name: printable name for messages.
        path: where it was opened, None for a stream.
        compression: None, "gzip", "zstd" or an envelope of Valkey 9.2 (`is_envelope`), told by the first
            bytes and not by the name. Commands behind an envelope follow what it holds.
        stored_size_bytes: size of the file at open, before decompression; None for a stream.
    """

    def __init__(self, carrier: Carrier, name: str, watch: Watch | None = None) -> None:
        self.name = name
        self.path = None if watch is None else watch.path
        self.stored_size_bytes = None if watch is None else watch.size_bytes
        self.compression: Compression | None = None
        self._carrier = carrier
        self._watch = watch
        self._decoder: Decoder | None = None
        self._held = b""
        self._offset = 0
        self._ended = False
        self._closed = False
        self._failure: ReadFailedError | None = None
        self._recorded: list[SourceChange] = []
        self._start_decoding()

    def _start_decoding(self) -> None:
        try:
            head = self._carrier.peek(_SNIFF_BYTES)
            if head.startswith(ENVELOPE):
                # Only then: a pipe that gives its bytes slowly is not waited for.
                head = self._carrier.peek(SNIFF_BYTES)
        except OSError as error:
            raise self._failed(error, 0) from error
        self.compression = detect_compression(head)
        # A plain file, which most are, pays for no decoder.
        if self.compression == "gzip":
            from aoftool.files.packed.gzipped import GzipDecoder

            self._decoder = GzipDecoder(self._carrier)
        elif self.compression == "zstd":
            from aoftool.files.packed.zstd import ZstdDecoder

            self._decoder = ZstdDecoder(self._carrier)
        elif self.compression is not None:
            from aoftool.files.packed.vcs import VcsDecoder

            self._decoder = VcsDecoder(self._carrier)

    @property
    def seekable(self) -> bool:
        """Tell whether `seek`, `read_at` and a cheap `skip` work: true for plain files and plain objects."""
        return self._plain is not None

    @property
    def size_bytes(self) -> int | None:
        """Bytes that reading will give, fixed at open; None when unknown."""
        return self.stored_size_bytes if self.seekable else None

    @property
    def _plain(self) -> RangedCarrier | None:
        if self._decoder is None and not isinstance(self._carrier, StreamCarrier):
            return cast("RangedCarrier", self._carrier)
        return None

    @property
    def is_local(self) -> bool:
        """Tell whether it is a plain file on a disk of this machine, which can be opened by its path."""
        return self.seekable and isinstance(self._carrier, FileCarrier)

    def tell(self) -> int:
        """Return the offset of the next byte in the decompressed stream."""
        return self._offset

    def stored_tell(self) -> int:
        """Return how many stored bytes were read, for progress against `stored_size_bytes`."""
        return self._carrier.offset

    def read_into(self, buffer: memoryview) -> int:
        """Fill the front of `buffer` and return how many bytes; 0 means the end of the input.

        Fewer bytes than there is room for do not mean the end. Damaged compression counts as the end and
        is recorded.

        Raises:
            ReadFailedError: the bytes are there and cannot be had; so for all that read.
        """
        self._raise_failure()
        if self._ended:
            return 0
        try:
            count = self._carrier.read_into(buffer) if self._decoder is None else self._decode_into(buffer)
        except OSError as error:
            raise self._failed(error, self._offset) from error
        self._offset += count
        return count

    def read(self, limit: int) -> bytes:
        """Return at most `limit` bytes as a new object; empty means the end."""
        buffer = bytearray(min(limit, _DROP_BYTES))
        with memoryview(buffer) as view:
            count = self.read_into(view)
        del buffer[count:]
        return bytes(buffer)

    def peek(self, count: int) -> bytes:
        """Return up to `count` next bytes without consuming them; fewer only at the end."""
        self._raise_failure()
        if self._ended:
            return b""
        try:
            return self._carrier.peek(count) if self._decoder is None else self._peek_decoded(count)
        except OSError as error:
            raise self._failed(error, self._offset) from error

    def skip(self, count: int) -> int:
        """Step over up to `count` bytes and return how many there were.

        Plain files are not read, but must still reach so far; everything else is read and dropped.
        """
        self._raise_failure()
        if self._ended:
            return 0
        if self._decoder is not None:
            return self._read_and_drop(count)
        try:
            skipped = self._carrier.skip(count)
        except OSError as error:
            raise self._failed(error, self._offset) from error
        self._offset += skipped
        return skipped

    def seek(self, offset: int) -> None:
        """Go to an absolute offset of a plain file; past the end, reading gives nothing."""
        self._need_plain("start reading at an offset").offset = offset
        self._offset = offset

    def read_at(self, offset: int, length: int) -> bytes:
        """Return a range of a plain file, cut to its size at open; the place does not move.

        Takes memory for `length` or for the rest of the file, whichever is less.
        """
        plain = self._need_plain("read at an offset")
        self._raise_failure()
        try:
            return plain.read_at(offset, length)
        except OSError as error:
            raise self._failed(error, offset) from error

    def reopen(self, *, as_it_is_now: bool = False) -> Source:
        """Return an independent handle on the same file, at offset 0.

        It reads the file that was opened, also when another one has its name by now.

        Args:
            as_it_is_now: read up to the present size, and compare with the present state, instead of
                those at open.
        """
        if self._watch is None or isinstance(self._carrier, StreamCarrier):
            raise SourceError(f"{self.name} can be read only once", hint="save it to a file first")
        if not isinstance(self._carrier, FileCarrier) or not isinstance(self._watch, FileWatch):
            # An object does not grow: it is what it was, or another one has its name.
            return Source(cast("RangedCarrier", self._carrier).duplicate(), self.name, self._watch)
        again = self._carrier.duplicate()
        if as_it_is_now:
            watch = FileWatch(self._watch.path, again.descriptor, os.fstat(again.descriptor))
            again.size_bytes = watch.size_bytes
        else:
            watch = self._watch.on(again.descriptor)
        return Source(again, self.name, watch)

    def changes(self) -> list[SourceChange]:
        """Return everything that happened to the input since it was opened, failed reads aside.

        Recorded errors come first, then what comparing the file with its state at open shows now.
        """
        found = list(self._recorded)
        if self._watch is not None and not self._closed:
            found.extend(self._watch.look())
        return found

    def close(self) -> None:
        """Let go of the file; what had changed until now stays known."""
        if self._closed:
            return
        if self._watch is not None:
            self._recorded.extend(self._watch.look())
        self._closed = self._ended = True
        self._carrier.close()

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _decode(self, limit: int) -> bytes:
        decoder = self._decoder
        assert decoder is not None
        piece = decoder.decode(limit)
        if not piece and decoder.damage is not None:
            kind, message = decoder.damage
            decoder.damage = None
            end = self._offset + len(self._held)
            self._recorded.append(SourceChange(kind, f"{self.name}: {message}", offset=end))
        return piece

    def _decode_into(self, buffer: memoryview) -> int:
        if not len(buffer):
            return 0
        piece = self._held[: len(buffer)]
        if piece:
            self._held = self._held[len(piece) :]
        else:
            piece = self._decode(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def _peek_decoded(self, count: int) -> bytes:
        while len(self._held) < count and (more := self._decode(count - len(self._held))):
            self._held += more
        return self._held[:count]

    def _read_and_drop(self, count: int) -> int:
        scratch = memoryview(bytearray(min(count, _DROP_BYTES)))
        left = count
        while left > 0 and (got := self.read_into(scratch[: min(left, len(scratch))])):
            left -= got
        return count - left

    def _need_plain(self, action: str) -> RangedCarrier:
        plain = self._plain
        if plain is None:
            what = f"{self.compression} data" if self.compression else "a stream"
            message = f"cannot {action} of {self.name}: it is {what}"
            raise SourceError(message, path=self.path, hint="give a plain file")
        return plain

    def _failed(self, error: OSError, offset: int) -> ReadFailedError:
        """Return what a failed read raises, now and at every later one."""
        if self._decoder is not None:
            offset = self._carrier.offset  # of the stored bytes: that is where the disk fails
        self._failure = read_failed(error, self.path, offset, self.name)
        return self._failure

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


def open_source(path: str | os.PathLike[str] | None) -> Source:
    """Open an input read-only; `-` and None are standard input.

    Args:
        path: a regular file or the URL of an object, plain or compressed with gzip or zstd. Symbolic links
            are followed:
            the caller's path is trusted, names found inside a log are not this function's business.
            One that is held (`aoftool.files.held`) is read as it was when it was first opened.

    Raises:
        SourceError: missing, unreadable, a directory, a FIFO, a device, a terminal as standard input.
        MissingExtraError: zstd input without the zstandard package.
    """
    if path is None or os.fspath(path) == STDIN:
        return open_stream(_standard_input(), "standard input")
    text = os.fspath(path)
    if is_remote(text):
        return _open_object(text)
    held = held_file(text)
    if held is None:
        carrier, status = open_file_carrier(text)
    else:
        carrier, status = held.carrier(), held.status
    try:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(carrier.descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        given_up = None if held is None else held.is_given_up
        watch = FileWatch(text, carrier.descriptor, status, given_up)
        return Source(carrier, shown_path(text), watch)
    except BaseException:
        carrier.close()
        raise


def _open_object(path: str) -> Source:
    # Here, because most inputs are files, and what knows stores takes long to load.
    from aoftool.files.remote.carrier import ObjectWatch, open_object_carrier

    carrier = open_object_carrier(path)
    try:
        return Source(carrier, without_secrets(path), ObjectWatch(carrier.object))
    except BaseException:
        carrier.close()
        raise


def open_stream(stream: ReadsInto, name: str) -> Source:
    """Read a binary stream that the caller keeps open; `name` is printable."""
    return Source(StreamCarrier(stream), name)


def _standard_input() -> ReadsInto:
    stream: ReadsInto | None = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise SourceError("standard input is closed", hint="name a file")
    if sys.stdin.isatty():
        raise SourceError("standard input is a terminal", hint="name a file, or pipe one in")
    return stream
