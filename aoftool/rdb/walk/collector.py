"""Turn what a walker reports into a summary: AUX fields, functions, modules, counts, largest keys."""

from __future__ import annotations

import contextlib
import heapq

from aoftool.rdb import opcodes
from aoftool.rdb.damage import MESSAGES, EncodingDamage, RdbIssue
from aoftool.rdb.decode.strings import read_length, read_lengths, read_string
from aoftool.rdb.dialects import MEMBER_TIMES
from aoftool.rdb.library import ServerObject, library_name, server_object
from aoftool.rdb.modules import MODULE_TYPE, split_module_id
from aoftool.rdb.opcodes import Family, encoding_of, type_info
from aoftool.rdb.walk.summary import (
    OTHER_DATABASES,
    ExpireCount,
    Extra,
    LargeKey,
    ModuleUse,
    RdbCount,
    RdbFunction,
    RdbWalk,
    ResizeHint,
)
from aoftool.rdb.walk.walker import Row, WalkerProtocol

__all__ = ["Collector"]

# Lists of the summary end here, so that forged input cannot fill memory; counts go on. A sound file has
# at most 16384 slots and, by default, 16 databases.
_LIST_LIMIT = 20_000
_NAME_LIMIT = 2000
# Suites load tens of thousands of libraries, and a rewrite has to carry all of them.
_LIBRARY_LIMIT = 100_000
_NAME_BYTES = 4096
_DATABASE_LIMIT = 2048
_TEMPLATE_BYTES = 32 * 1024 * 1024
_SCRIPT_AUX = b"lua"
# Source: Redis 7.0 src/redismodule.h REDISMODULE_AUX_AFTER_RDB.
_AFTER_KEYS = 2
_OTHER_MODULES = "module"
_MEMBERS_KEPT = 100
_SLOT_INFO_AUX = b"slot-info"
_ISSUE_LIMIT = 100
# Source: Valkey 9.1 src/cluster_migrateslots.c; fewer numbers are fatal, measured on Valkey 8.1.1, 9.1.2.
_JOB_NAME_BYTES = 40
_SLOTS = 16384
_SLOT_INFO_PARTS = 3
_COUNT_DIGITS = 18


class Collector:
    """Fill an `RdbWalk` from the reports of one walker.

    Args:
        summary: filled in place; its family is known.
        walker: asked for captured bytes and counts.
        top: how many of the largest keys to keep.
    """

    def __init__(self, summary: RdbWalk, walker: WalkerProtocol, top: int) -> None:
        assert summary.family is not None
        self.summary = summary
        self.templates: dict[int, tuple[bytes, ...]] = {}
        self._family: Family = summary.family
        self._walker = walker
        self._top = top
        self._heap: list[tuple[int, int, LargeKey]] = []
        self._rows: dict[tuple[int, int, int, str], RdbCount] = {}
        # The module that the values of the counts not yet taken belong to.
        self._module_name = ""
        self._databases: set[int] = set()
        self._template_bytes = 0
        self._member_name = b""
        self._modules: dict[int, ModuleUse] = {}

    def opcode(self) -> None:
        """Take note of the opcode that was just completed."""
        raw = self._walker.captured()
        number = self._walker.number
        # A capture ends at 64 KiB: what does not fit is stepped over but not read.
        with contextlib.suppress(EncodingDamage):
            self._note(number, raw)
        if number == opcodes.FUNCTION2:
            code, _ = _captured_key(raw, True)
            self._function(library_name(code), server_object(code))

    def _note(self, number: int, raw: bytes) -> None:
        redis = self._family is Family.REDIS
        if number == opcodes.AUX:
            self._aux(raw)
        elif number == opcodes.MODULE_AUX:
            self._count_opcode(number)
            self._module_aux(raw)
        elif number == opcodes.RESIZEDB:
            self._resize(raw)
        elif number == opcodes.SELECTDB:
            if len(self.summary.selected) < _DATABASE_LIMIT:
                self.summary.selected.setdefault(read_length(raw, 1)[0], self._walker.number_at)
        elif number == opcodes.SLOT_INFO:
            _, at = read_length(raw, 1)
            self._slot_note(read_length(raw, at)[0])
        elif number == opcodes.FUNCTION_PRE_GA:
            self._count_opcode(number)
            self._function(read_string(raw, 1)[0])
        elif number == opcodes.REDIS_HASH_TEMPLATE and redis:
            self._count_opcode(number)
            self._template(raw)
        elif number == opcodes.VALKEY_SLOT_IMPORT:
            self._count_opcode(number)
            self._slot_import(raw)
        elif number != opcodes.FUNCTION2:
            self._count_opcode(number)

    def _count_opcode(self, number: int) -> None:
        name = opcodes.opcode_name(self._family, number) or str(number)
        self.summary.other_opcodes[name] = self.summary.other_opcodes.get(name, 0) + 1

    def _aux(self, raw: bytes) -> None:
        key, at = read_string(raw, 1)
        if key == _SCRIPT_AUX:
            self._extra(self.summary.scripts, "", behind=True)
        value, _ = read_string(raw, at)
        if key == _SLOT_INFO_AUX:
            parts = value.split(b",")
            if len(parts) < _SLOT_INFO_PARTS or not all(part.isdigit() for part in parts):
                self._issue("slot-info")
            self._slot_note(int(parts[1][:_COUNT_DIGITS]) if len(parts) > 1 and parts[1].isdigit() else 0)
        if key.startswith(MEMBER_TIMES):
            self._member(key, value)
        if key in self.summary.aux or len(self.summary.aux) < _NAME_LIMIT:
            self.summary.aux[key[:_NAME_BYTES]] = value[:_NAME_BYTES]

    def _member(self, key: bytes, value: bytes) -> None:
        """Take note of a member's name, or of its expire time, which follows it. Source: KeyDB src/rdb.cpp"""
        if key == MEMBER_TIMES + b"key":
            self._member_name = value[:_NAME_BYTES]
        elif value.isdigit():
            self.summary.member_count += 1
            if len(self.summary.member_times) < _MEMBERS_KEPT:
                self.summary.member_times.append((self._member_name, int(value[:_COUNT_DIGITS])))

    def _module_aux(self, raw: bytes) -> None:
        (module_id, _, when), _ = read_lengths(raw, 1, 3)
        self._extra(self.summary.module_aux, split_module_id(module_id).name, behind=when == _AFTER_KEYS)

    def _extra(self, into: list[Extra], name: str, *, behind: bool) -> None:
        if len(into) >= _LIST_LIMIT:
            self.summary.extras_omitted += 1
            return
        start = self._walker.number_at
        into.append(Extra(name, behind, start, self._walker.offset - start))

    def _resize(self, raw: bytes) -> None:
        keys, at = read_length(raw, 1)
        expires, _ = read_length(raw, at)
        if len(self.summary.resize_hints) < _LIST_LIMIT:
            hint = ResizeHint(self._walker.db, keys, expires, self._walker.number_at)
            self.summary.resize_hints.append(hint)

    def _slot_note(self, keys: int) -> None:
        self.summary.slots.notes += 1
        self.summary.slots.keys += keys

    def _slot_import(self, raw: bytes) -> None:
        job, at = read_string(raw, 1)
        if len(self.summary.slots.imports) < _NAME_LIMIT:
            self.summary.slots.imports.append(job[:_NAME_BYTES])
        count, at = read_length(raw, at)
        sound = len(job) == _JOB_NAME_BYTES
        for _ in range(count):
            (first, last), at = read_lengths(raw, at, 2)
            sound = sound and first <= last < _SLOTS
        if not sound:
            self._issue("slot-import")

    def _issue(self, code: str) -> None:
        if len(self.summary.issues) < _ISSUE_LIMIT:
            self.summary.issues.append(RdbIssue(code, self._walker.number_at, MESSAGES[code]))

    def _function(self, name: bytes, use: ServerObject = ServerObject.UNUSED) -> None:
        self.summary.function_count += 1
        if len(self.summary.functions) < _LIBRARY_LIMIT:
            start = self._walker.number_at
            size = self._walker.offset - start
            self.summary.functions.append(RdbFunction(name[:_NAME_BYTES], start, size, use))

    def _template(self, raw: bytes) -> None:
        number, at = read_length(raw, 1)
        count, at = read_length(raw, at)
        names = []
        for _ in range(count):
            name, at = read_string(raw, at)
            names.append(name)
        self._template_bytes += len(raw)
        if self._template_bytes <= _TEMPLATE_BYTES:
            self.templates[number] = tuple(names)

    def module(self) -> None:
        """Take note of the module that was just named."""
        number = self._walker.module_id
        use = self._modules.get(number)
        is_many = use is None and len(self._modules) >= _LIST_LIMIT
        name = _OTHER_MODULES if is_many else split_module_id(number).name
        if name != self._module_name:
            self.database()
            self._module_name = name
        if is_many:
            return
        if use is None:
            use = self._modules[number] = ModuleUse(*split_module_id(number))
            self.summary.modules.append(use)
        if self._walker.number == opcodes.MODULE_AUX:
            use.aux = True
        else:
            use.values = True

    def large(self) -> None:
        """Take note of the key that was just completed and that passed the threshold."""
        row = Row(*self._walker.last_row)
        info = type_info(self._family, row.type_id)
        assert info is not None
        key, cut = _captured_key(self._walker.captured(), self._walker.capture_cut)
        large = LargeKey(
            db=row.db,
            key=key,
            key_cut=cut,
            type_name=info.type_name,
            encoding=self._encoding(row.type_id, row.form),
            offset=row.start,
            size_bytes=row.end - row.start,
            elements=None if row.flags & 8 or row.type_id == MODULE_TYPE else row.elements,
            expire_at_ms=row.expire_at_ms if row.flags & 1 else None,
        )
        # Of equal sizes the earlier stays: offsets are negated so that the heap drops the later.
        entry = (large.size_bytes, -large.offset, large)
        if len(self._heap) < self._top:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heapreplace(self._heap, entry)
        if len(self._heap) == self._top:
            self._walker.threshold = self._heap[0][0]

    def database(self) -> None:
        """Add up the counts since the last call, of the database or of a module that ends here."""
        rows, (keys, first_ms, last_ms) = self._walker.take_tally()
        if not rows:
            return
        db = self._walker.db
        if db not in self._databases and len(self._databases) >= _DATABASE_LIMIT:
            db = OTHER_DATABASES
        self._databases.add(db)
        for kind, form, *counts in rows:
            self._add_row(db, kind, form, counts)
        if keys:
            self._add_expires(db, keys, first_ms, last_ms)

    def _add_row(self, db: int, kind: int, form: int, counts: list[int]) -> None:
        encoding = self._encoding(kind, form)
        row = self._rows.get((db, kind, form, encoding))
        if row is None:
            info = type_info(self._family, kind)
            assert info is not None
            row = RdbCount(db, kind, info.type_name, encoding, 0, 0, 0, 0)
            self._rows[db, kind, form, encoding] = row
        row.keys += counts[0]
        row.elements += counts[1]
        row.size_bytes += counts[2]
        row.unknown_elements += counts[0] if kind == MODULE_TYPE else counts[3]

    def _encoding(self, kind: int, form: int) -> str:
        """Return the name of an encoding; of the values that were counted last, where a module keeps them."""
        return self._module_name if kind == MODULE_TYPE else encoding_of(self._family, kind, form)

    def _add_expires(self, db: int, keys: int, first_ms: int, last_ms: int) -> None:
        known = self.summary.expires.get(db)
        if known is None:
            self.summary.expires[db] = ExpireCount(keys, first_ms, last_ms)
            return
        known.keys += keys
        known.first_ms = min(known.first_ms, first_ms)
        known.last_ms = max(known.last_ms, last_ms)

    def close(self) -> None:
        """Put what was gathered in order: counts by database and type, largest keys first."""
        self.database()
        self.summary.counts = [self._rows[place] for place in sorted(self._rows)]
        self.summary.largest = [entry[2] for entry in sorted(self._heap, reverse=True)]


def _captured_key(raw: bytes, cut: bool) -> tuple[bytes, bool]:
    """Return the key in a captured record head (type byte, key); cut keys give what is there."""
    try:
        return read_string(raw, 1)[0], False
    except EncodingDamage:
        if not cut or raw[1] >= 0xC0:
            return b"", True
        return raw[read_length(raw, 1)[1] :], True
