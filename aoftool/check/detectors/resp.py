"""Findings about the command stream: every wound, and what a loader lets pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aoftool.check.exam_model import FileExam
from aoftool.check.model import Finding, Remedy
from aoftool.check.stream.wounds import Dissection, Stretch, Wound, commands_in_doubt
from aoftool.commands.framing import FRAMING
from aoftool.errors import SourceError
from aoftool.escape import excerpt
from aoftool.files.source import open_source
from aoftool.resp.model import INHERITED_DB, Leniency, Reason
from aoftool.units import counted

if TYPE_CHECKING:
    from aoftool.check.stream.heal import Healing
    from aoftool.check.stream.lenience import Usual
    from aoftool.check.stream.textual import TextDamage

__all__ = ["DEFAULT_CODES", "LENIENT_CODES", "find_in_stream", "repaired_by_default"]

DEFAULT_CODES = frozenset(
    {
        "torn-tail",
        "zero-tail",
        "trailing-bytes",
        "missing-final-crlf",
        "torn-annotation",
        "glued-annotation",
        "repeated-start",
        "split-command",
    }
)
"""Wounds that plain `fix` repairs; those with a certain healing come on top."""

_MESSAGES = {
    "torn-tail": "the file ends inside a command",
    "split-command": "a command stands half in this file and half in the one beside it: a write fell short",
    "zero-tail": "the file ends in zero bytes",
    "trailing-bytes": "stray bytes follow the last command",
    "corrupt-tail": "the end of the file cannot be read",
    "missing-final-crlf": "the last command is whole but for its line end",
    "torn-annotation": "the file ends inside an annotation",
    "glued-annotation": "an annotation without its line end is glued to the command behind it",
    "repeated-start": "a command was written in part and then again, whole",
    "doubled-block": "a block of the file stands there twice",
    "leading-bytes": "the file does not start with a command",
    "byte-order-mark": "the file starts with a byte-order mark",
    "empty-command": "a command without arguments stands there",
    "zero-block": "a block of the file is zero",
    "inline-text": "text stands between commands",
    "long-annotation": "an annotation is longer than a loader reads in one line",
    "second-log": "a second log, with an RDB header, follows",
    "corrupt-region": "part of the file cannot be read",
    "broken-type-byte": "a byte of a command's framing is damaged",
    "broken-count": "the number of arguments of a command is damaged",
    "broken-length": "the length of an argument is damaged",
    "foreign-block": "other commands stand inside a command",
    "bad-terminator": "the line end behind an argument is damaged",
    "unread": "the stream breaks off; what follows was not looked at",
}
# Of so many lenient commands in one stretch it is told what becomes of each.
_JUDGED = 1000
LENIENT_CODES = {
    Leniency.TERMINATOR: "bad-terminator",
    Leniency.ZERO_TERMINATOR: "bad-terminator",
    Leniency.LONG_LINE: "long-line",
    Leniency.LONG_ANNOTATION: "long-annotation",
}


def repaired_by_default(wound: Wound) -> bool:
    """Tell whether plain `fix` repairs a wound."""
    if wound.healing is not None:
        return wound.healing.certain
    return wound.code in DEFAULT_CODES


def find_in_stream(exam: FileExam, is_last: bool = True) -> Iterator[Finding]:
    """Yield findings for a file's command stream, by offset.

    Args:
        is_last: it is the file a server appends to; only there is a torn end cut without being asked.
    """
    if exam.tail is None:
        return
    if exam.text is not None:
        yield _text(exam.path, exam.size_bytes, exam.text)
        return
    index = 0
    before: Stretch | None = None
    several = _several_databases(exam.tail)
    for number, piece in enumerate(exam.tail.pieces):
        if isinstance(piece, Stretch):
            yield from _leniencies(exam, piece)
            index += piece.tally.commands
            before = piece
        else:
            behind = exam.tail.pieces[number + 1] if number + 1 < len(exam.tail.pieces) else None
            doubted = 0
            if several and isinstance(behind, Stretch):
                doubted = commands_in_doubt(behind.tally)
            yield _wound(exam.path, piece, index, is_last, before, doubted)


def _several_databases(tail: Dissection) -> bool:
    """Tell whether commands of a stream run in more than one database, as far as it says."""
    rows = (key for stretch in tail.stretches for key in stretch.tally.rows if key.name not in FRAMING)
    return len({key.db for key in rows if key.db != INHERITED_DB}) > 1


def _text(path: str, size_bytes: int, damage: TextDamage) -> Finding:
    from aoftool.check.stream.textual import KINDS

    lost = (
        ""
        if not damage.lost_count
        else f"; {counted(damage.lost_count, 'command')} can be read in more than one way"
    )
    remedy = Remedy(
        "undo it",
        "--salvage",
        damage.lost_bytes,
        damage.lost_count,
        f"restore {counted(damage.commands, 'command')} by their declared lengths{lost}",
    )
    message = f"a program treated the file as text: {KINDS[damage.kind]}"
    return Finding.of(damage.kind, path, message, 0, size_bytes, 0, remedies=(remedy,))


def _wound(
    path: str, wound: Wound, index: int, is_last: bool, before: Stretch | None, doubted: int
) -> Finding:
    code = "unread-" + wound.stop.reason.value if wound.code == "unread" else wound.code
    message = _MESSAGES.get(wound.code, wound.code)
    if wound.stop.reason not in (Reason.END,) and wound.code in ("corrupt-region", "corrupt-tail", "unread"):
        message += f" ({wound.stop.reason.value} at offset {wound.stop.offset:,})"
    if wound.run_twice:
        size = counted(wound.run_twice, "byte")
        message += f"; {size} of commands before it stand behind it again, too, and run twice"
    return Finding.of(
        code=code,
        path=path,
        message=message,
        start=wound.start,
        end=wound.end,
        command_index=index,
        evidence=wound.evidence,
        remedies=tuple(_remedies(wound, is_last, before, doubted)),
    )


def _remedies(wound: Wound, is_last: bool, before: Stretch | None, doubted: int) -> Iterator[Remedy]:
    """Yield what can be done about a wound.

    Args:
        before: the stretch in front of it.
        doubted: commands behind it of which the log, of several databases, does not say where they run.
    """
    size = wound.end - wound.start
    plain = repaired_by_default(wound) and (is_last or not wound.last or wound.insert is not None)
    option = "" if plain else "--salvage"
    if wound.code == "unread":
        return
    if wound.healing is not None:
        yield _put_right(wound, wound.healing, option)
        if not wound.healing.certain:
            yield Remedy("drop the command", option, size, 1, "if it cannot be trusted")
    elif wound.code == "split-command":
        yield Remedy("join the two halves", option, text="in the file where it begins")
    elif wound.insert is not None:
        yield Remedy("complete it", option, text=f"insert {excerpt(wound.insert.data)}")
        if wound.last:
            yield Remedy("cut it off", option, size, 1, "as a server would")
    elif wound.copies:
        yield Remedy("drop the copy", option, text="every byte of it stands there again")
    elif wound.last:
        yield _cut(wound, option, before)
    else:
        text = "what follows is kept"
        if doubted:
            in_doubt = counted(doubted, "command")
            text += f", but for up to {in_doubt} before the next SELECT, of which the database is in doubt"
        yield Remedy("drop the damaged bytes", option, size, _touched(wound), text)


def _put_right(wound: Wound, healing: Healing, option: str) -> Remedy:
    """Return the remedy for one damaged command: what it takes out of it is lost, but for a copy.

    Where bytes of its value may be missing, nobody can tell what that was.
    """
    action, text = "put it right", healing.text
    if wound.copies or (healing.patch.data and not healing.may_lack):
        return Remedy(action, option, text=text)
    taken = 0 if healing.patch.data else healing.patch.end - healing.patch.start
    return Remedy(action, option, taken, None, text)


def _cut(wound: Wound, option: str, before: Stretch | None) -> Remedy:
    """Return the remedy for an end, with the transaction that is open there."""
    size, touched = wound.end - wound.start, _touched(wound)
    where = "it goes to the lost-and-found file"
    marks = None if before is None else before.tally.transactions
    if marks is None or marks.open_offset is None:
        return Remedy("cut the end off", option, size, touched, where)
    lost = None if touched is None else touched + marks.open_commands + 1
    size = wound.end - marks.open_offset
    return Remedy("cut at the MULTI of its transaction", option, size, lost, where)


def _touched(wound: Wound) -> int | None:
    """Return how many commands are surely lost, None when it cannot be told."""
    if wound.code == "torn-tail":
        return 1
    return 0 if wound.is_stray or wound.code == "torn-annotation" else None


def _departure(kind: Leniency) -> str:
    """Say in words how a command departs from the form that servers write."""
    return {
        Leniency.BARE_LINE_FEED: "a line ends in LF alone, not CR LF",
        Leniency.HEADER_JUNK: "a number has other characters behind it",
        Leniency.HEADER_NUL: "a line of framing holds a zero byte",
        Leniency.PADDED_NUMBER: "a number is padded, with zeros, blanks or a plus sign",
        Leniency.COUNT_WRAP: "a number of arguments is too large, and wraps around",
        Leniency.EMPTY_LENGTH: "a number is left out, which they read as zero",
        Leniency.LONG_LINE: "a line of framing is too long",
        Leniency.TERMINATOR: "other bytes than CR LF end an argument",
        Leniency.ZERO_TERMINATOR: "zero bytes stand where CR LF ends an argument",
        Leniency.LONG_ANNOTATION: "an annotation is too long",
    }[kind]


def _leniencies(exam: FileExam, stretch: Stretch) -> Iterator[Finding]:
    if not stretch.tally.leniencies:
        return
    forms = _usual_forms(exam, stretch)
    for kind, seen in stretch.tally.leniencies.items():
        times = "" if seen.count == 1 else f", {counted(seen.count, 'time')}"
        yield Finding.of(
            code=LENIENT_CODES.get(kind, "lenient-header"),
            path=exam.path,
            message=f"not in the form that servers write, though they read it: {_departure(kind)}{times}",
            start=seen.first_offset,
            end=seen.first_offset,
            remedies=_usual_form(kind, forms),
        )


def _usual_forms(exam: FileExam, stretch: Stretch) -> list[Usual] | None:
    """Return what makes the commands of a stretch usual; None where these are too many, or cannot be had."""
    from aoftool.check.stream.lenience import usual_forms
    from aoftool.check.stream.window import Reader

    if sum(seen.count for seen in stretch.tally.leniencies.values()) > _JUDGED:
        return None
    try:
        with open_source(exam.plain_path or exam.path) as source:
            return list(usual_forms(source, Reader(source, exam.size_bytes), stretch))
    except SourceError:
        return None  # it went away since


def _usual_form(kind: Leniency, forms: list[Usual] | None) -> tuple[Remedy, ...]:
    """Return what a repair does about a departure: only a line end is put right without being told to.

    Where a value cannot be trusted either, its command is taken out.
    """
    if kind is Leniency.LONG_ANNOTATION:
        return ()
    action = "write it in the usual form"
    is_end = kind in (Leniency.TERMINATOR, Leniency.ZERO_TERMINATOR)
    if forms is None:
        return (Remedy(action, "" if kind is Leniency.TERMINATOR else "--salvage", loses_commands=None),)
    own = [form for form in forms if (form.code == "bad-terminator") == is_end]
    gone = [form for form in own if form.data is None]
    unasked = kind is Leniency.TERMINATOR and bool(own) and all(form.is_certain for form in own)
    option = "" if unasked else "--salvage"
    size = sum(form.end - form.start for form in gone)
    if len(gone) < len(own) or not gone:
        return (Remedy(action, option, size, len(gone), gone[0].reason if gone else ""),)
    return (Remedy("drop it", option, size, len(gone), gone[0].reason),)
