"""Reference implementation of records; `_record_cy.pyx` is the compiled twin."""

from __future__ import annotations

from aoftool.dataclass import dataclass, field
from aoftool.errors import AoftoolError, SourceError
from aoftool.files import Source
from aoftool.rdb.damage import EncodingDamage
from aoftool.rdb.decode.decode import decode_value
from aoftool.rdb.decode.strings import read_string
from aoftool.rdb.modules import MODULE_TYPE, module_name
from aoftool.rdb.opcodes import Family, collection_types, encoding_of, type_info
from aoftool.rdb.walk.walker import WalkerProtocol
from aoftool.values import Value

__all__ = ["Record", "RecordContext", "build_records", "refuse_no_elements"]

_EXPIRE, _IDLE, _FREQ, _UNCOUNTED = 1, 2, 4, 8
EMPTY_MOST = 64
"""Bytes that a packed value without elements takes at most; above them nobody looks."""


@dataclass(slots=True)
class RecordContext:
    """What the records of one part share.

    Attributes:
        source: where bytes that were not kept can be read again; None when they cannot.
        templates: field names of the hash templates defined so far.
        skip_empty: leave collections without elements out, as servers since 7.0 do when they load.
            Source: Redis 7.0 src/rdb.c rdbLoadObject, emptykey.
        empty: how many were left out.
        empty_bytes: bytes of their records.
    """

    family: Family
    version: int
    source: Source | None
    templates: dict[int, tuple[bytes, ...]] = field(default_factory=dict)
    skip_empty: bool = False
    empty: int = 0
    empty_bytes: int = 0
    collections: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.collections = collection_types(self.family)


class Record:
    """One key with its span; bytes are cut out and decoded only when asked for.

    A record keeps the window it came from alive (256 KiB, or the record where it is larger), so hold
    on to what you take from it rather than to many records. Records above the reader's keep limit hold
    nothing and read their bytes again from the file.
    """

    __slots__ = ("_base", "_context", "_data", "_row")

    def __init__(
        self,
        data: bytes | memoryview | None,
        base: int,
        row: tuple[int, ...],
        context: RecordContext,
    ) -> None:
        self._data = data
        self._base = base
        self._row = row
        self._context = context

    @property
    def start(self) -> int:
        """Offset of the first byte: the expire, idle or freq opcode in front, or the type byte."""
        return self._row[0]

    @property
    def type_offset(self) -> int:
        """Offset of the type byte."""
        return self._row[1]

    @property
    def key_start(self) -> int:
        """Offset of the key's length."""
        return self._row[2]

    @property
    def value_start(self) -> int:
        """Offset of the first byte after the key."""
        return self._row[3]

    @property
    def end(self) -> int:
        """Offset after the last byte."""
        return self._row[4]

    @property
    def size_bytes(self) -> int:
        """Bytes of the whole record as stored."""
        return self._row[4] - self._row[0]

    @property
    def type_id(self) -> int:
        """The type byte."""
        return self._row[5]

    @property
    def family(self) -> Family:
        """Whose meaning the type byte has."""
        return self._context.family

    @property
    def type_name(self) -> str:
        """What TYPE answers: `string`, `list`, `set`, `zset`, `hash`, `stream`, `array`; `module` for
        module values and `path-hash` for the hashes by path of Valkey 9.2."""
        info = type_info(self._context.family, self._row[5])
        assert info is not None
        return info.type_name

    @property
    def encoding(self) -> str:
        """How the value is encoded in the file, such as `listpack` or, for strings, `lzf`; of a value
        that a module keeps the name of its type, such as `ReJSON-RL`."""
        if self._row[5] == MODULE_TYPE:
            return module_name(self.value_bytes())
        return encoding_of(self._context.family, self._row[5], self._row[6])

    @property
    def db(self) -> int:
        """Database number."""
        return self._row[7]

    @property
    def expire_at_ms(self) -> int | None:
        """Expire time in Unix ms, None when the key has none."""
        return self._row[8] if self._row[9] & _EXPIRE else None

    @property
    def idle_s(self) -> int | None:
        """Seconds since the last access, None when the file does not say."""
        return self._row[10] if self._row[9] & _IDLE else None

    @property
    def freq(self) -> int | None:
        """LFU counter, None when the file does not say."""
        return self._row[11] if self._row[9] & _FREQ else None

    @property
    def elements(self) -> int | None:
        """Number of elements as the headers state it, None when they do not tell or only a module knows."""
        is_unknown = self._row[9] & _UNCOUNTED or self._row[5] == MODULE_TYPE
        return None if is_unknown else self._row[12]

    @property
    def is_empty(self) -> bool:
        """Tell whether the value is a collection without elements, by the headers that servers go by."""
        number, flags, elements = self._row[5], self._row[9], self._row[12]
        if not self._context.collections[number]:
            return False
        if not flags & _UNCOUNTED:
            return elements == 0
        # The header is packed. A blob of no entries has at most 11 bytes, and packing adds few.
        return self._row[4] - self._row[3] <= EMPTY_MOST and holds_nothing(self)

    @property
    def key(self) -> bytes:
        """The key.

        Raises:
            EncodingDamage: the key is packed and does not unpack.
        """
        start = self._row[2]
        try:
            return read_string(self._cut(start, self._row[3]), 0)[0]
        except EncodingDamage as found:
            raise found.moved(start) from None

    def raw(self) -> bytes:
        """Return the bytes of the whole record, ready to be copied behind a SELECTDB of its database.

        When an opcode of another kind stood between an expire time and its key, the times in front
        are not part of the span; see `split_times`.
        """
        return bytes(self._cut(self._row[0], self._row[4]))

    @property
    def split_times(self) -> bool:
        """Tell whether a time or counter of this key stands outside its span (no server writes that)."""
        return self._row[0] == self._row[1] and bool(self._row[9] & ~_UNCOUNTED)

    def value_bytes(self) -> bytes | memoryview:
        """Return the bytes of the value as stored, without copying where that is possible."""
        return self._cut(self._row[3], self._row[4])

    def value(self) -> Value:
        """Decode the value.

        Raises:
            EncodingDamage: the value breaks its encoding; the offset is absolute, and that of the
                value for damage inside a blob.
            UnsupportedError: the type is known by name only.
            SourceError: the bytes were not kept and cannot be read again.
        """
        context = self._context
        try:
            value = decode_value(context.family, self._row[5], self.value_bytes(), context.templates)
        except EncodingDamage as found:
            raise found.in_value(self._row[3]) from None
        if not value and context.collections[self._row[5]]:
            refuse_no_elements(self.elements, self._row[3], self._row[4])
        return value

    def _cut(self, start: int, end: int) -> bytes | memoryview:
        if self._data is not None:
            return self._data[start - self._base : end - self._base]
        source = self._context.source
        if source is None:
            raise SourceError("the bytes of this record were not kept", offset=start)
        data = source.read_at(start, end - start)
        if len(data) != end - start:
            raise SourceError(
                f"{source.name} has changed since it was walked", path=source.path, offset=start
            )
        return data

    def __repr__(self) -> str:
        return f"<Record {self.type_name} db={self.db} [{self.start}:{self.end}]>"


def refuse_no_elements(elements: int | None, start: int, end: int) -> None:
    """Refuse a collection that decoded to no elements, unless it says so itself or is small and packed.

    Args:
        elements: as the headers state it, None where they do not tell.
        start, end: of the value.

    Raises:
        EncodingDamage: it does not.
    """
    if elements:
        raise EncodingDamage("blob-count", start)
    if elements is None and end - start > EMPTY_MOST:
        raise EncodingDamage("value-empty", start)


def holds_nothing(record: Record) -> bool:
    """Tell whether a small packed collection decodes to no elements; damage is something."""
    try:
        return not record.value()
    except AoftoolError:
        return False


def build_records(
    walker: WalkerProtocol, data: bytes | memoryview | None, base: int, context: RecordContext
) -> list[Record]:
    """Return the records whose rows the walker has gathered.

    Args:
        data: the bytes from offset `base` on; records that start before it hold none.
    """
    found = [Record(data if row[0] >= base else None, base, row, context) for row in walker.take_rows()]
    if not context.skip_empty:
        return found
    kept = []
    for record in found:
        if record.is_empty:
            context.empty += 1
            context.empty_bytes += record.size_bytes
        else:
            kept.append(record)
    return kept
