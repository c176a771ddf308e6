"""Rows of whole canonical commands into `Command` objects. Gives the answers of `_cut_py`."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t

from aoftool.resp.model import Command

__all__ = ["cut_commands"]


cdef const uint8_t* read_number(const uint8_t* at, int64_t* number) noexcept nogil:
    """Read a header that is known to be canonical and whole; return what follows it."""
    cdef int64_t value = 0
    at += 1
    while at[0] != 13:
        value = value * 10 + (at[0] - 48)
        at += 1
    number[0] = value
    return at + 2


cdef tuple cut_argv(const uint8_t* at, int64_t limit):
    cdef int64_t argc, length, kept
    cdef list argv = []
    cdef list lengths = None
    at = read_number(at, &argc)
    for i in range(argc):
        at = read_number(at, &length)
        kept = min(length, limit)
        argv.append(PyBytes_FromStringAndSize(<const char*>at, kept))
        if kept < length and lengths is None:
            lengths = [len(argument) for argument in argv[: len(argv) - 1]]
        if lengths is not None:
            lengths.append(length)
        at += length + 2
    return argv, lengths


def cut_commands(
    const uint8_t[::1] data not None, int64_t base, rows, int64_t first_index, int64_t limit, wanted
):
    """Return a command for every wanted row, in order. See `_cut_py.cut_commands`."""
    cdef const int64_t[::1] offsets, sizes, numbers, dbs, txns, times, lenients
    cdef int64_t i, end = base + data.shape[0]
    cdef list commands = []
    if not rows.offset:
        return commands
    offsets = memoryview(rows.offset).cast("q")
    sizes = memoryview(rows.length).cast("q")
    numbers = memoryview(rows.command).cast("q")
    dbs = memoryview(rows.db).cast("q")
    txns = memoryview(rows.txn).cast("q")
    times = memoryview(rows.time_s).cast("q")
    lenients = memoryview(rows.lenient).cast("q")
    for i in range(offsets.shape[0]):
        if wanted is not None and numbers[i] not in wanted:
            continue
        argv, lengths = [], None
        if not lenients[i] and offsets[i] >= base and offsets[i] + sizes[i] <= end:
            argv, lengths = cut_argv(&data[offsets[i] - base], limit)
        lenient = lenients[i] != 0
        index = first_index + i
        commands.append(
            Command(offsets[i], sizes[i], argv, dbs[i], txns[i], times[i], index, lengths, lenient)
        )
    return commands
