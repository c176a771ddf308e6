"""The manifest of a multi-part AOF: read it as the server does, word for word, and write it.

Reading never raises: what a server would stop at is `Manifest.problem`, with the entries before it.
Knows nothing of the files that the entries name; see `aoftool.aof.layout`.
Source: Valkey 8.0 src/aof.c aofLoadManifestFromFile; every rule measured on 7.0.15, 8.0.6, 8.1.1, 9.1.2.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from enum import Enum

from aoftool.aof.manifest_codes import LINE_UNREAD, SERVER_TEXT, ManifestCode
from aoftool.dataclass import dataclass, field, replace
from aoftool.errors import ManifestError
from aoftool.escape import shorten
from aoftool.next_step import next_step
from aoftool.quoting import Quoting, atoll, quote, split_words

__all__ = [
    "FileType",
    "LineError",
    "LineSpan",
    "Manifest",
    "ManifestCode",
    "ManifestEntry",
    "ManifestProblem",
    "encode_entry",
    "encode_manifest",
    "entry_of_words",
    "parse_line",
    "parse_manifest",
    "problem_at",
    "split_lines",
]

# Bytes of a line with its newline; the rest of a longer one counts as a line of its own.
# Source: Valkey 8.0 src/aof.c MANIFEST_MAX_LINE.
LINE_LIMIT = 1024
_TRIMMED = b" \t\r\n"


class FileType(str, Enum):
    """The part a file plays; the value is the letter in the manifest."""

    BASE = "b"
    HISTORY = "h"
    INCR = "i"


@dataclass(frozen=True)
class LineSpan:
    """Hold one line as the server cuts it.

    Attributes:
        number: counted from 1; the rest of an over-long line has a number of its own.
        offset: where it starts in the manifest, in bytes.
        raw: the bytes, newline included when there is one.
    """

    number: int
    offset: int
    raw: bytes

    @property
    def is_comment(self) -> bool:
        """Tell whether the server skips it: a `#` in the first column."""
        return self.raw.startswith(b"#")

    @property
    def text(self) -> bytes:
        """The line without surrounding blanks."""
        return self.raw.strip(_TRIMMED)


@dataclass(frozen=True)
class ManifestProblem:
    """Hold one thing that stops a server from reading the manifest.

    Attributes:
        code: what is wrong.
        message: printable, for people; says what was found.
        line: number of the line, 0 for the file as a whole.
        offset: where that line starts, in bytes.
        length: bytes of the line, newline included.
        found: the line without surrounding blanks, as bytes.
    """

    code: ManifestCode
    message: str
    line: int = 0
    offset: int = 0
    length: int = 0
    found: bytes = b""

    @property
    def server_message(self) -> str:
        """The last line a server logs before it exits with status 1."""
        return SERVER_TEXT[self.code]

    @property
    def server_log(self) -> tuple[str, ...]:
        """Every line a server logs, without time stamps; the quoted line is shortened."""
        head: tuple[str, ...] = ("*** FATAL AOF MANIFEST FILE ERROR ***",)
        if self.code not in LINE_UNREAD:
            at = f"Reading the manifest file, at line {self.line}"
            head = (*head, at, f">>> '{shorten(self.found, 200)}'")
        return (*head, self.server_message)


@dataclass(frozen=True)
class ManifestEntry:
    """Hold one file that a manifest names.

    Attributes:
        name: file name, unquoted; safe to join to a directory only if `aoftool.aof.layout` says so.
        sequence: the number, as C reads it.
        type: base, history or incr.
        line: number of its line, 0 for an entry made here.
        extras: further pairs of key and value as written, such as `startoffset` of Redis 8, in order.
    """

    name: bytes
    sequence: int
    type: FileType
    line: int = 0
    extras: tuple[tuple[bytes, bytes], ...] = ()

    def extra(self, key: bytes) -> bytes | None:
        """Return the last value of a further key, its case ignored; None when it is absent."""
        for name, value in reversed(self.extras):
            if name.lower() == key:
                return value
        return None


@dataclass(frozen=True)
class Manifest:
    """Hold what a server knows after reading a manifest.

    Attributes:
        entries: in the order of the file; with a problem, those before it.
        problem: what a server would stop at, None when it reads the whole manifest.
        comments: lines that are skipped.
        path: where it was read, for messages.
    """

    entries: tuple[ManifestEntry, ...] = ()
    problem: ManifestProblem | None = None
    comments: tuple[LineSpan, ...] = ()
    path: str | None = field(default=None, compare=False)

    def of_type(self, wanted: FileType) -> tuple[ManifestEntry, ...]:
        """Return the entries of one type in the order of the file."""
        return tuple(entry for entry in self.entries if entry.type is wanted)

    @property
    def base(self) -> ManifestEntry | None:
        """The base file, None when none is listed."""
        return next(iter(self.of_type(FileType.BASE)), None)

    @property
    def incrs(self) -> tuple[ManifestEntry, ...]:
        """The incr files in load order."""
        return self.of_type(FileType.INCR)

    @property
    def history(self) -> tuple[ManifestEntry, ...]:
        """The files that a rewrite replaced and the server has not yet removed."""
        return self.of_type(FileType.HISTORY)

    @property
    def load_order(self) -> tuple[ManifestEntry, ...]:
        """What a server loads: the base, wherever its line stands, then the incr files."""
        return self.of_type(FileType.BASE) + self.incrs

    def require_valid(self) -> Manifest:
        """Return the manifest itself.

        Raises:
            ManifestError: a server would refuse it.
        """
        problem = self.problem
        if problem is None:
            return self
        raise ManifestError(
            problem.message,
            path=self.path,
            offset=problem.offset,
            hint=None if self.path is None else next_step("fix", self.path, "--dry-run"),
            expected="file NAME seq NUMBER type b|h|i",
            found=shorten(problem.found, 200),
        )


class LineError(Exception):
    """Stop reading a line: a server would refuse it, for this code and in these words."""

    def __init__(self, code: ManifestCode, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words


def parse_manifest(
    raw: bytes,
    path: str | os.PathLike[str] | None = None,
    quoting: Quoting = Quoting.SEPARATE,
) -> Manifest:
    """Read a manifest as a server does, up to the first thing it refuses.

    Args:
        raw: the whole file; the caller bounds its size.
        path: for messages only.
        quoting: the one point where servers differ; the default is what all of them accept.
    """
    entries: list[ManifestEntry] = []
    comments = []
    problem = None if raw else _problem_of_empty()
    for line in split_lines(raw):
        if line.is_comment:
            comments.append(line)
            continue
        try:
            entry = parse_line(line, quoting)
            _check_against(entry, entries)
        except LineError as error:
            problem = problem_at(line, error.code, error.words)
            break
        entries.append(entry)
    where = None if path is None else os.fspath(path)
    return Manifest(tuple(entries), problem, tuple(comments), where)


def split_lines(raw: bytes) -> Iterator[LineSpan]:
    """Yield the lines as the server's line reader cuts them: at newlines, or after 1024 bytes."""
    at = number = 0
    while at < len(raw):
        newline = raw.find(b"\n", at, at + LINE_LIMIT)
        end = newline + 1 if newline >= 0 else min(at + LINE_LIMIT, len(raw))
        number += 1
        yield LineSpan(number, at, raw[at:end])
        at = end


def problem_at(line: LineSpan, code: ManifestCode, words: str) -> ManifestProblem:
    """Return a problem of one line, with the place in front of the words."""
    message = f"manifest line {line.number}: {words}"
    return ManifestProblem(code, message, line.number, line.offset, len(line.raw), line.text)


def _problem_of_empty() -> ManifestProblem:
    return ManifestProblem(ManifestCode.EMPTY, "the manifest is empty (0 bytes)")


def parse_line(line: LineSpan, quoting: Quoting = Quoting.SEPARATE) -> ManifestEntry:
    """Return the entry of one line that is no comment.

    Raises:
        LineError: a server would refuse the line, whatever stands before it.
    """
    _check_ending(line)
    return entry_of_words(_words_of(line, quoting), line.number)


def _check_ending(line: LineSpan) -> None:
    raw = line.raw
    if b"\0" in raw:
        raise LineError(ManifestCode.NUL_BYTE, f"a NUL byte at byte {raw.index(0)} of the line")
    if not raw.endswith(b"\n"):
        if len(raw) == LINE_LIMIT:
            raise LineError(ManifestCode.LINE_TOO_LONG, f"longer than {LINE_LIMIT} bytes")
        raise LineError(ManifestCode.NO_FINAL_NEWLINE, "no newline at its end, the file is cut or was edited")


def _words_of(line: LineSpan, quoting: Quoting) -> list[bytes]:
    text = line.text
    if not text:
        raise LineError(ManifestCode.BLANK_LINE, "a blank line")
    words = split_words(text, quoting)
    if words is None:
        raise LineError(ManifestCode.UNBALANCED_QUOTES, f"quotes do not balance: {shorten(text)}")
    if len(words) % 2:
        count = len(words)
        raise LineError(
            ManifestCode.ODD_FIELDS, f"{count} words, not pairs of key and value: {shorten(text)}"
        )
    if len(words) < 6:
        raise LineError(
            ManifestCode.TOO_FEW_FIELDS, f"{len(words)} words, at least 6 are needed: {shorten(text)}"
        )
    return words


def entry_of_words(words: list[bytes], line: int) -> ManifestEntry:
    """Return the entry that pairs of key and value make.

    Raises:
        LineError: a server would refuse the pairs.
    """
    name: bytes | None = None
    sequence = 0
    letter = b""
    extras = []
    for key, value in zip(words[::2], words[1::2], strict=True):
        # The server compares and copies C strings: an escaped NUL ends a key or a value.
        what, text = key.partition(b"\0")[0].lower(), value.partition(b"\0")[0]
        if what == b"file":
            name = text
            if b"/" in name or b"\\" in name:
                raise LineError(ManifestCode.NAME_IS_PATH, f"the file name is a path: {shorten(name)}")
        elif what == b"seq":
            sequence = atoll(text)
        elif what == b"type":
            letter = text[:1]
        else:
            extras.append((key, value))
    return _entry_of_fields(name, sequence, letter, line, tuple(extras))


def _entry_of_fields(
    name: bytes | None,
    sequence: int,
    letter: bytes,
    line: int,
    extras: tuple[tuple[bytes, bytes], ...],
) -> ManifestEntry:
    if name is None:
        raise LineError(ManifestCode.MISSING_FIELD, "no file name")
    if sequence == 0:
        raise LineError(ManifestCode.MISSING_FIELD, f"no sequence number for {shorten(name)}, or it is 0")
    if not letter:
        raise LineError(ManifestCode.MISSING_FIELD, f"no type for {shorten(name)}")
    if letter not in (b"b", b"h", b"i"):
        words = f"type {shorten(letter)} of {shorten(name)} is none of b, h and i"
        raise LineError(ManifestCode.BAD_TYPE, words)
    return ManifestEntry(name, sequence, FileType(letter.decode("ascii")), line, extras)


def _check_against(entry: ManifestEntry, before: list[ManifestEntry]) -> None:
    """Hold an entry against those before it: one base, incr numbers that rise from 1."""
    if entry.type is FileType.BASE:
        for other in before:
            if other.type is FileType.BASE:
                words = f"a second base file, {shorten(entry.name)}; the first is on line {other.line}"
                raise LineError(ManifestCode.DUPLICATE_BASE, words)
    elif entry.type is FileType.INCR:
        last = next((other.sequence for other in reversed(before) if other.type is FileType.INCR), 0)
        if entry.sequence <= last:
            words = f"incr sequence {entry.sequence} of {shorten(entry.name)} is not above {last}"
            raise LineError(ManifestCode.SEQUENCE_ORDER, words)


def encode_entry(entry: ManifestEntry) -> bytes:
    """Return the line of one entry, as the server writes it, further keys kept at its end."""
    pairs = [
        (b"file", quote(entry.name)),
        (b"seq", b"%d" % entry.sequence),
        (b"type", entry.type.value.encode("ascii")),
        *((quote(key), quote(value)) for key, value in entry.extras),
    ]
    return b" ".join(b"%s %s" % pair for pair in pairs) + b"\n"


def encode_manifest(entries: Iterable[ManifestEntry]) -> bytes:
    """Return a manifest in the server's form: base, history, incr files by rising sequence.

    Raises:
        ManifestError: no server would read it back as it was meant: no entry, two bases, sequences
            that do not rise, a name that is a path or holds a NUL, a line over 1024 bytes.
    """
    listed = list(entries)
    incrs = sorted((e for e in listed if e.type is FileType.INCR), key=lambda entry: entry.sequence)
    ordered = [e for e in listed if e.type is FileType.BASE]
    ordered += [e for e in listed if e.type is FileType.HISTORY]
    raw = b"".join(map(encode_entry, ordered + incrs))
    back = parse_manifest(raw).require_valid()
    if [replace(entry, line=0) for entry in back.entries] != [replace(e, line=0) for e in ordered + incrs]:
        raise ManifestError("a name with a NUL byte, or a further key that is file, seq or type")
    return raw
