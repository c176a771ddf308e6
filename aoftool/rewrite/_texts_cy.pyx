"""Arguments of commands whose places are known. Twin of `_texts_py`."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.list cimport PyList_New, PyList_SET_ITEM
from cpython.ref cimport Py_INCREF
from libc.stdint cimport int64_t, uint8_t, uint64_t

from aoftool.liveness.framing import NotCanonical


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


cdef list _split(const uint8_t *data, uint64_t size, uint64_t at):
    cdef uint64_t argc = 0, length = 0, index
    cdef list argv
    cdef object argument
    at = _number(data, size, at, c'*', &argc)
    if argc == 0 or argc > size:
        raise NotCanonical
    argv = PyList_New(argc)
    # A list with holes must never be seen: fill it before anything can fail.
    for index in range(argc):
        Py_INCREF(None)
        PyList_SET_ITEM(argv, index, None)
    for index in range(argc):
        at = _number(data, size, at, c'$', &length)
        if length > size or at + length + 2 > size:
            raise ValueError("the data end inside a command")
        if data[at + length] != c'\r' or data[at + length + 1] != c'\n':
            raise NotCanonical
        argument = PyBytes_FromStringAndSize(<const char *>data + at, length)
        argv[index] = argument
        at += length + 2
    return argv


cdef uint64_t _number(
    const uint8_t *data, uint64_t size, uint64_t at, uint8_t mark, uint64_t *value
) except? 0:
    cdef uint64_t number = 0
    cdef uint64_t first = at + 1
    if at >= size:
        raise ValueError("the data end inside a command")
    if data[at] != mark:
        raise NotCanonical
    at = first
    while at < size and c'0' <= data[at] <= c'9' and at - first < 18:
        number = number * 10 + (data[at] - c'0')
        at += 1
    if at + 1 >= size:
        raise ValueError("the data end inside a command")
    if at == first or (data[first] == c'0' and at - first > 1):
        raise NotCanonical
    if data[at] != c'\r' or data[at + 1] != c'\n':
        raise NotCanonical
    value[0] = number
    return at + 2
