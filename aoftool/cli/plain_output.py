"""Output where text is not UTF-8, or a disk is full: an answer may look plain, and never stops in the middle.

Python ends a write with an error for what an encoding lacks. Rules and bars of tables become ASCII here, all
else an escape such as `\\u65e5`. What is said beside an answer is lost where it cannot be written.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["lose_messages", "ready_streams", "show_all", "write_whole"]

_HANDLER = "aoftool.plain"
_PLAIN = {"─": "-", "–": "-", "…": "...", "µ": "u", "±": "+-"}
# The steps of a small curve, from low to high, as in aoftool.report.sparkline.
_PLAIN.update(zip("▁▂▃▄▅▆▇█", ".:-=+*%#", strict=True))


def ready_streams() -> None:
    """Make the streams of a program that begins take whatever is printed; nothing was printed yet."""
    if sys.stdin is None or sys.stdout is None or sys.stderr is None:
        _open_streams()
    show_all((sys.stdout, sys.stderr))
    write_whole()
    lose_messages()


def _open_streams() -> None:
    """Let what was closed before the start lead nowhere: the next file opened would take its place.

    Whoever closed the output wants the exit code alone.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def write_whole() -> None:
    """Have what is printed written to its end where the interpreter was told to keep no buffer.

    Then Python writes once, and takes it for done when the system took a part: with a disk that fills up, or
    a reader that leaves, the rest would be lost without a word. A line is still written when it is there.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, io.TextIOWrapper) or not isinstance(stream.buffer, io.RawIOBase):
            continue
        encoding, errors = stream.encoding, stream.errors
        raw = stream.detach()
        assert isinstance(raw, io.RawIOBase)
        setattr(
            sys,
            name,
            io.TextIOWrapper(io.BufferedWriter(raw), encoding=encoding, errors=errors, line_buffering=True),
        )


def lose_messages() -> None:
    """Have what is said on stderr change nothing of what a verb does where it cannot be written.

    `aoftool fix ... 2>/full/disk/log` would else end in the middle, or with a code of the interpreter's
    own. A reader that went away is told as ever.
    """
    stream = sys.stderr
    if not isinstance(stream, io.TextIOWrapper):
        return
    encoding, errors = stream.encoding, stream.errors
    buffer = io.BufferedWriter(_Messages(stream.fileno()))
    stream.detach()
    sys.stderr = _Aside(buffer, encoding=encoding, errors=errors, line_buffering=True)


class _Aside(io.TextIOWrapper):
    """What is said beside an answer: behind what was printed before, where both go to one place.

    A terminal shows lines in order; in a pipe or a file, what waits in a buffer would come last.
    """

    def write(self, text: str, /) -> int:
        try:
            sys.stdout.flush()
        except OSError as error:
            if error.__context__ is None:  # else something is being told, such as this
                raise
        return super().write(text)


class _Messages(io.RawIOBase):
    """A descriptor that takes everything, and keeps what it can."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return os.write(self._descriptor, data)
        except BrokenPipeError:
            raise
        except OSError:
            return memoryview(data).nbytes


def show_all(streams: Iterable[TextIO | None]) -> None:
    """Have streams that are not UTF-8 replace what their encoding lacks."""
    for stream in streams:
        encoding = getattr(stream, "encoding", None)
        if stream is None or not encoding or codecs.lookup(encoding).name == "utf-8":
            continue
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            codecs.register_error(_HANDLER, _replace)
            reconfigure(errors=_HANDLER)


def _replace(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end]
    return "".join(_PLAIN.get(char) or _escaped(char) for char in found), error.end


def _escaped(char: str) -> str:
    return char.encode("ascii", "backslashreplace").decode()
