"""Every entry that can still be read from a manifest that a server refuses.

Reads line by line and keeps what each line says, also against the rules that hold between lines; a
field that a line lost is taken from the file's own name where that follows the servers' pattern.
Decides nothing: which entries to use is the business of repair, which sees the files too.
"""

from __future__ import annotations

import re

from aoftool.aof.manifest import (
    FileType,
    LineError,
    LineSpan,
    ManifestEntry,
    ManifestProblem,
    entry_of_words,
    problem_at,
)
from aoftool.dataclass import dataclass
from aoftool.quoting import atoll, split_words
from aoftool.regex import regex

__all__ = ["FileNameParts", "SalvagedEntry", "SalvagedManifest", "parse_file_name", "salvage_manifest"]

# What is kept of a hostile manifest: entries and problems. A directory with more files than this is
# beyond what any server has written.
ENTRY_LIMIT = 100_000
PROBLEM_LIMIT = 1_000

_BOM = b"\xef\xbb\xbf"
_BLANKS = b" \t\r\n\v\f\0"
# Source: Valkey 8.0 src/aof.c getNewBaseFileNameAndMarkPreAsHistory, getNewIncrAofName.
_NAME = regex(rb"(.+)\.([0-9]{1,19})\.(base|incr)\.(aof|rdb)", re.DOTALL)


@dataclass(frozen=True)
class FileNameParts:
    """Hold what the name of a file in an AOF directory says: `<prefix>.<sequence>.<base|incr>.<suffix>`."""

    prefix: bytes
    sequence: int
    type: FileType
    suffix: bytes


@dataclass(frozen=True)
class SalvagedEntry:
    """Hold an entry and how sure it is.

    Attributes:
        entry: as read; `type` and `sequence` may come from the name.
        inferred: the fields that the line did not give: "seq", "type", "file".
    """

    entry: ManifestEntry
    inferred: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SalvagedManifest:
    """Hold what could be read, and what could not.

    Attributes:
        entries: in the order of the file, duplicates included.
        problems: one for each line that a server would refuse by itself; at most 1,000 are kept.
        lost_lines: lines that are no comment and gave no entry.
    """

    entries: tuple[SalvagedEntry, ...]
    problems: tuple[ManifestProblem, ...]
    lost_lines: int


def parse_file_name(name: bytes) -> FileNameParts | None:
    """Return what a name in the servers' pattern says; None for any other name."""
    found = _NAME.fullmatch(name)
    if found is None or int(found[2]) == 0:
        return None
    type_ = FileType.BASE if found[3] == b"base" else FileType.INCR
    return FileNameParts(found[1], int(found[2]), type_, found[4])


def salvage_manifest(raw: bytes) -> SalvagedManifest:
    """Read every entry of a manifest that can be read; never raises.

    Blank lines, byte-order marks, CRLF, NUL bytes, a lost final newline and over-long comments are no
    obstacle. Memory is bounded by the input.
    """
    entries: list[SalvagedEntry] = []
    problems: list[ManifestProblem] = []
    lost = 0
    for line in _physical_lines(raw):
        try:
            entries.append(_read_line(line))
        except LineError as error:
            lost += 1
            if len(problems) < PROBLEM_LIMIT:
                problems.append(problem_at(line, error.code, error.words))
        if len(entries) >= ENTRY_LIMIT:
            break
    return SalvagedManifest(tuple(entries), tuple(problems), lost)


def _physical_lines(raw: bytes) -> list[LineSpan]:
    """Return the lines that are neither blank nor comment, without marks and NULs around them."""
    lines = []
    at = 0
    for number, piece in enumerate(raw.split(b"\n"), start=1):
        text = piece.strip(_BLANKS)
        if number == 1:
            text = text.removeprefix(_BOM)
        if text and not text.startswith(b"#"):
            lines.append(LineSpan(number, at, text))
        at += len(piece) + 1
    return lines


def _read_line(line: LineSpan) -> SalvagedEntry:
    words = split_words(line.raw.replace(b"\0", b""))
    if words is None:
        # Half a quoted name tells nothing; whole words before it may.
        words = line.raw.split()
    try:
        return SalvagedEntry(entry_of_words(words[: len(words) & ~1], line.number))
    except LineError:
        guess = _entry_by_name(words, line.number)
        if guess is None:
            raise
        return guess


def _entry_by_name(words: list[bytes], line: int) -> SalvagedEntry | None:
    """Return an entry from the one word that is a file name in the servers' pattern.

    Of a path only the last part is taken: it names a file in the manifest's own directory.
    """
    last_parts = [word.replace(b"\\", b"/").rpartition(b"/")[2] for word in words]
    named = [(word, parts) for word in last_parts if (parts := parse_file_name(word)) is not None]
    if len(named) != 1:
        return None
    name, parts = named[0]
    inferred = set()
    sequence, type_ = _value_after(words, b"seq"), _value_after(words, b"type")[:1]
    if atoll(sequence) == 0:
        inferred.add("seq")
    if type_ not in (b"b", b"h", b"i"):
        inferred.add("type")
    if _value_after(words, b"file") != name:
        inferred.add("file")
    entry = ManifestEntry(
        name,
        parts.sequence if "seq" in inferred else atoll(sequence),
        parts.type if "type" in inferred else FileType(type_.decode("ascii")),
        line,
    )
    return SalvagedEntry(entry, frozenset(inferred))


def _value_after(words: list[bytes], key: bytes) -> bytes:
    lowered = [word.lower() for word in words]
    at = lowered.index(key) + 1 if key in lowered else len(words)
    return words[at] if at < len(words) else b""
