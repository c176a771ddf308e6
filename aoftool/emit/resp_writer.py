"""Writes a data set as commands: the AOF base a server writes with `aof-use-rdb-preamble no`.

Knows the commands and their order for each type and target. Two things no command can say: when a
consumer was last seen, and idle times or access frequencies of keys. Where a server's own rewrite loses
data this one does not: pending entries whose stream entry is gone are carried by placeholders; module
values, scores of -0 and streams whose counters no command can set by RESTORE.
Source: Valkey 9.1 src/aof.c rewriteAppendOnlyFileRio; measured on Redis 6.2.5, 7.0.15 and 8.0.6 and on
Valkey 8.1.1 and 9.1.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, islice
from math import copysign

from aoftool.emit.commands_out import encode_argvs, encode_batches
from aoftool.emit.stream_commands import stream_commands, stream_needs_payload
from aoftool.errors import UnsupportedError
from aoftool.rdb.encode.payload import encode_payload
from aoftool.rdb.encode.score_text import score_text
from aoftool.rdb.encode.targets import Target
from aoftool.rdb.encode.writer import Sink
from aoftool.rdb.losses import MODULE_VALUE, REFUSED_KEPT, Refused, losses_text, without_unsupported
from aoftool.resp.encode import encode_command, encode_select
from aoftool.values import (
    HashValue,
    ListValue,
    ModuleValue,
    SetValue,
    StreamValue,
    Value,
    ZSetValue,
)

__all__ = ["ITEMS_PER_COMMAND", "RespWriter", "value_bytes", "value_commands"]

ITEMS_PER_COMMAND = 64
"""Elements in one command at most. Source: Redis 7.0 src/server.h AOF_REWRITE_ITEMS_PER_CMD"""

_FLUSH_BYTES = 256 * 1024

Argv = tuple[bytes, ...]


class RespWriter:
    """Write one file of commands. The calls are those of `aoftool.rdb.encode.writer.RdbWriter`.

    Args:
        sink: takes the bytes, in pieces of some 256 KB.
        target: the server the file is for.
        now_s: Unix time of the annotation at the front; None for no annotation. Redis 6.2 knows none.
        items_per_command: elements in one command at most.

    Attributes:
        drops: leave out what the target cannot hold, instead of failing at the end.
        holds_modules: the target loads the module values that come.
    """

    def __init__(
        self,
        sink: Sink,
        target: Target,
        now_s: int | None = None,
        *,
        items_per_command: int = ITEMS_PER_COMMAND,
    ) -> None:
        self._items = items_per_command
        self._sink = sink
        self._target = target
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._flushed = 0
        self._db = 0
        self._select: bytes = b""
        self.drops = False
        self.holds_modules = True
        self.refused: list[Refused] = []
        self.refused_count = 0
        if now_s is not None and target.rdb_version >= _ANNOTATIONS_SINCE:
            self._put(b"#TS:%d\r\n" % now_s)

    @property
    def size_bytes(self) -> int:
        """Return the bytes written so far, those still in the buffer included."""
        return self._flushed + self._buffered

    def function(self, code: bytes) -> None:
        """Write one function library."""
        if not self._target.functions:
            self._refuse(code.partition(b"\n")[0], "a function library")
            return
        self._put(encode_command((b"FUNCTION", b"LOAD", code)))

    def select(self, db: int, keys: int = 0, expires: int = 0) -> None:
        """Open a database; the command is written with its first key. The counts are not used."""
        self._db = db
        self._select = encode_select(db)

    def key(
        self,
        key: bytes,
        value: Value,
        *,
        expire_at_ms: int | None = None,
        idle_s: int | None = None,
        freq: int | None = None,
    ) -> None:
        """Write the commands that make one key; a value the target cannot hold is remembered for `close`.

        Raises:
            ValueError: an aggregate without elements.
        """
        if not value and not isinstance(value, (bytes, StreamValue)):
            raise ValueError("an aggregate without elements cannot be stored")
        problem = self._target.refusal(value)
        if type(value) is ModuleValue and not self.holds_modules:
            problem = MODULE_VALUE
        if problem:
            self._refuse(key, problem)
            left = (
                without_unsupported(value, self._target) if self.drops and problem != MODULE_VALUE else None
            )
            if left is None:
                return
            value = left
        if self._select:
            self._put(self._select)
            self._select = b""
        self._put(value_bytes(key, value, self._target, self._items))
        if expire_at_ms is not None:
            self._put(encode_command((b"PEXPIREAT", key, b"%d" % expire_at_ms)))

    def strings(self, rows: Iterable[tuple[bytes, bytes, int | None]]) -> None:
        """Write many string keys: (key, value, expire time in Unix ms or None) each.

        Several times as fast as `key`; the rows are written in one go, so hand over some thousands.
        """
        argvs: list[Argv] = []
        for key, value, expire_at_ms in rows:
            argvs.append((b"SET", key, value))
            if expire_at_ms is not None:
                argvs.append((b"PEXPIREAT", key, b"%d" % expire_at_ms))
        if self._select and argvs:
            self._put(self._select)
            self._select = b""
        self._put(encode_argvs(argvs))

    def raw_record(self, record: bytes) -> None:
        """Copy the commands that make whole keys of the database that is open."""
        if self._select:
            self._put(self._select)
            self._select = b""
        self._put(record)

    def script(self, text: bytes) -> None:
        """Write a script for EVALSHA; for servers that keep scripts in their logs."""
        self._put(encode_command((b"SCRIPT", b"LOAD", text)))

    def refuse(self, name: bytes, problem: str) -> None:
        """Remember something else that the target cannot hold."""
        self._refuse(name, problem)

    def left_out(self) -> str:
        """Return what was refused, in words; empty for nothing."""
        return losses_text(self.refused, self.refused_count, REFUSED_KEPT) if self.refused_count else ""

    def close(self) -> int:
        """Hand the rest to the sink and return the size of the file in bytes.

        Raises:
            UnsupportedError: keys were refused.
        """
        if self.refused_count and not self.drops:
            shown = losses_text(self.refused, self.refused_count)
            raise UnsupportedError(
                f"{self._target.name} cannot hold {self.refused_count} of the items: {shown}",
                hint="choose a newer target or another format, or leave these out: --drop-unsupported",
            )
        self._flush()
        return self._flushed

    def _put(self, data: bytes) -> None:
        self._buffer.append(data)
        self._buffered += len(data)
        if self._buffered >= _FLUSH_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._buffer:
            self._sink.write(b"".join(self._buffer))
        self._flushed += self._buffered
        self._buffer, self._buffered = [], 0

    def _refuse(self, name: bytes, problem: str) -> None:
        self.refused_count += 1
        if len(self.refused) < REFUSED_KEPT:
            self.refused.append((self._db, name, problem))


_ANNOTATIONS_SINCE = 10


def value_commands(
    key: bytes, value: Value, target: Target, items: int = ITEMS_PER_COMMAND
) -> Iterator[Argv]:
    """Yield the commands that make a value from nothing, as the target's own rewrite writes them."""
    yield from _single_commands(key, value, target)
    name, texts, count = _bulk(value, target, items)
    rest = iter(texts)
    while batch := tuple(islice(rest, count)):
        yield (name, key, *batch)


def value_bytes(key: bytes, value: Value, target: Target, items: int = ITEMS_PER_COMMAND) -> bytes:
    """Return the same commands as bytes."""
    name, texts, count = _bulk(value, target, items)
    return encode_argvs(_single_commands(key, value, target)) + encode_batches((name, key), texts, count)


def _single_commands(key: bytes, value: Value, target: Target) -> Iterator[Argv]:
    """Yield the commands that are not filled with elements; they come before those that are."""
    if isinstance(value, bytes):
        yield b"SET", key, value
    elif _needs_payload(value, target):
        yield b"RESTORE", key, b"0", encode_payload(value, target)
    elif isinstance(value, StreamValue):
        yield from stream_commands(key, value, target)
    elif isinstance(value, HashValue) and value.expires:
        hashes = _redis_expiring_hash if target.flavour == "redis" else _valkey_expiring_fields
        yield from hashes(key, value)


def _needs_payload(value: Value, target: Target) -> bool:
    """Tell whether no commands of the target make the value, so that only its payload does.

    From 7.0 on a compact sorted set takes -0 for the integer 0 when it comes from a command.
    """
    if isinstance(value, ZSetValue):
        # The first look is fast and sees 0 as well.
        return (
            target.listpacks
            and 0.0 in value.values()
            and any(score == 0 and copysign(1, score) < 0 for score in value.values())
        )
    if isinstance(value, StreamValue):
        return stream_needs_payload(value, target)
    return isinstance(value, ModuleValue)


def _bulk(value: Value, target: Target, items: int) -> tuple[bytes, Iterable[bytes], int]:
    """Return command name, its elements, and how many go into one command."""
    if isinstance(value, ListValue):
        return b"RPUSH", value, items
    if isinstance(value, SetValue):
        return b"SADD", value, items
    if isinstance(value, ZSetValue) and not _needs_payload(value, target):
        text = partial(score_text, shortest=target.shortest_scores)
        return b"ZADD", (part for pair in value.items() for part in (text(pair[1]), pair[0])), 2 * items
    if isinstance(value, HashValue) and not value.expires:
        return b"HMSET", chain.from_iterable(value.items()), 2 * items
    if isinstance(value, HashValue) and target.flavour == "valkey":
        rest = (pair for pair in value.items() if pair[0] not in value.expires)
        return b"HMSET", chain.from_iterable(rest), 2 * items
    return b"", (), 1


def _valkey_expiring_fields(key: bytes, value: HashValue) -> Iterator[Argv]:
    """Yield the fields with expire times, each with its own command; they come first on Valkey."""
    for field, at in value.expires.items():
        yield b"HSETEX", key, b"PXAT", b"%d" % at, b"FIELDS", b"1", field, value[field]


def _redis_expiring_hash(key: bytes, value: HashValue) -> Iterator[Argv]:
    for field, text in value.items():
        yield b"HMSET", key, field, text
        at = value.expires.get(field)
        if at is not None:
            yield b"HPEXPIREAT", key, b"%d" % at, b"FIELDS", b"1", field
