# Compiled twin of _record_py: the same class, the same answers.
"""Records as compact objects, their keys and values decoded without detours."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t

from aoftool.rdb._rdb_blobs cimport Text, close_text, open_text
from aoftool.rdb._rdb_rows cimport RowData
from aoftool.rdb.decode._values_cy cimport decode_sound

from aoftool.errors import SourceError
from aoftool.rdb.records._record_py import EMPTY_MOST as _EMPTY_MOST, holds_nothing, refuse_no_elements
from aoftool.rdb.walk._walk_cy import Walker
from aoftool.rdb.damage import EncodingDamage
from aoftool.rdb.modules import MODULE_TYPE as _MODULE_TYPE, module_name
from aoftool.rdb.opcodes import Family, encoding_of, type_info
from aoftool.rdb.decode.strings import read_string
from aoftool.rdb.decode.unpacking import UNPACKS_FROM as _UNPACKS_FROM
from aoftool.rdb.decode.decode import decode_value

__all__ = ["Record", "build_records"]

cdef enum:
    EXPIRE = 1
    IDLE = 2
    FREQ = 4
    UNCOUNTED = 8

cdef object VALKEY = Family.VALKEY
cdef uint64_t EMPTY_MOST = _EMPTY_MOST
cdef uint64_t MODULE_TYPE = _MODULE_TYPE
cdef uint64_t UNPACKS_FROM = _UNPACKS_FROM


@cython.final
@cython.freelist(64)
@cython.no_gc  # holds bytes and a context that never points back
cdef class Record:
    """See `aoftool.rdb.records._record_py.Record`."""

    @property
    def start(self):
        """Offset of the first byte: the expire, idle or freq opcode in front, or the type byte."""
        return self.row.start

    @property
    def type_offset(self):
        """Offset of the type byte."""
        return self.row.type_at

    @property
    def key_start(self):
        """Offset of the key's length."""
        return self.row.key_at

    @property
    def value_start(self):
        """Offset of the first byte after the key."""
        return self.row.value_at

    @property
    def end(self):
        """Offset after the last byte."""
        return self.row.end

    @property
    def size_bytes(self):
        """Bytes of the whole record as stored."""
        return self.row.end - self.row.start

    @property
    def type_id(self):
        """The type byte."""
        return self.row.number

    @property
    def family(self):
        """Whose meaning the type byte has."""
        return self.context.family

    @property
    def type_name(self):
        """What TYPE answers."""
        return type_info(self.context.family, self.row.number).type_name

    @property
    def encoding(self):
        """How the value is encoded in the file, or by which module."""
        if self.row.number == MODULE_TYPE:
            return module_name(self.value_bytes())
        return encoding_of(self.context.family, self.row.number, self.row.form)

    @property
    def db(self):
        """Database number."""
        return self.row.db

    @property
    def expire_at_ms(self):
        """Expire time in Unix ms, None when the key has none."""
        return self.row.expire if self.row.flags & EXPIRE else None

    @property
    def idle_s(self):
        """Seconds since the last access, None when the file does not say."""
        return self.row.idle if self.row.flags & IDLE else None

    @property
    def freq(self):
        """LFU counter, None when the file does not say."""
        return self.row.freq if self.row.flags & FREQ else None

    @property
    def elements(self):
        """Number of elements as the headers state it, None when they do not tell."""
        if self.row.flags & UNCOUNTED or self.row.number == MODULE_TYPE:
            return None
        return self.row.elements

    @property
    def is_empty(self):
        """Tell whether the value is a collection without elements."""
        if not self.context.collections[self.row.number]:
            return False
        if not self.row.flags & UNCOUNTED:
            return self.row.elements == 0
        return self.row.end - self.row.value_at <= EMPTY_MOST and holds_nothing(self)

    @property
    def key(self):
        """The key."""
        cdef Text text
        cdef const uint8_t* first
        if type(self.data) is bytes:
            first = <const uint8_t*>PyBytes_AS_STRING(self.data) - self.base
            if open_text(first + self.row.key_at, first + self.row.value_at, &text) > 0:
                try:
                    return PyBytes_FromStringAndSize(<const char*>text.data, text.size)
                finally:
                    close_text(&text)
        try:
            return read_string(self._cut(self.row.key_at, self.row.value_at), 0)[0]
        except EncodingDamage as found:
            raise found.moved(self.row.key_at) from None

    def raw(self):
        """Return the bytes of the whole record."""
        return bytes(self._cut(self.row.start, self.row.end))

    @property
    def split_times(self):
        """Tell whether a time or counter of this key stands outside its span."""
        return self.row.start == self.row.type_at and (self.row.flags & ~<uint64_t>UNCOUNTED) != 0

    def value_bytes(self):
        """Return the bytes of the value as stored, without copying where that is possible."""
        return self._cut(self.row.value_at, self.row.end)

    def value(self):
        """Decode the value."""
        cdef const uint8_t* first
        cdef object found
        # Large values are looked at first: they may unpack to far more.
        if type(self.data) is bytes and self.row.end - self.row.value_at < UNPACKS_FROM:
            first = <const uint8_t*>PyBytes_AS_STRING(self.data) - self.base
            found = decode_sound(
                self.context.family is VALKEY,
                <int>self.row.number,
                first + self.row.value_at,
                first + self.row.end,
            )
            if found is not None and found:
                return found
        context = self.context
        try:
            found = decode_value(context.family, self.row.number, self.value_bytes(), context.templates)
        except EncodingDamage as damage:
            raise damage.in_value(self.row.value_at) from None
        if not found and context.collections[self.row.number]:
            refuse_no_elements(self.elements, self.row.value_at, self.row.end)
        return found

    cdef object _cut(self, uint64_t start, uint64_t end):
        if self.data is not None:
            return self.data[start - self.base : end - self.base]
        source = self.context.source
        if source is None:
            raise SourceError("the bytes of this record were not kept", offset=start)
        data = source.read_at(start, end - start)
        if <uint64_t>len(data) != end - start:
            raise SourceError(
                f"{source.name} has changed since it was walked", path=source.path, offset=start
            )
        return data

    def __repr__(self):
        return f"<Record {self.type_name} db={self.db} [{self.start}:{self.end}]>"


def build_records(walker, data, uint64_t base, context):
    """Return the records whose rows the walker has gathered; see `_record_py.build_records`."""
    if not isinstance(walker, Walker):
        raise TypeError("the compiled records need the compiled walker")
    cdef bytes packed = walker.take_packed_rows()
    cdef const RowData* rows = <const RowData*>PyBytes_AS_STRING(packed)
    cdef Py_ssize_t count = PyBytes_GET_SIZE(packed) // <Py_ssize_t> sizeof(RowData), place
    cdef Record record
    cdef list out = []
    cdef bint skips = context.skip_empty
    for place in range(count):
        record = Record.__new__(Record)
        record.row = rows[place]
        record.data = data if rows[place].start >= base else None
        record.base = base
        record.context = context
        if skips and (rows[place].elements == 0 or rows[place].flags & UNCOUNTED) and record.is_empty:
            context.empty += 1
            context.empty_bytes += rows[place].end - rows[place].start
            continue
        out.append(record)
    return out
