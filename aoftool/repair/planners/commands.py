"""Plans for commands that no server runs: take them out, or put a damaged name right."""

from __future__ import annotations

from aoftool.check.exam_model import FileExam, Spot, SpotKind
from aoftool.check.reader import Reader
from aoftool.check.remains import read_remains
from aoftool.check.resync import openings
from aoftool.check.shapes import habits_around, read_shape
from aoftool.check.vocabulary import accepts, is_known, looks_like_module, takers
from aoftool.escape import excerpt
from aoftool.files.source import Source
from aoftool.repair.draft import Draft
from aoftool.repair.model import Choice

__all__ = ["plan_commands"]

# A module's commands are believed when they come more often than an accident does.
_FAMILY = 2
# Names that change how a log is read: damage to them is for the planner of the stream.
_MARKS = frozenset({b"MULTI", b"EXEC", b"DISCARD", b"SELECT"})


def plan_commands(
    exam: FileExam, source: Source, draft: Draft, choice: Choice, modules: frozenset[bytes]
) -> None:
    """Plan what becomes of one file's questionable commands.

    Args:
        modules: prefixes of commands whose module the log shows elsewhere.
    """
    # A command may be of two kinds, such as unknown to one server and short of arguments for the rest.
    hurt = list({spot.start: spot for spot in reversed(exam.census.spots) if _is_refused(spot)}.values())[
        ::-1
    ]
    if not hurt:
        return
    if not choice.salvage:
        draft.left.append(
            (hurt[0].kind, f"{len(hurt):,} commands that no server runs; --salvage takes them out")
        )
        return
    families: dict[bytes, int] = {}
    for spot in hurt:
        families[_family(spot.name)] = families.get(_family(spot.name), 0) + 1
    reader = Reader(source, exam.size_bytes)
    names = _names(exam)
    mended = [edit.start for edit in draft.edits if edit.code == SpotKind.UNKNOWN]
    for spot in hurt:
        if any(spot.start < start < spot.end for start in mended):
            continue
        if _is_kept(spot, choice, families, modules):
            text = f"{excerpt(spot.name)} may belong to a module: it is kept"
            if ("unknown-module-command", text) not in draft.left:
                draft.left.append(("unknown-module-command", text))
        elif not _rename(spot, reader, draft, names):
            text = f"{excerpt(spot.name)}: a command no server runs"
            draft.drop(spot.start, _swallowed(spot, reader) or spot.end, spot.kind, text, 1)


def _is_refused(spot: Spot) -> bool:
    return spot.kind != SpotKind.HURTFUL and not takers(spot.name, spot.subcommand, spot.argc)


def _family(name: bytes) -> bytes:
    return name.partition(b".")[0]


def _is_kept(spot: Spot, choice: Choice, families: dict[bytes, int], modules: frozenset[bytes]) -> bool:
    if spot.kind != SpotKind.UNKNOWN:
        return False
    if choice.keep_unknown:
        return True
    if not looks_like_module(spot.name):
        return False
    return families[_family(spot.name)] >= _FAMILY or _family(spot.name) in modules


def _swallowed(spot: Spot, reader: Reader) -> int | None:
    """Return where a command starts that stands whole in one whose name reaches over its end."""
    if spot.kind != SpotKind.UNKNOWN or b"\r\n" not in spot.name:
        return None
    remains = read_remains(reader, spot.start)
    for at in openings(reader, spot.start + 1, spot.end):
        shape = read_shape(reader, at)
        if shape is not None and shape.end == spot.end and remains.explained_by(reader, at):
            return at if accepts(shape.name(reader), len(shape.arguments)) else None
    return None


def _names(exam: FileExam) -> frozenset[bytes]:
    if exam.tail is None:
        return frozenset()
    return frozenset(
        key.name for stretch in exam.tail.stretches for key in stretch.tally.rows if is_known(key.name)
    )


def _rename(spot: Spot, reader: Reader, draft: Draft, names: frozenset[bytes]) -> bool:
    """Put a name right in which one bit was flipped, when only one name of this log fits.

    A command of that name and as many arguments must stand around.
    """
    if spot.kind != SpotKind.UNKNOWN:
        return False
    shape = read_shape(reader, spot.start)
    if shape is None:
        return False
    first = shape.arguments[0]
    written = reader.at(first.payload_start, first.length)
    names -= _MARKS
    fits = {
        candidate
        for place in range(len(written))
        for bit in range(8)
        if (candidate := _flipped(written, place, bit)).upper() in names - _MARKS
        and accepts(candidate, spot.argc)
    }
    # Flipping bit 5 of a letter only changes its case: both spellings are one name.
    if len({candidate.upper() for candidate in fits}) != 1:
        return False
    chosen = _in_case_of(next(iter(fits)), written)
    if not habits_around(reader, spot.start, shape.end).has(chosen, spot.argc):
        return False
    text = f"{excerpt(written)} is {excerpt(chosen)} with one bit flipped"
    draft.put(first.payload_start, first.payload_end, chosen, "unknown-command", text)
    return True


def _in_case_of(name: bytes, written: bytes) -> bytes:
    """Return a name in the case that most letters of the written one have."""
    lower = sum(97 <= byte <= 122 for byte in written)
    upper = sum(65 <= byte <= 90 for byte in written)
    return name.lower() if lower > upper else name.upper()


def _flipped(word: bytes, place: int, bit: int) -> bytes:
    return word[:place] + bytes([word[place] ^ (1 << bit)]) + word[place + 1 :]
