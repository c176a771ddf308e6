# cython: language_level=3
"""Compiled twin of `_commands_py.py`, which is the specification of every function here."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from aoftool.files._buffer cimport Buffer, put, reserve


cdef int put_header(Buffer *out, uint8_t prefix, size_t number) except -1:
    """Write `*` or `$`, a number and the line end."""
    cdef uint8_t digits[20]
    cdef int count = 0
    cdef uint8_t *to
    reserve(out, 24)
    to = out.data + out.size
    to[0] = prefix
    to += 1
    while True:
        digits[count] = <uint8_t> (48 + number % 10)
        count += 1
        number //= 10
        if not number:
            break
    out.size += count + 3
    while count:
        count -= 1
        to[0] = digits[count]
        to += 1
    to[0] = 13
    to[1] = 10
    return 0


cdef int put_argument(Buffer *out, bytes argument) except -1:
    cdef size_t size = PyBytes_GET_SIZE(argument)
    put_header(out, 36, size)
    reserve(out, size + 2)
    memcpy(out.data + out.size, PyBytes_AS_STRING(argument), size)
    out.size += size
    out.data[out.size] = 13
    out.data[out.size + 1] = 10
    out.size += 2
    return 0


def encode_argvs(argvs):
    """See `_commands_py.encode_argvs`."""
    cdef Buffer out = Buffer(NULL, 0, 0)
    cdef size_t count
    try:
        for argv in argvs:
            count = len(argv)
            if not count:
                raise ValueError("a command has at least its name")
            put_header(&out, 42, count)
            for argument in argv:
                put_argument(&out, argument)
        return PyBytes_FromStringAndSize(<char *> out.data, out.size)
    finally:
        free(out.data)


def encode_batches(head, items, Py_ssize_t count):
    """See `_commands_py.encode_batches`."""
    cdef Buffer out = Buffer(NULL, 0, 0)
    cdef Buffer body = Buffer(NULL, 0, 0)
    cdef size_t taken = 0, heads = len(head)
    if count < 1:
        raise ValueError("a command takes at least one item")
    try:
        for item in items:
            put_argument(&body, item)
            taken += 1
            if taken == <size_t> count:
                put_command(&out, &body, head, heads + taken)
                taken = 0
        if taken:
            put_command(&out, &body, head, heads + taken)
        return PyBytes_FromStringAndSize(<char *> out.data, out.size)
    finally:
        free(out.data)
        free(body.data)


cdef int put_command(Buffer *out, Buffer *body, head, size_t count) except -1:
    """Write one command of the head and the collected items, and start to collect anew."""
    put_header(out, 42, count)
    for argument in head:
        put_argument(out, argument)
    put(out, body.data, body.size)
    body.size = 0
    return 0
