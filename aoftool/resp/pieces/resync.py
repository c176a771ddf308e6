"""Find a command boundary near an offset, and prove it by the commands that follow.

A boundary is a place where a canonical command starts; the proof is a chain of canonical items from
there, to the end of input or for a number of commands. A value can hold a command stream of its own, so
a proof is evidence and no certainty: who repairs must still ask whether the place is inside a payload.
Knows the strict grammar only. Needs a source that can be read at an offset.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from aoftool.dataclass import dataclass
from aoftool.files.source import Source
from aoftool.regex import regex
from aoftool.resp._native import Scan
from aoftool.resp.grammar import Grammar, ScanOptions
from aoftool.resp.stops import Halt

__all__ = ["Boundary", "boundaries", "boundary_behind", "resync"]

PROOF_COMMANDS = 8
# A file can be written so that millions of places look like a start and none is one. A search gives up
# behind so many: some seconds of work, where honest damage shows a handful.
_MAX_STARTS = 1_000_000
_MAX_PROOFS = 20_000
_WINDOW_BYTES = 64 * 1024
_READ_BYTES = 512 * 1024
# `*<argc>`, then a first argument that looks like a command name. 80 bytes hold any such start.
_START = regex(rb"\*([1-9][0-9]{0,8})\r\n\$([1-9][0-9]?)\r\n(?=([A-Za-z][\x21-\x7e]{0,63})\r\n)")
_START_BYTES = 96
# Behind a cut so much is searched for a boundary: a larger value swallows the cut.
_GUESS_BYTES = 64 * 1024
_GUESS_TRIES = 8
# A start that the end of one reading cuts is whole in the next.
_GUESS_OVERLAP = 128

Accept = Callable[[bytes, int], bool]


@dataclass(frozen=True, slots=True)
class Boundary:
    """A place where commands start again, with the evidence.

    Attributes:
        offset: absolute offset of the `*`.
        name: the first command's name as spelled.
        aligned: the bytes before it are a CRLF or a line feed, or the search began here.
        commands: canonical commands in a row from here; at least the number asked for unless
            `reaches_end`.
        chain_end: end of the last of them that was looked at.
        reaches_end: the chain meets the end of input exactly: the strongest evidence.
    """

    offset: int
    name: bytes
    aligned: bool
    commands: int
    chain_end: int
    reaches_end: bool


def boundary_behind(source: Source, cut: int, end: int) -> int | None:
    """Return a place near and behind `cut` that looks like the start of a command; None without.

    A guess for cutting a file into ranges; the ranges themselves prove it or not.
    """
    for at in range(cut, min(end, cut + _GUESS_TRIES * _GUESS_BYTES), _GUESS_BYTES - _GUESS_OVERLAP):
        data = source.read_at(at, _GUESS_BYTES)
        found = _start_in(data)
        if found >= 0:
            return at + found if at + found < end else None
        if len(data) < _GUESS_BYTES:
            return None
    return None


def _start_in(data: bytes) -> int:
    """Return the first place in `data`, behind a CRLF, that looks like the start of a command; -1 without."""
    at = 0
    while True:
        at = data.find(b"\r\n*", at)
        if at < 0:
            return -1
        match = _START.match(data, at + 2)
        if match and len(match[3]) == int(match[2]):
            return at + 2
        at += 2


def _can_go_on(data: bytes, at: int, argc: int) -> bool:
    """Tell whether what follows a name at `at` can be the next argument or item, if it is in view."""
    behind = data[at : at + 1]
    return not behind or behind == (b"$" if argc > 1 else b"*") or (argc == 1 and behind == b"#")


def _starts(source: Source, offset: int, end: int) -> Iterator[tuple[int, bytes, int, bool]]:
    """Yield (offset, name, argc, aligned) of everything that looks like the start of a command."""
    at, before = offset, b"\r\n"
    while at < end:
        data = source.read_at(at, min(_READ_BYTES + _START_BYTES, end - at))
        if not data:
            return
        last = at + len(data) >= end
        use = len(data) if last else max(len(data) - _START_BYTES, 1)
        for match in _START.finditer(data):
            begin = match.start()
            if begin >= use:
                break
            argc, name_end = int(match[1]), match.end(3) + 2
            if len(match[3]) == int(match[2]) and _can_go_on(data, name_end, argc):
                ahead = data[begin - 1] if begin else before[-1]
                yield at + begin, match[3], argc, ahead == 10
        before = data[use - 1 : use]
        at += use


def _prove(source: Source, offset: int, end: int, commands: int | None) -> Scan:
    """Walk canonical items from `offset`; stop soon after `commands` of them, None for all."""
    scan = Scan(ScanOptions(start=offset, grammar=Grammar.STRICT))
    while not scan.halted and (commands is None or scan.commands < commands):
        # Small reads until there is something to believe in.
        size = _WINDOW_BYTES if scan.commands < PROOF_COMMANDS else _READ_BYTES
        data = source.read_at(scan.offset, min(size, end - scan.offset)) if scan.offset < end else b""
        if not data:
            scan.finish()
            break
        scan.feed(data)
        if scan.skippable:
            scan.skip(min(scan.skippable, end - scan.offset))
    return scan


def boundaries(
    source: Source,
    offset: int,
    end: int | None = None,
    *,
    proof: int = PROOF_COMMANDS,
    accept: Accept | None = None,
    to_end: bool = True,
) -> Iterator[Boundary]:
    """Yield proven boundaries at or behind `offset`, ascending; one for each chain.

    Gives up behind a million false starts, which only a hostile file has.

    Args:
        source: one that can be read at an offset; its place does not move.
        end: absolute offset to treat as the end of input.
        proof: commands in a row that make a proof where the chain does not reach the end.
        accept: tells for a name as spelled and an argc whether a server knows such a command.
        to_end: follow a proven chain to its end, so that `reaches_end` is known; costs one read of
            what follows.
    """
    size = source.size_bytes or 0
    end = size if end is None else min(end, size)
    passed, proofs = offset, 0
    for start, name, argc, aligned in itertools.islice(_starts(source, offset, end), _MAX_STARTS):
        if start < passed or (accept is not None and not accept(name, argc)):
            continue
        proofs += 1
        if proofs > _MAX_PROOFS:
            return
        scan = _prove(source, start, end, None if to_end else proof)
        stop = scan.tally().stop
        assert stop is not None
        reaches_end = scan.halted and scan.halt is Halt.BOUNDARY and scan.offset >= end
        if not reaches_end and scan.commands < proof:
            continue
        yield Boundary(start, name, aligned or start == offset, scan.commands, stop.good_end, reaches_end)
        passed = max(stop.good_end, start + 1)


def resync(
    source: Source,
    offset: int,
    end: int | None = None,
    *,
    proof: int = PROOF_COMMANDS,
    accept: Accept | None = None,
) -> Boundary | None:
    """Return the first proven boundary at or behind `offset`, None when there is none.

    Args and costs as for `boundaries`.
    """
    return next(boundaries(source, offset, end, proof=proof, accept=accept), None)
