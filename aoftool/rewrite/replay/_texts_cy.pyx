"""Arguments of commands whose places are known. Twin of `_texts_py`."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.list cimport PyList_New, PyList_SET_ITEM
from cpython.ref cimport Py_INCREF
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free

from aoftool.files._buffer cimport Buffer, reserve
from aoftool.rdb.encode._encode_cy cimport put_string

from aoftool.resp.canonical import NotCanonical


def split_rows(const uint8_t[::1] data, int64_t base, const int64_t[::1] starts):
    """Return the arguments of the commands at absolute offsets."""
    cdef uint64_t size = data.shape[0]
    cdef Py_ssize_t count = starts.shape[0], index
    cdef list texts = PyList_New(count)
    cdef const uint8_t *bytes_ = &data[0] if size else NULL
    cdef object argv
    for index in range(count):
        argv = _split(bytes_, size, <uint64_t>(starts[index] - base))
        Py_INCREF(argv)
        PyList_SET_ITEM(texts, index, argv)
    return texts


def split_sets(const uint8_t[::1] data, int64_t base, const int64_t[::1] starts):
    """Return (key, value, None) of commands whose key and value are their first two arguments."""
    cdef uint64_t size = data.shape[0]
    cdef Py_ssize_t count = starts.shape[0], index
    cdef const uint8_t *bytes_ = &data[0] if size else NULL
    cdef uint64_t at, argc = 0
    cdef list rows = []
    cdef object key, value
    for index in range(count):
        at = _number(bytes_, size, <uint64_t>(starts[index] - base), c'*', &argc)
        if argc < 3:
            raise NotCanonical
        _argument(bytes_, size, &at, False)
        key = _argument(bytes_, size, &at, True)
        value = _argument(bytes_, size, &at, True)
        rows.append((key, value, None))
    return rows


def encode_sets(const uint8_t[::1] data, int64_t base, const int64_t[::1] starts, bint compress):
    """Return the RDB records of commands whose key and value are their first two arguments."""
    cdef uint64_t size = data.shape[0]
    cdef Py_ssize_t count = starts.shape[0], index
    cdef const uint8_t *bytes_ = &data[0] if size else NULL
    cdef uint64_t at, argc = 0, start, length = 0
    cdef int part
    cdef Buffer out = Buffer(NULL, 0, 0)
    try:
        # Other threads do the same meanwhile.
        with nogil:
            reserve(&out, size + 64)
            for index in range(count):
                at = _number(bytes_, size, <uint64_t>(starts[index] - base), c'*', &argc)
                if argc < 3:
                    with gil:
                        raise NotCanonical
                _span(bytes_, size, &at, &length)
                reserve(&out, 1)
                out.data[out.size] = 0
                out.size += 1
                for part in range(2):
                    start = _span(bytes_, size, &at, &length)
                    put_string(&out, bytes_ + start, length, compress)
        return PyBytes_FromStringAndSize(<const char *>out.data, out.size)
    finally:
        free(out.data)


def encode_pairs(
    const uint8_t[::1] data,
    int64_t base,
    const int64_t[::1] starts,
    const int64_t[::1] places,
    bint compress,
    int64_t[::1] sizes,
):
    """Return the RDB records of pairs of a key and a value that stand side by side in commands."""
    cdef uint64_t size = data.shape[0]
    cdef Py_ssize_t count = starts.shape[0], index
    cdef const uint8_t *bytes_ = &data[0] if size else NULL
    cdef uint64_t at = 0, argc = 0, start, length = 0, mark
    # The argument that starts at `at`.
    cdef int64_t argument = 0
    cdef int part
    cdef Buffer out = Buffer(NULL, 0, 0)
    try:
        reserve(&out, size + 64)
        for index in range(count):
            if index == 0 or starts[index] != starts[index - 1] or places[index] < argument:
                at = _number(bytes_, size, <uint64_t>(starts[index] - base), c'*', &argc)
                argument = 0
            if places[index] < 0 or <uint64_t>places[index] + 1 >= argc:
                raise NotCanonical
            while argument < places[index]:
                _span(bytes_, size, &at, &length)
                argument += 1
            mark = out.size
            reserve(&out, 1)
            out.data[out.size] = 0
            out.size += 1
            for part in range(2):
                start = _span(bytes_, size, &at, &length)
                put_string(&out, bytes_ + start, length, compress)
            argument += 2
            sizes[index] = out.size - mark
        return PyBytes_FromStringAndSize(<const char *>out.data, out.size)
    finally:
        free(out.data)


cdef int _cut_off() except -1 nogil:
    with gil:
        raise ValueError("the data end inside a command")


cdef int _odd() except -1 nogil:
    with gil:
        raise NotCanonical


cdef uint64_t _span(const uint8_t *data, uint64_t size, uint64_t *at, uint64_t *length) except? 0 nogil:
    """Return where an argument starts, and go behind it."""
    cdef uint64_t start = _number(data, size, at[0], c'$', length)
    if length[0] > size or start + length[0] + 2 > size:
        _cut_off()
    if data[start + length[0]] != c'\r' or data[start + length[0] + 1] != c'\n':
        _odd()
    at[0] = start + length[0] + 2
    return start


cdef object _argument(const uint8_t *data, uint64_t size, uint64_t *at, bint wanted):
    cdef uint64_t length = 0
    cdef uint64_t start = _span(data, size, at, &length)
    if not wanted:
        return None
    return PyBytes_FromStringAndSize(<const char *>data + start, length)


cdef list _split(const uint8_t *data, uint64_t size, uint64_t at):
    cdef uint64_t argc = 0, index
    cdef list argv
    at = _number(data, size, at, c'*', &argc)
    if argc == 0 or argc > size:
        raise NotCanonical
    argv = PyList_New(argc)
    # A list with holes must never be seen: fill it before anything can fail.
    for index in range(argc):
        Py_INCREF(None)
        PyList_SET_ITEM(argv, index, None)
    for index in range(argc):
        argv[index] = _argument(data, size, &at, True)
    return argv


cdef uint64_t _number(
    const uint8_t *data, uint64_t size, uint64_t at, uint8_t mark, uint64_t *value
) except? 0 nogil:
    cdef uint64_t number = 0
    cdef uint64_t first = at + 1
    if at >= size:
        _cut_off()
    if data[at] != mark:
        _odd()
    at = first
    while at < size and c'0' <= data[at] <= c'9' and at - first < 18:
        number = number * 10 + (data[at] - c'0')
        at += 1
    if at + 1 >= size:
        _cut_off()
    if at == first or (data[first] == c'0' and at - first > 1):
        _odd()
    if data[at] != c'\r' or data[at + 1] != c'\n':
        _odd()
    value[0] = number
    return at + 2
