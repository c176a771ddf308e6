"""Writes RDB files that a target server loads, key by key, in constant memory.

Knows the order of the parts of a file and its checksum. How values are encoded is known to
`aoftool.rdb.encode.values`, what a target is to `aoftool.rdb.encode.targets`; where the bytes go is the
caller's sink.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from aoftool.errors import UnsupportedError
from aoftool.rdb.encode.encode import encode_length, encode_string, string_records
from aoftool.rdb.encode.targets import Limits, Target
from aoftool.rdb.encode.values import ValueEncoder
from aoftool.rdb.losses import MODULE_VALUE, REFUSED_KEPT, Refused, losses_text, without_unsupported
from aoftool.rdb.walk.checksum import crc64
from aoftool.values import ModuleValue, Value

__all__ = ["REFUSED_KEPT", "ByteCounter", "RdbWriter", "Sink"]

"""Keys named in the error when a target cannot hold all of them."""

_FLUSH_BYTES = 256 * 1024

_FUNCTION, _IDLE, _FREQ, _AUX, _RESIZEDB = b"\xf5", b"\xf8", b"\xf9", b"\xfa", b"\xfb"
_EXPIRE_MS, _SELECTDB, _EOF = b"\xfc", b"\xfe", b"\xff"


class Sink(Protocol):
    """What takes the bytes: a file open for writing, or a `ByteCounter`."""

    def write(self, data: bytes, /) -> object:
        """Take bytes in order."""


class ByteCounter:
    """A sink that keeps nothing: for the exact size of a file without writing it."""

    def __init__(self) -> None:
        self.size_bytes = 0

    def write(self, data: bytes, /) -> None:
        """Count the bytes."""
        self.size_bytes += len(data)


class RdbWriter:
    """Write one RDB file: header, functions, databases with their keys, end.

    The calls come in that order: `function` before the first `select`, keys after it, `close` last.
    As a context manager it closes on success only, so that a failure never gets an end mark.

    Args:
        sink: takes the bytes, in pieces of some 256 KB.
        target: the server the file is for.
        now_s: Unix time for the `ctime` field; the clock is never read.
        base: mark the file as base of an AOF.
        used_memory_bytes: the `used-mem` field; left out when not known.
        limits: settings that choose between compact and plain encodings.
        compress: pack long strings with LZF, as servers do by default.

    Attributes:
        drops: leave out what the target cannot hold, instead of failing at the end.
        holds_modules: the target loads the module values that come.
    """

    def __init__(
        self,
        sink: Sink,
        target: Target,
        now_s: int,
        *,
        base: bool = False,
        used_memory_bytes: int | None = None,
        limits: Limits | None = None,
        compress: bool = True,
    ) -> None:
        self._sink = sink
        self._target = target
        self._values = ValueEncoder(target, limits, compress=compress)
        self._compress = compress
        self._buffer = bytearray()
        self._checksum = 0
        # Who only asks how large a file would be needs no sum, nor the library that makes it.
        self._sums = not isinstance(sink, ByteCounter)
        self._flushed = 0
        self._closed = False
        self.drops = False
        self.holds_modules = True
        self._ending = b""
        self.refused: list[Refused] = []
        self.refused_count = 0
        self._db = 0
        self._header(now_s, used_memory_bytes, base)

    def __enter__(self) -> RdbWriter:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None and not self._closed:
            self.close()

    @property
    def size_bytes(self) -> int:
        """Return the bytes written so far, those still in the buffer included."""
        return self._flushed + len(self._buffer)

    # -- parts of the file -------------------------------------------------------------------

    def _header(self, now_s: int, used_memory_bytes: int | None, base: bool) -> None:
        target = self._target
        self._put(target.header)
        self.aux(target.version_field, target.server_version)
        self.aux(b"redis-bits", b"64")
        self.aux(b"ctime", b"%d" % now_s)
        if used_memory_bytes is not None:
            self.aux(b"used-mem", b"%d" % used_memory_bytes)
        self.aux(target.base_field, b"1" if base else b"0")

    def aux(self, name: bytes, value: bytes) -> None:
        """Write one AUX field."""
        self._put(_AUX + encode_string(name, self._compress) + encode_string(value, self._compress))

    def function(self, code: bytes) -> None:
        """Write one function library.

        Args:
            code: its source, starting with `#!`.
        """
        if not self._target.functions:
            self._refuse(self._db, code.partition(b"\n")[0], "a function library")
            return
        self._put(_FUNCTION + encode_string(code, self._compress))

    def select(self, db: int, keys: int = 0, expires: int = 0) -> None:
        """Open a database.

        Args:
            db: its number.
            keys: how many keys follow, a hint for the loader; no hint is written for 0.
            expires: how many of them have an expire time.
        """
        self._db = db
        self._put(_SELECTDB + encode_length(db))
        if keys:
            self._put(_RESIZEDB + encode_length(keys) + encode_length(expires))

    def key(
        self,
        key: bytes,
        value: Value,
        *,
        expire_at_ms: int | None = None,
        idle_s: int | None = None,
        freq: int | None = None,
    ) -> None:
        """Write one key with its value.

        A value that the target cannot hold is not written but remembered: `close` then raises. So
        one pass names all such keys.

        Raises:
            ValueError: an aggregate without elements.
        """
        if type(value) is bytes and idle_s is None and freq is None:
            self._put(string_records(((key, value, expire_at_ms),), self._compress))
            return
        problem = self._target.refusal(value)
        if type(value) is ModuleValue and not self.holds_modules:
            problem = MODULE_VALUE
        if problem:
            self._refuse(self._db, key, problem)
            left = (
                without_unsupported(value, self._target) if self.drops and problem != MODULE_VALUE else None
            )
            if left is None:
                return
            value = left
        parts = []
        if expire_at_ms is not None:
            parts.append(_EXPIRE_MS + expire_at_ms.to_bytes(8, "little", signed=True))
        # A loader takes either; real servers write one of them, by the eviction policy.
        if idle_s is not None:
            parts.append(_IDLE + encode_length(idle_s))
        elif freq is not None:
            parts.append(_FREQ + bytes([freq]))
        type_id, data = self._values.encode(value)
        parts += (bytes([type_id]), encode_string(key, self._compress), data)
        self._put(b"".join(parts))

    def strings(self, rows: Iterable[tuple[bytes, bytes, int | None]]) -> None:
        """Write many string keys: (key, value, expire time in Unix ms or None) each.

        Several times as fast as `key`; the rows are encoded in one go, so hand over some thousands.
        """
        self._put(string_records(rows, self._compress))

    def raw_record(self, record: bytes) -> None:
        """Copy a whole record: its expire, idle and frequency opcodes, type, key and value.

        The caller has asked `Target.reads_type` first and copies only what was read without damage.
        """
        self._put(record)

    def at_end(self, opcodes: bytes) -> None:
        """Keep whole opcodes that go behind all keys."""
        self._ending += opcodes

    def refuse(self, name: bytes, problem: str) -> None:
        """Remember something else that the target cannot hold."""
        self._refuse(self._db, name, problem)

    def left_out(self) -> str:
        """Return what was refused, in words; empty for nothing."""
        return losses_text(self.refused, self.refused_count, REFUSED_KEPT) if self.refused_count else ""

    def close(self) -> int:
        """Write the end and the checksum, and return the size of the file in bytes.

        Raises:
            UnsupportedError: keys were refused; the file has no end mark then and no server loads it.
        """
        if self.refused_count and not self.drops:
            hint = "choose a newer target or another format, or leave these out: --drop-unsupported"
            raise UnsupportedError(self._refusal_text(), hint=hint)
        self._put(self._ending + _EOF)
        self._flush()
        self._sink.write(self._checksum.to_bytes(8, "little"))
        self._flushed += 8
        self._closed = True
        return self._flushed

    # -- bytes -------------------------------------------------------------------------------

    def _put(self, data: bytes) -> None:
        if len(data) >= _FLUSH_BYTES:
            # Large pieces are not copied: they were made to be handed on.
            self._flush()
            self._hand_on(data)
            return
        self._buffer += data
        if len(self._buffer) >= _FLUSH_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._buffer:
            self._hand_on(bytes(self._buffer))
            self._buffer.clear()

    def _hand_on(self, data: bytes) -> None:
        if self._sums:
            self._checksum = crc64(data, self._checksum)
        self._sink.write(data)
        self._flushed += len(data)

    def _refuse(self, db: int, name: bytes, problem: str) -> None:
        self.refused_count += 1
        if len(self.refused) < REFUSED_KEPT:
            self.refused.append((db, name, problem))

    def _refusal_text(self) -> str:
        shown = losses_text(self.refused, self.refused_count)
        return f"{self._target.name} cannot hold {self.refused_count} of the items: {shown}"
