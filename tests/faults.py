"""A disk that fails: errors at chosen places of chosen files, in this process or in another one.

In this process the one object that all reading of logs goes through is replaced. For another process a small
library is built that stands in front of the C library's own reading; it needs a C compiler.
"""

from __future__ import annotations

import errno
import functools
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from aoftool.files.syscalls import ReadCalls

__all__ = ["ALWAYS", "ONCE", "Fault", "preloaded"]

ONCE = 1
ALWAYS = 1 << 60


@dataclass
class Fault:
    """A stretch of a file that cannot be read, as a bad sector cannot: what is in front of it can.

    Attributes:
        path: the file, under whatever name it is opened.
        start, end: the bad bytes; a read that begins there fails, one that begins before ends there.
        number: the error.
        times: how often it fails before the disk is sound again.
        late: how often it does not fail before the first time.
        met: how often a read began there so far.
    """

    path: Path
    start: int
    end: int
    number: int = errno.EIO
    times: int = ALWAYS
    late: int = 0
    met: int = 0
    _file: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        status = self.path.stat()
        self._file = status.st_dev, status.st_ino

    @classmethod
    def at(
        cls, path: Path, offset: int, *, number: int = errno.EIO, times: int = ALWAYS, late: int = 0
    ) -> Fault:
        """Return a fault of the one byte at an offset."""
        return cls(path, offset, offset + 1, number, times, late)

    @property
    def failed(self) -> bool:
        """Tell whether a read of this process has failed."""
        return self.met > self.late

    def room(self, descriptor: int, length: int, offset: int) -> int:
        """Return how much of a range can be read; raise when that is nothing."""
        status = os.fstat(descriptor)
        if (status.st_dev, status.st_ino) != self._file or self.met >= self.late + self.times:
            return length
        if offset >= self.end or offset + length <= self.start:
            return length
        if offset < self.start:
            return self.start - offset
        self.met += 1
        if self.met <= self.late:
            return length
        raise OSError(self.number, os.strerror(self.number))

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let every read of this process meet the fault."""
        read_at, read_into = ReadCalls.read_at, ReadCalls.read_into

        def failing_read_at(calls: ReadCalls, descriptor: int, length: int, offset: int) -> bytes:
            return read_at(calls, descriptor, self.room(descriptor, length, offset), offset)

        def failing_read_into(calls: ReadCalls, descriptor: int, view: memoryview, offset: int) -> int:
            return read_into(calls, descriptor, view[: self.room(descriptor, len(view), offset)], offset)

        monkeypatch.setattr(ReadCalls, "read_at", failing_read_at)
        monkeypatch.setattr(ReadCalls, "read_into", failing_read_into)

    def environment(self) -> dict[str, str]:
        """Return the variables that make another process meet the fault; skips without a compiler."""
        return {
            **os.environ,
            "LD_PRELOAD": str(preloaded()),
            "FAULT_PATH": str(self.path),
            "FAULT_START": str(self.start),
            "FAULT_END": str(self.end),
            "FAULT_ERRNO": str(self.number),
            "FAULT_TIMES": str(min(self.times, 1 << 30)),
            "FAULT_LATE": str(self.late),
        }


_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_int met;

static long number_of(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

/* Returns how much of a range can be read, -1 with errno when nothing can. */
static ssize_t room(int descriptor, size_t length, off_t offset) {
    const char *path = getenv("FAULT_PATH");
    struct stat ours, other;
    off_t start = number_of("FAULT_START"), end = number_of("FAULT_END");
    if (!path || !length || offset >= end || offset + (off_t)length <= start) return length;
    if (fstat(descriptor, &ours) || !S_ISREG(ours.st_mode) || stat(path, &other)) return length;
    if (ours.st_dev != other.st_dev || ours.st_ino != other.st_ino) return length;
    if (offset < start) return start - offset;
    int before = atomic_fetch_add(&met, 1) - (int)number_of("FAULT_LATE");
    if (before < 0 || before >= number_of("FAULT_TIMES")) return length;
    errno = number_of("FAULT_ERRNO");
    return -1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pread(int descriptor, void *buffer, size_t length, off_t offset) {
    ssize_t left = room(descriptor, length, offset);
    return left < 0 ? -1 : REAL(pread)(descriptor, buffer, left, offset);
}

ssize_t pread64(int descriptor, void *buffer, size_t length, off_t offset) {
    return pread(descriptor, buffer, length, offset);
}

ssize_t read(int descriptor, void *buffer, size_t length) {
    off_t offset = lseek(descriptor, 0, SEEK_CUR);
    ssize_t left = offset < 0 ? (ssize_t)length : room(descriptor, length, offset);
    return left < 0 ? -1 : REAL(read)(descriptor, buffer, left);
}

ssize_t preadv(int descriptor, const struct iovec *parts, int count, off_t offset) {
    /* The first part is enough: a short read is allowed. */
    return count ? pread(descriptor, parts[0].iov_base, parts[0].iov_len, offset) : 0;
}

ssize_t preadv64(int descriptor, const struct iovec *parts, int count, off_t offset) {
    return preadv(descriptor, parts, count, offset);
}

ssize_t preadv2(int descriptor, const struct iovec *parts, int count, off_t offset, int flags) {
    (void)flags;
    return preadv(descriptor, parts, count, offset);
}

ssize_t preadv64v2(int descriptor, const struct iovec *parts, int count, off_t offset, int flags) {
    (void)flags;
    return preadv(descriptor, parts, count, offset);
}

ssize_t copy_file_range(int in, off_t *at, int out, off_t *to, size_t length, unsigned flags) {
    off_t offset = at ? *at : lseek(in, 0, SEEK_CUR);
    ssize_t left = room(in, length, offset);
    return left < 0 ? -1 : REAL(copy_file_range)(in, at, out, to, left, flags);
}
"""


@functools.cache
def preloaded() -> Path:
    """Return the library that makes reads of another process fail; skips where none can be built."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler on this machine")
    folder = Path(tempfile.mkdtemp(prefix="aoftool-faults-"))
    source, library = folder / "faults.c", folder / "faults.so"
    source.write_text(_SOURCE, encoding="ascii")
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("the C compiler cannot build a library to preload")
    return library
