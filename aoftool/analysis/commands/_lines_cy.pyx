# Compiled twin of _lines_py: the same lines, byte for byte.
"""Commands as lines of JSON or CSV, straight from the bytes of a log.

What the lines say of a name, and how they begin and end, is asked of the form once and kept.

Every read is held against the end of the command, and that against the end of the piece, whatever the rows
say; every write goes behind `reserve`, which is asked for the most that may follow.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memmove

from aoftool.files._buffer cimport Buffer, put, reserve
from aoftool.files._lay cimport NUMBER_MOST, lay, lay_number
from aoftool.values._csv_text cimport put_cell
from aoftool.values._json_text cimport has_byte, one_char, put_text

from aoftool.escape import printable
from aoftool.resp.model import Command, Lines

__all__ = ["RowWriter"]

cdef enum:
    NAME_MOST = 64
    SPELLINGS = 256  # of names that are found without Python
    MOST_KEPT = 4096  # spellings of names that are kept at all
    PAGE = 256
    PAGES = 0x110000 // PAGE
    KEPT_ROOM = 8 << 20  # a buffer that grew above is given back
    DIGITS_MOST = 10
    LABEL_MOST = 16  # bytes in front of a number in JSON
    # What must be done to a cell of CSV.
    QUOTED = 1

cdef int64_t _NO_LIMIT = 2**63 - 1

# What a spelling of a name gives in a line.
cdef struct Spelling:
    int size  # 0: free
    uint8_t text[NAME_MOST]
    const char* piece
    Py_ssize_t piece_size

# By character above ASCII, in pages: whether it stands for itself in printable text. Made when first asked for.
cdef uint8_t* _shown[PAGES]


cdef uint8_t* shown_page(unsigned int number) except NULL:
    """Return the page of 256 characters with this number, one byte each; `number` is below PAGES."""
    cdef uint8_t* page
    cdef int i
    if _shown[number] == NULL:
        page = <uint8_t*>malloc(PAGE)
        if page == NULL:
            raise MemoryError
        for i in range(PAGE):
            char = chr(number * PAGE + i)
            # Of surrogates there is no UTF-8, and nobody asks for them.
            page[i] = not "\ud800" <= char <= "\udfff" and printable(char.encode()) == char
        _shown[number] = page
    return _shown[number]


# Write a number where there is room, or that there is none; what follows it.
cdef inline uint8_t* lay_known(uint8_t* at, int64_t number, bint known, bint json) noexcept nogil:
    if known:
        return lay_number(at, number)
    return lay(at, b"null", 4) if json else at


cdef inline int put_bytes(Buffer* out, bytes text) except -1:
    return put(out, PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))


# Read `<mark><up to ten digits>CRLF`; what follows it, or NULL where that is not there before `end`.
cdef inline const uint8_t* header(
    const uint8_t* at, const uint8_t* end, uint8_t mark, int64_t* number
) noexcept nogil:
    cdef const uint8_t* first = at + 1
    cdef int64_t value = 0
    if at >= end or at[0] != mark:
        return NULL
    at += 1
    while at < end and at - first < DIGITS_MOST and 0x30 <= at[0] <= 0x39:
        value = value * 10 + (at[0] - 0x30)
        at += 1
    if at == first or end - at < 2 or at[0] != 0x0D or at[1] != 0x0A:
        return NULL
    number[0] = value
    return at + 2


cdef int put_base64(Buffer* out, const uint8_t* data, Py_ssize_t size) except -1:
    """Append bytes that are no text, as `{"b64":"..."}`."""
    cdef const char* letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    cdef uint8_t* at
    cdef uint32_t three
    put(out, b'{"b64":"', 8)
    # Four letters for three bytes or what is left of them.
    reserve(out, 4 * (<size_t>size // 3 + 1))
    at = out.data + out.size
    while size >= 3:
        three = <uint32_t>data[0] << 16 | <uint32_t>data[1] << 8 | data[2]
        at[0] = letters[three >> 18]
        at[1] = letters[three >> 12 & 63]
        at[2] = letters[three >> 6 & 63]
        at[3] = letters[three & 63]
        data += 3
        size -= 3
        at += 4
    if size:
        three = <uint32_t>data[0] << 16 | (<uint32_t>data[1] << 8 if size == 2 else 0)
        at[0] = letters[three >> 18]
        at[1] = letters[three >> 12 & 63]
        at[2] = letters[three >> 6 & 63] if size == 2 else 0x3D
        at[3] = 0x3D
        at += 4
    out.size = at - out.data
    put(out, b'"}', 2)
    return 0


# Write one byte as `\xHH`; the room is there.
cdef inline void put_hex(Buffer* out, uint8_t byte) noexcept nogil:
    cdef const char* digits = b"0123456789abcdef"
    cdef uint8_t* at = out.data + out.size
    at[0] = 0x5C
    at[1] = 0x78
    at[2] = digits[byte >> 4]
    at[3] = digits[byte & 15]
    out.size += 4


# Tell whether all eight bytes are printable ASCII and no backslash.
cdef inline bint all_shown(uint64_t word) noexcept nogil:
    cdef uint64_t each = 0x0101010101010101ULL
    if word & (each << 7) or (word - 0x20 * each) & (each << 7):
        return False
    return not (has_byte(word, 0x5C) | has_byte(word, 0x7F))


# Append one argument as a word: printable text, in quotes when it is empty or has a blank or a quote in it.
# Returns QUOTED when a cell that holds it must be quoted, else 0.
cdef int put_word(Buffer* out, const uint8_t* data, Py_ssize_t size) except -1:
    cdef size_t before = out.size
    cdef const uint8_t* at = data
    cdef const uint8_t* end = data + size
    cdef unsigned int char = 0
    cdef uint64_t word
    cdef bint spaced = size == 0, comma = False
    cdef int taken, i
    cdef uint8_t letter
    # A byte takes four letters at most.
    reserve(out, 4 * <size_t>size + 2)
    while at < end:
        while end - at >= 8:
            memcpy(&word, at, 8)
            if not all_shown(word):
                break
            spaced |= (has_byte(word, 0x20) | has_byte(word, 0x22)) != 0
            comma |= has_byte(word, 0x2C) != 0
            memcpy(out.data + out.size, &word, 8)
            out.size += 8
            at += 8
        if at == end:
            break
        letter = at[0]
        taken = 1
        if 0x20 <= letter < 0x7F and letter != 0x5C:
            spaced |= letter == 0x20 or letter == 0x22
            comma |= letter == 0x2C
            out.data[out.size] = letter
            out.size += 1
        elif letter == 0x5C or letter == 0x0A or letter == 0x0D or letter == 0x09:
            out.data[out.size] = 0x5C
            out.data[out.size + 1] = (
                0x5C if letter == 0x5C else 0x6E if letter == 0x0A else 0x72 if letter == 0x0D else 0x74
            )
            out.size += 2
        else:
            taken = one_char(at, end - at, &char) if letter >= 0x80 else 0
            # A character is below U+110000, so its page is below PAGES.
            if taken and shown_page(char // PAGE)[char % PAGE]:
                memcpy(out.data + out.size, at, taken)
                out.size += taken
            else:
                taken = taken or 1
                for i in range(taken):
                    put_hex(out, at[i])
        at += taken
    if spaced:
        memmove(out.data + before + 1, out.data + before, out.size - before)
        out.data[before] = 0x22
        out.data[out.size + 1] = 0x22
        out.size += 2
    return QUOTED if spaced or comma else 0


cdef class RowWriter:
    """Write the commands of one file that a filter admits as lines. See `_lines_py.RowWriter`."""

    implementation = "native"

    cdef object look, wanted
    cdef Buffer out, cell
    cdef Spelling spellings[SPELLINGS]
    cdef dict pieces  # by spelling; keeps the bytes that spellings point to
    cdef bytes head, tail
    cdef bint csv, bounded, asks_time
    cdef readonly bint times_seen
    cdef int64_t least_size, since_s, until_s, txn, last_db
    cdef bint any_txn, last_db_wanted
    cdef object dbs

    def __cinit__(self, look, str file, wanted, bint bounded):
        form = look.form
        self.look, self.wanted = look, wanted
        self.csv = form.is_csv
        self.bounded = bounded
        self.pieces = {}
        self.head = form.head_of(file)
        self.tail = form.tail
        assert not wanted.names and not wanted.keys and wanted.selection is None
        stretch = wanted.stretch
        self.asks_time = wanted.asks_time
        # Times that do not fit into 64 bits bound nothing that is written in a log, or all of it.
        self.since_s = bounded_number(stretch.since_s, -_NO_LIMIT)
        self.until_s = bounded_number(stretch.until_s, _NO_LIMIT)
        self.least_size = bounded_number(wanted.min_size, 0)
        self.any_txn = wanted.txn is None
        self.txn = bounded_number(wanted.txn, 0)
        self.dbs = wanted.dbs
        self.last_db = -_NO_LIMIT
        self.last_db_wanted = False

    def __dealloc__(self):
        free(self.out.data)
        free(self.cell.data)

    cdef inline bint in_database(self, int64_t db) except -1:
        if self.dbs is None:
            return True
        if db != self.last_db:
            self.last_db_wanted = db in self.dbs
            self.last_db = db
        return self.last_db_wanted

    # The piece of a spelling of a name, in `size`; NULL where its commands are handed back.
    cdef const char* piece_of(self, const uint8_t* name, int64_t length, Py_ssize_t* size) except? NULL:
        cdef Spelling* place
        cdef bytes raw, piece
        # Every spelling has 1 to NAME_MOST bytes: the caller has seen to it.
        place = &self.spellings[
            (length * 131 + name[0] * 31 + name[length >> 1] * 257 + name[length - 1] * 4099) % SPELLINGS
        ]
        if place.size == length and memcmp(place.text, name, length) == 0:
            size[0] = place.piece_size
            return place.piece
        raw = PyBytes_FromStringAndSize(<const char*>name, length)
        piece = self.pieces.get(raw)
        if piece is None:
            upper = raw.upper()
            if not self.look.is_plain(upper):
                return NULL
            if len(self.pieces) >= MOST_KEPT:
                self.forget()
            piece = self.name_piece(raw, upper)
            self.pieces[raw] = piece
        place.size = <int>length
        memcpy(place.text, name, length)
        place.piece = PyBytes_AS_STRING(piece)
        place.piece_size = size[0] = PyBytes_GET_SIZE(piece)
        return place.piece

    cdef bytes name_piece(self, bytes raw, bytes upper):
        """Return a name as it stands in a line, in JSON with itself as the first argument."""
        cdef Buffer text
        text.data = NULL
        text.size = text.room = 0
        try:
            put(&text, b",", 1)
            put_bytes(&text, self.look.form.name_of(upper))
            if self.csv:
                put(&text, b",", 1)
            else:
                put(&text, b',"argv":[', 9)
                put_argument(&text, <const uint8_t*>PyBytes_AS_STRING(raw), PyBytes_GET_SIZE(raw))
            return PyBytes_FromStringAndSize(<char*>text.data, text.size)
        finally:
            free(text.data)

    cdef void forget(self):
        cdef int i
        for i in range(SPELLINGS):
            self.spellings[i].size = 0
        self.pieces.clear()

    # Append the line of the command that stands from `at` to `end`; False, with nothing appended, where it is
    # not in the canonical form or its name is handed back.
    cdef bint line(
        self, const uint8_t* at, const uint8_t* end, int64_t offset, int64_t size, int64_t index, int64_t db,
        int64_t txn, int64_t time_s
    ) except -1:
        cdef const uint8_t* name
        cdef const char* piece
        cdef size_t before = self.out.size
        cdef int64_t argc = 0, length = 0, i
        cdef Py_ssize_t piece_size = 0
        cdef int quoted = 0
        at = header(at, end, 0x2A, &argc)
        if at == NULL or argc < 1:
            return False
        name = header(at, end, 0x24, &length)
        if name == NULL or not 0 < length <= NAME_MOST or end - name < length + 2:
            return False
        piece = self.piece_of(name, length, &piece_size)
        if piece == NULL:
            return False
        at = name + length + 2
        self.numbers(offset, size, index, db, txn, time_s)
        put(&self.out, piece, piece_size)
        self.cell.size = 0
        for i in range(1, argc):
            at = header(at, end, 0x24, &length)
            if at == NULL or end - at < length + 2:
                self.out.size = before
                return False
            if self.csv:
                if i > 1:
                    # A blank alone does not make the cell quoted.
                    put(&self.cell, b" ", 1)
                quoted |= put_word(&self.cell, at, length)
            else:
                put(&self.out, b",", 1)
                put_argument(&self.out, at, length)
            at += length + 2
        if self.csv:
            put_cell(&self.out, self.cell.data, self.cell.size, quoted)
        put_bytes(&self.out, self.tail)
        return True

    # Append all of a line that stands in front of the name.
    cdef int numbers(
        self, int64_t offset, int64_t size, int64_t index, int64_t db, int64_t txn, int64_t time_s
    ) except -1:
        cdef size_t head = PyBytes_GET_SIZE(self.head)
        cdef uint8_t* at
        # Six numbers, each with its label.
        reserve(&self.out, head + 6 * (NUMBER_MOST + LABEL_MOST))
        at = self.out.data + self.out.size
        memcpy(at, PyBytes_AS_STRING(self.head), head)
        at = lay_number(at + head, offset)
        if self.csv:
            at = lay_number(lay(at, b",", 1), size)
            at = lay_known(lay(at, b",", 1), time_s, time_s >= 0, False)
            at = lay_known(lay(at, b",", 1), db, db != -1, False)
            at = lay_known(lay(at, b",", 1), txn, txn != -1, False)
            at = lay_known(lay(at, b",", 1), index, index != -1, False)
        else:
            at = lay_number(lay(at, b',"size_bytes":', 14), size)
            at = lay_known(lay(at, b',"index":', 9), index, index != -1, True)
            at = lay_known(lay(at, b',"db":', 6), db, db != -1, True)
            at = lay_known(lay(at, b',"txn":', 7), txn, txn != -1, True)
            at = lay_known(lay(at, b',"time_s":', 10), time_s, time_s >= 0, True)
        self.out.size = at - self.out.data
        return 0

    def write(self, const uint8_t[::1] data not None, int64_t base, rows, const int64_t[::1] indexes not None):
        """Return the lines of rows, and the commands that are handed back. See `_lines_py.RowWriter.write`."""
        cdef const int64_t[::1] offsets, sizes, dbs, txns, times, lenients
        cdef int64_t i, at, count = 0, total = indexes.shape[0], room = data.shape[0]
        cdef bint done, inside
        cdef list made = []
        if not total:
            return made
        offsets = memoryview(rows.offset).cast("q")
        sizes = memoryview(rows.length).cast("q")
        dbs = memoryview(rows.db).cast("q")
        txns = memoryview(rows.txn).cast("q")
        times = memoryview(rows.time_s).cast("q")
        lenients = memoryview(rows.lenient).cast("q")
        if not (
            offsets.shape[0] == sizes.shape[0] == dbs.shape[0] == txns.shape[0] == times.shape[0]
            == lenients.shape[0] == total
        ):
            raise ValueError("columns of one length belong together")
        self.out.size = 0
        for i in range(total):
            at = offsets[i] - base
            done = False
            if times[i] >= 0:
                self.times_seen = True
            # Spans that end behind the piece, or begin before it, are not written here.
            inside = not lenients[i] and 0 <= at <= room and 0 < sizes[i] <= room - at
            if inside:
                if not self.bounded or times[i] >= 0:
                    if not self.admitted(sizes[i], dbs[i], txns[i], times[i]):
                        continue
                    done = self.line(
                        &data[at], &data[at] + sizes[i], offsets[i], sizes[i], indexes[i], dbs[i], txns[i],
                        times[i],
                    )
            if done:
                count += 1
                continue
            if count:
                made.append(self.taken(count))
                count = 0
            argv = argv_of(&data[at], &data[at] + sizes[i]) if inside else []
            made.append(
                Command(
                    offsets[i], sizes[i], argv, dbs[i], txns[i], times[i], indexes[i], None, lenients[i] != 0
                )
            )
        if count:
            made.append(self.taken(count))
        if self.out.room > KEPT_ROOM:
            free(self.out.data)
            self.out.data = NULL
            self.out.room = 0
        if self.cell.room > KEPT_ROOM:
            free(self.cell.data)
            self.cell.data = NULL
            self.cell.room = 0
        return made

    cdef inline bint admitted(self, int64_t size, int64_t db, int64_t txn, int64_t time_s) except -1:
        if size < self.least_size or not (self.any_txn or txn == self.txn):
            return False
        # Where a time is asked for, commands of unknown time are not in it.
        if self.asks_time and (time_s < 0 or not self.since_s <= time_s <= self.until_s):
            return False
        return self.in_database(db)

    cdef object taken(self, int64_t count):
        cdef bytes text = PyBytes_FromStringAndSize(<char*>self.out.data, self.out.size)
        self.out.size = 0
        return Lines(text, count)


cdef inline int put_argument(Buffer* out, const uint8_t* data, Py_ssize_t size) except -1:
    """Append one argument in JSON: a string where it is clean UTF-8, else base64 in an object."""
    if not put_text(out, data, size):
        put_base64(out, data, size)
    return 0


cdef object bounded_number(number, int64_t otherwise):
    """Return a number that fits into 64 bits; the one to take where there is none."""
    return otherwise if number is None else max(-_NO_LIMIT, min(_NO_LIMIT, number))


cdef list argv_of(const uint8_t* at, const uint8_t* end):
    """Return the arguments of the command that stands from `at` to `end`.

    Raises:
        ValueError: none does.
    """
    cdef int64_t argc = 0, length = 0, i
    cdef list argv = []
    at = header(at, end, 0x2A, &argc)
    for i in range(argc):
        at = header(at, end, 0x24, &length) if at != NULL else NULL
        if at == NULL or end - at < length + 2:
            raise ValueError("a row that is no whole command")
        argv.append(PyBytes_FromStringAndSize(<const char*>at, length))
        at += length + 2
    if not argv:
        raise ValueError("a row that is no command")
    return argv
