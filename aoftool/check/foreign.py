"""Files that are no log at all: told from a damaged log before anything is judged or cut.

A file is a log, whole or damaged, when it begins as one, when a command or an argument in good framing
stands anywhere in it, when an RDB part shows although its header is destroyed, or when it is nothing but
zeros, which a power loss leaves of a log. Everything else never held a command, and nothing is gained by
reading it as one. Says what such a file is; writes nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from aoftool.aof.model import Log, LogKind
from aoftool.errors import InputError
from aoftool.escape import shown_path
from aoftool.files.packed.compression import detect_compression
from aoftool.files.source import Source, open_source
from aoftool.rdb.header import is_rdb
from aoftool.regex import regex

__all__ = ["foreign_kind", "not_a_log", "refuse_foreign"]

_START_BYTES = 32
_PIECE_BYTES = 1 << 20
_OVERLAP = 64
_BEGINS = regex(rb"\*-?[0-9]{1,20}\r{0,2}\n|#TS:[0-9]")
_TORN_START = regex(rb"\*-?[0-9]{0,20}\r?|#(?:T(?:S:?)?)?")
_OPENING = regex(rb"\*[1-9][0-9]{0,9}\r{0,2}\n\$[0-9]{1,10}\r{0,2}\n")
_ARGUMENT = regex(rb"\$([1-9][0-9]{0,8})\r\n")
_MAGICS = (b"REDIS", b"VALKEY")
_ANY_HEADER = b"REDIS0009"
_GARNET = regex(r"aof\.log\.[0-9]+")
_HINT = "name a manifest, an AOF directory, an .aof or an .rdb"
_HINTS = (
    ("archive", "unpack it, and name the log inside"),
    ("compressed with", "decompress it first: only gzip and zstd are read as they are"),
    ("encrypted", "decrypt it first"),
    ("Git LFS", "fetch the file itself: git lfs pull"),
)


def refuse_foreign(log: Log) -> None:
    """Refuse a log that is one file without anything of a log in it.

    Of standard input only what has arrived is looked at, and nothing is taken from it.

    Raises:
        InputError: with what the file is.
        SourceError: it cannot be opened.
    """
    if log.kind is LogKind.MULTI_PART or not log.files:
        return
    if log.kind is LogKind.STDIN:
        _refuse_stream(log)
        return
    file = log.files[0]
    if not file.exists or not file.size_bytes:
        return
    with open_source(file.path) as source:
        words = foreign_kind(source, file.path)
    if words:
        raise not_a_log(words, log.path)


def not_a_log(words: str, path: str) -> InputError:
    """Return the error that says what a file is instead of a log."""
    hint = next((hint for mark, hint in _HINTS if mark in words), _HINT)
    return InputError(f"this is no append-only file and no RDB: it is {words}", path=path, hint=hint)


def foreign_kind(source: Source, path: str) -> str:
    """Return what a file is that is no log, in words; empty for a log, whole or damaged.

    Args:
        source: at its start; one that is not plain is read to its end where that is needed.
        path: its name, which tells an RDB part whose header is destroyed.
    """
    head = source.peek(_START_BYTES)
    if not head or _is_log_start(head):
        return ""
    # What follows is imported only for what does not begin as a log does.
    from aoftool.files.kinds import HEAD_BYTES, kind_of

    head = source.peek(HEAD_BYTES)
    whole = len(head) < HEAD_BYTES
    words = kind_of(head)
    if not words:
        if whole and _is_torn_start(head):
            return ""
        if _holds_a_part(source) or _is_rdb_part(source, path):
            return ""
        words = _told(head, _last_of(source), path, whole=whole)
    packed = f", compressed with {source.compression}" if source.compression else ""
    return words + packed


def _is_log_start(head: bytes) -> bool:
    return is_rdb(head) or _BEGINS.match(head) is not None


def _is_torn_start(head: bytes) -> bool:
    """Tell whether all of a file is the beginning of a first command or annotation, perhaps with zeros."""
    return _TORN_START.fullmatch(head.rstrip(b"\0")) is not None


def _pieces(source: Source) -> Iterator[bytes]:
    """Yield the bytes of a file, each piece with the last few of the one before it."""
    at, kept = 0, b""
    while True:
        piece = source.read_at(at, _PIECE_BYTES) if source.seekable else source.read(_PIECE_BYTES)
        if not piece:
            return
        at += len(piece)
        yield kept + piece
        kept = piece[-_OVERLAP:]


def _holds_a_part(source: Source) -> bool:
    """Tell whether a command begins anywhere, an argument stands there whole, or all is zero."""
    zeros = True
    for piece in _pieces(source):
        zeros = zeros and not piece.strip(b"\0")
        if zeros:
            continue
        if _OPENING.search(piece) or _OPENING.search(piece.replace(b"\0", b"")) or _argument_in(piece):
            return True
    return zeros


def _argument_in(piece: bytes) -> bool:
    for match in _ARGUMENT.finditer(piece):
        end = match.end() + int(match[1])
        if piece[end : end + 2] == b"\r\n":
            return True
    return False


def _is_rdb_part(source: Source, path: str) -> bool:
    """Tell whether a file begins with an RDB part without its header."""
    if not source.seekable:
        return False
    from aoftool.check.rdb.header import holds_keys, lost_its_header, proved_header
    from aoftool.check.stream.window import Reader

    reader = Reader(source)
    if lost_its_header(reader, named_rdb=False):
        return True
    if not path.endswith(".rdb"):
        return False
    return proved_header(reader, _ANY_HEADER, reader.size_bytes) is not None or holds_keys(reader)


def _last_of(source: Source) -> bytes:
    size = source.size_bytes
    return source.read_at(max(size - 8, 0), 8) if source.seekable and size else b""


def _told(head: bytes, last: bytes, path: str, *, whole: bool) -> str:
    """Return what a file without any part of a log is."""
    from aoftool.files.kinds import kind_of_text, weak_kind_of

    if whole and any(magic.startswith(head) for magic in _MAGICS):
        letters = "letter" if len(head) == 1 else f"{len(head)} letters"
        return f"the first {letters} of an RDB header, and nothing behind"
    text = kind_of_text(head)
    if text:
        return text
    weak = weak_kind_of(head, last)
    if weak:
        return weak
    if _GARNET.fullmatch(os.path.basename(path)):
        return "a log of Garnet, by its name: another product's format"
    return "binary data without one command in it"


def _refuse_stream(log: Log) -> None:
    """Refuse standard input that begins as no log does, as far as it can be seen without taking it."""
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None or not hasattr(stream, "peek") or sys.stdin.isatty():
        return
    from aoftool.files.kinds import HEAD_BYTES, kind_of, kind_of_text

    try:
        head = stream.peek(HEAD_BYTES)
    except (OSError, ValueError):
        return
    if not head or detect_compression(head) is not None or _is_log_start(head) or _is_torn_start(head):
        return
    # More may be on its way: of bytes that say nothing, the reader of the stream will tell.
    words = kind_of(head) or ("" if _OPENING.search(head) or _argument_in(head) else kind_of_text(head))
    if words:
        raise not_a_log(words, shown_path(log.path))
