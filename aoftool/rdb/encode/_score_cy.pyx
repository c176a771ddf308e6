# cython: language_level=3
"""Compiled twin of `_score_py.py`, which is the specification."""

from cpython.bytes cimport PyBytes_FromString, PyBytes_FromStringAndSize
from libc.math cimport fabs, isinf, signbit
from libc.stdlib cimport atoi
from libc.string cimport memcpy, memset


cdef extern from "Python.h":
    char *PyOS_double_to_string(double value, char form, int precision, int flags, int *kind) except NULL
    void PyMem_Free(void *place)


def score_text(double score, *, bint shortest):
    """See `aoftool.rdb.encode.score_text.score_text`."""
    cdef char *text
    if isinf(score):
        return b"inf" if score > 0 else b"-inf"
    if shortest and score == 0:
        return b"-0" if signbit(score) else b"0"
    text = PyOS_double_to_string(fabs(score), b"r", 0, 0, NULL) if shortest else (
        PyOS_double_to_string(score, b"g", 17, 0, NULL))
    try:
        return laid_out(text, score < 0) if shortest else PyBytes_FromString(text)
    finally:
        PyMem_Free(text)


cdef bytes laid_out(const char *text, bint negative):
    """Lay out digits and exponent of a positive number, which is not zero."""
    cdef char[64] digits
    cdef char[80] out
    cdef int count = 0, power = 0, size = 0, top, point
    cdef bint fraction = False, started = False
    while text[0] and text[0] != c"e":
        if text[0] == c".":
            fraction = True
        else:
            power -= fraction
            # Zeros in front are no digits.
            started = started or text[0] != c"0"
            if started:
                digits[count] = text[0]
                count += 1
        text += 1
    if text[0] == c"e":
        power += atoi(text + 1)
    while count > 1 and digits[count - 1] == c"0":
        count -= 1
        power += 1
    if negative:
        out[0] = c"-"
        size = 1
    top = power + count - 1
    if power >= 0 and abs(top) < count + 7:
        memcpy(out + size, digits, count)
        memset(out + size + count, c"0", power)
        return PyBytes_FromStringAndSize(out, size + count + power)
    if power < 0 and (power > -7 or abs(top) < 4):
        point = count + power
        if point <= 0:
            out[size] = c"0"
            out[size + 1] = c"."
            memset(out + size + 2, c"0", -point)
            memcpy(out + size + 2 - point, digits, count)
            return PyBytes_FromStringAndSize(out, size + 2 - point + count)
        memcpy(out + size, digits, point)
        out[size + point] = c"."
        memcpy(out + size + point + 1, digits + point, count - point)
        return PyBytes_FromStringAndSize(out, size + count + 1)
    out[size] = digits[0]
    size += 1
    if count > 1:
        out[size] = c"."
        memcpy(out + size + 1, digits + 1, count - 1)
        size += count
    return PyBytes_FromStringAndSize(out, size) + b"e%c%d" % (b"-" if top < 0 else b"+", abs(top))
