# Compiled twin of _cells_py: the same text, byte for byte.
"""Rows of a table as CSV or JSON lines, from the columns of a batch.

Columns are borrowed while their batch is written: each is held against the number of rows when it is taken, and
so every row is in bounds in all of them. Where a text stands, or a list, is held against its column for each
cell; and every write goes behind `reserve`, which is asked for the most that may follow.

What says the same in all rows is written once, with the names around it, and copied from there.
"""

from cpython.buffer cimport Py_buffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.memoryview cimport PyMemoryView_GET_BUFFER
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memchr, memcpy

from aoftool.files._buffer cimport Buffer, put, reserve
from aoftool.files._lay cimport NUMBER_MOST, lay, lay_number, lay_pair
from aoftool.values._csv_text cimport put_cell
from aoftool.values._json_text cimport has_byte, put_clean_text

import json

from aoftool.tables.batch import Chosen, Lists, Numbers
from aoftool.tables.schema import Kind

__all__ = ["CellWriter"]

cdef enum:
    LONG = 0
    SHORT = 1
    FLAG = 2
    TIME = 3
    TEXT = 4
    LIST = 5
    FEW_TEXTS = 256  # of which rows choose are written once a batch
    FEW_BYTES = 65536  # all of them together
    KEPT_ROOM = 8 << 20  # a buffer that grew above is given back
    DATE_MOST = 32  # letters of a date, whatever the year
    CLOCK_MOST = 16
    DAY_MS = 86400000

# Texts, or which of some texts: entry i is text `numbers[i]`, below 0 none; without numbers it is text i.
cdef struct Words:
    int64_t entries
    const int64_t* numbers
    int64_t count
    const int32_t* offsets  # count + 1 of them
    const uint8_t* data
    int64_t size
    const uint8_t* valid  # count of them; NULL: every text is there

# A column, with as many cells as the batch has rows.
cdef struct Cells:
    int form
    bint fixed  # the same in all rows
    const uint8_t* valid  # NULL: every cell has a value
    const void* values
    const int32_t* starts  # of lists among the entries, one more than there are rows
    Words words
    size_t* written  # where each of few texts stands among the pieces, and then where none does; else NULL

# Text that stands in front of a cell; the last one has no cell.
cdef struct Step:
    size_t at
    size_t size
    int cell

cdef struct Date:
    int64_t day
    size_t size  # 0: nothing is kept
    uint8_t text[DATE_MOST]


cdef int misfit() except -1 nogil:
    with gil:
        raise ValueError("a column that does not fit its rows")


# The bytes of a column of numbers, each of this size, and how many there are; `holders` keeps them.
cdef const void* borrowed(list holders, object column, Py_ssize_t size, Py_ssize_t* count) except? NULL:
    cdef object view = memoryview(column)
    cdef Py_buffer* buffer = PyMemoryView_GET_BUFFER(view)
    if buffer.ndim != 1 or buffer.itemsize != size or not view.c_contiguous:
        raise ValueError("a column in another form")
    holders.append(view)
    count[0] = buffer.len // size
    return buffer.buf


# Flags of so many cells; NULL where all are set.
cdef const uint8_t* borrowed_flags(list holders, object column, int64_t wanted) except? NULL:
    cdef Py_ssize_t count = 0
    cdef const uint8_t* flags
    if column is None:
        return NULL
    flags = <const uint8_t*>borrowed(holders, column, 1, &count)
    if count != wanted:
        misfit()
    return flags if count and memchr(flags, 0, count) != NULL else NULL


cdef int borrow_words(list holders, object column, Words* words) except -1:
    cdef Py_ssize_t count = 0
    words.numbers = NULL
    if isinstance(column, Chosen):
        words.numbers = <const int64_t*>borrowed(holders, column.numbers, 8, &count)
        words.entries = count
        column = column.texts
    words.offsets = <const int32_t*>borrowed(holders, column.offsets, 4, &count)
    words.count = count - 1 if count else 0
    words.data = <const uint8_t*>borrowed(holders, column.data, 1, &count)
    words.size = count
    words.valid = borrowed_flags(holders, column.valid, words.count)
    if words.numbers == NULL:
        words.entries = words.count
    return 0


# Find the text of an entry, which is below `entries`; whether there is one.
cdef inline bint find_text(const Words* words, int64_t entry, const uint8_t** text, size_t* size) except -1 nogil:
    cdef int64_t number = entry if words.numbers == NULL else words.numbers[entry]
    cdef int64_t begin, end
    if number < 0:
        return False
    if number >= words.count:
        misfit()
    if words.valid != NULL and not words.valid[number]:
        return False
    begin, end = words.offsets[number], words.offsets[number + 1]
    if not 0 <= begin <= end <= words.size:
        misfit()
    text[0] = words.data + begin
    size[0] = end - begin
    return True


# Tell whether text holds a comma, a quote or a line end.
cdef inline bint is_quoted(const uint8_t* text, size_t size) noexcept nogil:
    cdef uint64_t word
    cdef size_t i
    while size >= 8:
        memcpy(&word, text, 8)
        if has_byte(word, 0x2C) | has_byte(word, 0x22) | has_byte(word, 0x0D) | has_byte(word, 0x0A):
            return True
        text += 8
        size -= 8
    for i in range(size):
        if text[i] == 0x2C or text[i] == 0x22 or text[i] == 0x0D or text[i] == 0x0A:
            return True
    return False


cdef int put_date(Buffer* out, int64_t days) except -1 nogil:
    """Append a date, so many days from 1 January 1970 on. See `_cells_py._date`."""
    cdef int64_t era, of_era, years, in_year, month, day, year
    cdef uint8_t* at
    days += 719468
    era = (days if days >= 0 else days - 146096) // 146097
    of_era = days - era * 146097
    years = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    in_year = of_era - (365 * years + years // 4 - years // 100)
    month = (5 * in_year + 2) // 153
    day = in_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    year = years + era * 400 + (month <= 2)
    reserve(out, DATE_MOST)
    at = out.data + out.size
    if not 0 <= year <= 9999:
        at[0] = 0x2D if year < 0 else 0x2B
        at += 1
        year = -year if year < 0 else year
    if year <= 9999:
        at = lay_pair(lay_pair(at, <unsigned int>(year // 100)), <unsigned int>(year % 100))
    else:
        at = lay_number(at, year)
    at[0] = 0x2D
    at = lay_pair(at + 1, <unsigned int>month)
    at[0] = 0x2D
    at = lay_pair(at + 1, <unsigned int>day)
    out.size = at - out.data
    return 0


cdef int put_time(Buffer* out, int64_t time_ms, Date* date) except -1 nogil:
    """Append a Unix time; its date is kept for the next one."""
    cdef int64_t day = time_ms // DAY_MS, in_day = time_ms % DAY_MS
    cdef unsigned int rest, ms
    cdef size_t before
    cdef uint8_t* at
    if in_day < 0:
        # Division here goes towards zero.
        in_day += DAY_MS
        day -= 1
    if not date.size or date.day != day:
        before = out.size
        put_date(out, day)
        date.size = out.size - before
        date.day = day
        memcpy(date.text, out.data + before, date.size)
    else:
        put(out, date.text, date.size)
    rest = <unsigned int>in_day
    ms = rest % 1000
    rest //= 1000
    reserve(out, CLOCK_MOST)
    at = out.data + out.size
    at[0] = 0x54
    at = lay_pair(at + 1, rest // 3600)
    at[0] = 0x3A
    at = lay_pair(at + 1, rest // 60 % 60)
    at[0] = 0x3A
    at = lay_pair(at + 1, rest % 60)
    if ms:
        at[0] = 0x2E
        at[1] = <uint8_t>(0x30 + ms // 100)
        at = lay_pair(at + 2, ms % 100)
    at[0] = 0x5A
    out.size = at + 1 - out.data
    return 0


cdef inline bint is_word_quoted(const uint8_t* text, size_t size) noexcept nogil:
    return size == 0 or memchr(text, 0x20, size) != NULL or memchr(text, 0x22, size) != NULL


cdef class CellWriter:
    """Write the rows of a table as text. See `_cells_py.CellWriter`."""

    implementation = "native"

    cdef readonly bytes head
    cdef bint csv
    cdef object columns
    cdef list labels, holders
    cdef int count
    cdef Cells* cells
    cdef Step* steps
    cdef int steps_count
    cdef int64_t rows, row
    cdef Buffer out, fixed, pieces, list_cell
    cdef Date date

    def __cinit__(self, table, bint is_csv):
        self.columns, self.csv = table.columns, is_csv
        self.head = ",".join(table.names).encode() + b"\n" if is_csv else b""
        self.labels = [
            (b"," if number else b"") if is_csv
            else (b"," if number else b"{") + json.dumps(column.name).encode() + b":"
            for number, column in enumerate(self.columns)
        ]
        self.holders = []
        self.count = len(self.labels)
        self.cells = <Cells*>calloc(self.count + 1, sizeof(Cells))
        self.steps = <Step*>calloc(self.count + 1, sizeof(Step))
        if self.cells == NULL or self.steps == NULL:
            raise MemoryError

    def __dealloc__(self):
        self.forget()
        free(self.cells)
        free(self.steps)
        free(self.out.data)
        free(self.fixed.data)
        free(self.pieces.data)
        free(self.list_cell.data)

    cdef void forget(self) noexcept:
        """Let go of the columns."""
        cdef int i
        self.rows = self.row = 0
        if self.cells != NULL:
            for i in range(self.count):
                free(self.cells[i].written)
                self.cells[i].written = NULL
        self.holders = []

    def load(self, batch):
        """Take the rows that are to be written next. See `_cells_py.CellWriter.load`."""
        cdef int64_t rows = batch.rows
        cdef int i
        self.forget()
        if rows < 0:
            misfit()
        self.pieces.size = 0
        for i in range(self.count):
            column = self.columns[i]
            self.borrow(&self.cells[i], column.kind, batch.columns[column.name], rows)
        if rows:
            for i in range(self.count):
                self.cells[i].fixed = self.is_fixed(&self.cells[i], rows)
                if not self.cells[i].fixed:
                    self.write_few(&self.cells[i], rows)
            self.plan()
        self.rows = rows

    cdef int borrow(self, Cells* cells, object kind, object data, int64_t rows) except -1:
        cdef Py_ssize_t count = 0
        cells.valid = NULL
        cells.values = NULL
        cells.starts = NULL
        if isinstance(data, Numbers):
            view = memoryview(data.values)
            cells.form = {"?": FLAG, "i": SHORT, "l": LONG, "q": LONG}[view.format]
            cells.values = borrowed(self.holders, view, view.itemsize, &count)
            if kind is Kind.TIME and cells.form == LONG:
                cells.form = TIME
            cells.valid = borrowed_flags(self.holders, data.valid, rows)
        elif isinstance(data, Lists):
            cells.form = LIST
            cells.starts = <const int32_t*>borrowed(self.holders, data.offsets, 4, &count)
            cells.valid = borrowed_flags(self.holders, data.valid, rows)
            borrow_words(self.holders, data.items, &cells.words)
            count -= 1
        else:
            cells.form = TEXT
            borrow_words(self.holders, data, &cells.words)
            count = cells.words.entries
        if count != rows:
            misfit()
        return 0

    # Tell whether a cell is the same in all rows, of which there are some.
    cdef bint is_fixed(self, const Cells* cells, int64_t rows) noexcept:
        cdef int64_t i
        cdef const int64_t* longs = <const int64_t*>cells.values
        cdef const int32_t* shorts = <const int32_t*>cells.values
        cdef const uint8_t* flags = <const uint8_t*>cells.values
        if cells.valid != NULL:
            for i in range(rows):
                if cells.valid[i]:
                    return False
            return True
        if cells.form == LIST:
            return False
        if cells.form == TEXT:
            if cells.words.numbers == NULL:
                if cells.words.valid == NULL:
                    return rows == 1
                for i in range(rows):
                    if cells.words.valid[i]:
                        return rows == 1
                return True
            longs = cells.words.numbers
        for i in range(1, rows):
            if cells.form == SHORT:
                if shorts[i] != shorts[0]:
                    return False
            elif cells.form == FLAG:
                if flags[i] != flags[0]:
                    return False
            elif longs[i] != longs[0]:
                return False
        return True

    # Write each of few texts once, where rows choose among them.
    cdef int write_few(self, Cells* cells, int64_t rows) except -1:
        cdef Words* words = &cells.words
        cdef Words every
        cdef int64_t i
        if cells.form != TEXT or words.numbers == NULL or words.count >= FEW_TEXTS or words.count >= rows:
            return 0
        # Texts that nobody chose may stand anywhere.
        if words.size > FEW_BYTES:
            return 0
        for i in range(words.count):
            if not 0 <= words.offsets[i] <= words.offsets[i + 1] <= words.size:
                return 0
        cells.written = <size_t*>malloc((words.count + 2) * sizeof(size_t))
        if cells.written == NULL:
            raise MemoryError
        every = words[0]
        every.numbers = NULL
        for i in range(words.count):
            cells.written[i] = self.pieces.size
            self.put_text(&self.pieces, &every, i)
        cells.written[words.count] = self.pieces.size
        if not self.csv:
            put(&self.pieces, b"null", 4)
        cells.written[words.count + 1] = self.pieces.size
        return 0

    cdef int plan(self) except -1:
        """Lay out the text between the cells that differ."""
        cdef size_t begin = 0
        cdef int i
        self.fixed.size = 0
        self.steps_count = 0
        for i in range(self.count):
            put(&self.fixed, <const char*>self.labels[i], len(self.labels[i]))
            if self.cells[i].fixed:
                self.put_one(&self.fixed, &self.cells[i], 0)
            else:
                self.add_step(begin, i)
                begin = self.fixed.size
        put(&self.fixed, b"\n" if self.csv else b"}\n", 1 if self.csv else 2)
        self.add_step(begin, -1)
        return 0

    cdef void add_step(self, size_t begin, int cell) noexcept:
        # One for each column at most, and one behind.
        cdef Step* step = &self.steps[self.steps_count]
        step.at = begin
        step.size = self.fixed.size - begin
        step.cell = cell
        self.steps_count += 1

    def take(self, size_t most):
        """Return the next rows of what was loaded. See `_cells_py.CellWriter.take`."""
        cdef bytes text
        self.out.size = 0
        with nogil:
            while self.row < self.rows:
                self.put_row(self.row)
                self.row += 1
                if self.out.size >= most:
                    break
        text = PyBytes_FromStringAndSize(<char*>self.out.data, self.out.size)
        if self.out.room > KEPT_ROOM:
            free(self.out.data)
            self.out.data = NULL
            self.out.room = 0
        if self.row >= self.rows:
            self.forget()
        return text

    cdef int put_row(self, int64_t row) except -1 nogil:
        cdef int i
        cdef Step* step
        for i in range(self.steps_count):
            step = &self.steps[i]
            put(&self.out, self.fixed.data + step.at, step.size)
            if step.cell >= 0:
                self.put_one(&self.out, &self.cells[step.cell], row)
        return 0

    # Append the cell of a row.
    cdef inline int put_one(self, Buffer* out, const Cells* cells, int64_t row) except -1 nogil:
        cdef int64_t number
        if cells.written != NULL:
            number = cells.words.numbers[row]
            if number >= cells.words.count:
                misfit()
            if number < 0:
                number = cells.words.count
            put(out, self.pieces.data + cells.written[number], cells.written[number + 1] - cells.written[number])
            return 0
        if cells.valid != NULL and not cells.valid[row]:
            return self.put_none(out)
        if cells.form == LONG:
            reserve(out, NUMBER_MOST)
            out.size = lay_number(out.data + out.size, (<const int64_t*>cells.values)[row]) - out.data
            return 0
        if cells.form == SHORT:
            reserve(out, NUMBER_MOST)
            out.size = lay_number(out.data + out.size, (<const int32_t*>cells.values)[row]) - out.data
            return 0
        if cells.form == TEXT:
            return self.put_text(out, &cells.words, row)
        if cells.form == LIST:
            return self.put_list(out, cells, row)
        if cells.form == FLAG:
            if (<const uint8_t*>cells.values)[row]:
                return put(out, b"true", 4)
            return put(out, b"false", 5)
        if not self.csv:
            put(out, b'"', 1)
        put_time(out, (<const int64_t*>cells.values)[row], &self.date)
        if not self.csv:
            put(out, b'"', 1)
        return 0

    cdef inline int put_none(self, Buffer* out) except -1 nogil:
        return 0 if self.csv else put(out, b"null", 4)

    cdef int put_text(self, Buffer* out, const Words* words, int64_t entry) except -1 nogil:
        cdef const uint8_t* text = NULL
        cdef size_t size = 0
        if not find_text(words, entry, &text, &size):
            return self.put_none(out)
        if self.csv:
            return put_cell(out, text, size, is_quoted(text, size))
        return put_clean_text(out, text, size)

    # Where the list of a row ends among the entries; it begins there or before.
    cdef int64_t list_end(self, const Cells* cells, int64_t row) except -1 nogil:
        if not 0 <= cells.starts[row] <= cells.starts[row + 1] <= cells.words.entries:
            misfit()
        return cells.starts[row + 1]

    cdef int put_list(self, Buffer* out, const Cells* cells, int64_t row) except -1 nogil:
        cdef int64_t entry, first = cells.starts[row], end = self.list_end(cells, row)
        cdef const uint8_t* text = NULL
        cdef size_t size = 0
        cdef Buffer* items = &self.list_cell if self.csv else out
        cdef bint worded
        if self.csv:
            items.size = 0
        else:
            put(out, b"[", 1)
        for entry in range(first, end):
            if not find_text(&cells.words, entry, &text, &size):
                # Items of a list are there.
                misfit()
            if entry > first:
                put(items, b" " if self.csv else b",", 1)
            if not self.csv:
                put_clean_text(items, text, size)
                continue
            worded = is_word_quoted(text, size)
            reserve(items, size + 2)
            if worded:
                put(items, b'"', 1)
            put(items, text, size)
            if worded:
                put(items, b'"', 1)
        if not self.csv:
            return put(out, b"]", 1)
        put_cell(out, items.data, items.size, is_quoted(items.data, items.size))
        if items.room > KEPT_ROOM:
            free(items.data)
            items.data = NULL
            items.room = 0
        return 0
