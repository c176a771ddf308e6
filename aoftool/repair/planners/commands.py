"""Plans for commands that no server writes: take them out, or put a damaged name right."""

from __future__ import annotations

from collections.abc import Collection

from aoftool.check.exam_model import FileExam, Spot, SpotKind
from aoftool.check.stream.remains import read_remains
from aoftool.check.stream.resync import openings
from aoftool.check.stream.shapes import read_shape
from aoftool.check.stream.window import Reader
from aoftool.check.unknown import BEYOND, Names, Standing, forms_of_no_release, is_one_bit_off
from aoftool.check.vocabulary import accepts, takers
from aoftool.commands.framing import FRAMING
from aoftool.escape import excerpt
from aoftool.files.source import Source
from aoftool.repair.choice import Choice
from aoftool.repair.draft import Draft
from aoftool.units import counted

__all__ = ["plan_commands", "put_right"]

_STAYS = frozenset({Standing.SERVERS, Standing.LATER, Standing.NOT_JUDGED})


def plan_commands(
    exam: FileExam, source: Source, draft: Draft, choice: Choice, planned: Collection[int] = ()
) -> None:
    """Plan what becomes of one file's questionable commands: only what is surely damaged is touched.

    Args:
        planned: where commands start for which the planner of the stream has a plan already.
    """
    for form in forms_of_no_release(exam):
        _keep(form.what, draft)
    if not exam.census.spots:
        return
    names = Names.of(exam)
    # A command may be of two kinds, such as unknown to one server and short of arguments for the rest.
    hurt: dict[int, tuple[Spot, Standing]] = {}
    for spot in exam.census.spots:
        standing = names.standing(spot, takers(spot.name, spot.subcommand, spot.argc))
        is_named = spot.name == (choice.drop_command or b"").upper()
        if standing is Standing.NOT_JUDGED and not is_named and spot.kind != SpotKind.ARITY:
            words = [spot.name] if spot.subcommand is None else [spot.name, spot.subcommand]
            _keep(excerpt(b" ".join(words)), draft)
        if standing not in _STAYS:
            hurt.setdefault(spot.start, (spot, standing))
    if choice.keep_unknown:
        hurt = {at: row for at, row in hurt.items() if row[0].kind != SpotKind.UNKNOWN}
    if not hurt:
        return
    if not choice.salvage:
        draft.left.append(_left([*hurt.values()]))
        return
    reader = Reader(source, exam.size_bytes)
    mended = [edit.start for edit in draft.edits if edit.code == SpotKind.UNKNOWN]
    for spot, standing in hurt.values():
        if spot.start in planned or any(spot.start < start < spot.end for start in mended):
            continue
        if standing is not Standing.FLIPPED or not _rename(spot, reader, draft, names.meant(spot)):
            text = f"{excerpt(spot.name)}: a command that no server writes so"
            draft.drop(spot.start, _swallowed(spot, reader) or spot.end, spot.kind, text, 1)


def _left(hurt: list[tuple[Spot, Standing]]) -> tuple[str, str]:
    """Return code and sentence of damaged commands that stay until a salvage is asked for."""
    right = sum(standing is Standing.FLIPPED for _, standing in hurt)
    them = "it" if len(hurt) == 1 else "them"
    does = f"takes {them} out" if not right else f"puts {them} right"
    if 0 < right < len(hurt):
        does = f"puts {right} of them right, and takes the rest out"
    return hurt[0][0].kind, f"{counted(len(hurt), 'command')} that no server writes; --salvage {does}"


def _keep(what: str, draft: Draft) -> None:
    """Note, once for a name or a form, that a command stays because nothing here knows it."""
    text = f"{what} is kept: written by {BEYOND}"
    if text not in draft.not_judged:
        draft.not_judged.append(text)


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


def _rename(spot: Spot, reader: Reader, draft: Draft, meant: bytes | None) -> bool:
    """Put a damaged name right."""
    at = 1 if spot.kind == SpotKind.SUBCOMMAND else 0
    shape = read_shape(reader, spot.start)
    if meant is None or meant in FRAMING or shape is None or len(shape.arguments) <= at:
        return False
    argument = shape.arguments[at]
    written = reader.at(argument.payload_start, argument.length)
    chosen, text = put_right(written, meant)
    draft.put(argument.payload_start, argument.payload_end, chosen, spot.kind, text)
    return True


def put_right(written: bytes, meant: bytes) -> tuple[bytes, str]:
    """Return the name that a damaged one was, in its case, and what befell it in words."""
    chosen = _in_case_of(meant, written)
    befell = "one bit flipped" if is_one_bit_off(written.upper(), meant) else "one byte damaged"
    return chosen, f"{excerpt(written)} is {excerpt(chosen)} with {befell}"


def _in_case_of(name: bytes, written: bytes) -> bytes:
    """Return a name in the case that most letters of the written one have."""
    lower = sum(97 <= byte <= 122 for byte in written)
    upper = sum(65 <= byte <= 90 for byte in written)
    return name.lower() if lower > upper else name.upper()
