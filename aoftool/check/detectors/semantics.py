"""Findings about what the commands say: names, arguments, transactions, databases, times."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from aoftool.check.database_range import highest_in_commands
from aoftool.check.exam_model import FileExam, LogExam, SpotKind
from aoftool.check.model import Finding, Remedy
from aoftool.check.stream.wounds import Stretch
from aoftool.check.unknown import meant_mark
from aoftool.databases import DEFAULT_DATABASES, MOST_DATABASES, databases_for
from aoftool.resp.model import Occurrence, TailTally
from aoftool.units import counted

__all__ = ["find_in_meaning"]


def find_in_meaning(exam: LogExam, file: FileExam) -> Iterator[Finding]:
    """Yield findings about one file's commands."""
    if file.tail is None:
        return
    if file.census.spots:
        # Few logs have any: only they pay for what tells how such a command came about.
        from aoftool.check.detectors.spots import find_in_spots

        yield from find_in_spots(exam, file)
    if file.forms:
        from aoftool.check.detectors.spots import find_in_forms

        yield from find_in_forms(file)
    if file.restores:
        from aoftool.check.detectors.restores import find_in_restores

        yield from find_in_restores(file)
    stretches = file.tail.stretches
    for stretch in stretches:
        yield from _transactions(file, stretch)
        yield from _refused_selects(file, stretch.tally)
        yield from _times(file, stretch.tally)
    yield from _databases(file, exam.databases)
    if stretches and stretches[-1].end == file.size_bytes:
        yield from _open_transaction(exam, file, stretches[-1].tally)


def _transactions(file: FileExam, stretch: Stretch) -> Iterator[Finding]:
    marks = stretch.tally.transactions
    rows = (
        (
            "lost-exec",
            marks.nested,
            "MULTI inside a transaction: the EXEC before it is ",
            b"EXEC",
        ),
        ("exec-without-multi", marks.lone_execs, "EXEC without MULTI: the start was ", b"MULTI"),
        (
            "discard-in-multi",
            marks.discards_inside,
            "DISCARD inside a transaction: every server crashes when it loads this",
            b"",
        ),
        ("discard-without-multi", marks.lone_discards, "DISCARD without MULTI", b""),
    )
    for code, seen, message, missing in rows:
        if seen.count and missing and seen.count <= _damaged(file, missing, stretch.start, stretch.end):
            yield _at(file, code, seen, message + "damaged", (_put_right(missing),))
        elif seen.count:
            message += "lost" if missing else ""
            remedy = Remedy(
                "repair the transaction",
                "--salvage",
                0,
                None,
                "drop the half that is left, or the stray mark",
            )
            yield _at(file, code, seen, message, (remedy,))


def _damaged(file: FileExam, mark: bytes, start: int, end: int) -> int:
    """Return how many commands of a span are a MULTI or EXEC but for one byte of their names."""
    return sum(
        start <= spot.start < end and meant_mark(spot) == mark for spot in file.census.of(SpotKind.UNKNOWN)
    )


def _put_right(mark: bytes) -> Remedy:
    return Remedy(f"put its {mark.decode()} right", "--salvage", text="one byte of it is wrong")


def _at(
    file: FileExam,
    code: str,
    seen: Occurrence,
    message: str,
    remedies: tuple[Remedy, ...] = (),
) -> Finding:
    times = "" if seen.count == 1 else f" ({counted(seen.count, 'time')})"
    return Finding.of(
        code, file.path, message + times, seen.first_offset, seen.first_offset, remedies=remedies
    )


def _open_transaction(exam: LogExam, file: FileExam, tally: TailTally) -> Iterator[Finding]:
    start = tally.transactions.open_offset
    if start is None or _goes_on_in_next(file):
        return
    is_last = exam.last is file
    code = "open-multi" if is_last else "multi-across-files"
    where = "the log" if is_last else "a file that is not the last"
    option = "" if is_last else "--salvage"
    count = tally.transactions.open_commands
    does = "as a server would" if is_last and _is_read_to_its_end(exam) else ""
    remedy = Remedy("cut before its MULTI", option, file.size_bytes - start, count + 1, does)
    if _damaged(file, b"EXEC", start, file.size_bytes):
        remedy = _put_right(b"EXEC")
    behind = next((two for one, two in itertools.pairwise(exam.files) if one is file), None)
    if behind is not None and _ends_in(file, behind):
        remedy = Remedy("put it together with its end, which stands in the next file", option, 0, None)
    yield Finding.of(
        code,
        file.path,
        f"{where} ends inside a transaction of {counted(count, 'command')}",
        start,
        file.size_bytes,
        remedies=(remedy,),
    )


def _is_read_to_its_end(exam: LogExam) -> bool:
    """Tell whether nothing in the streams of a log makes a server refuse it before it comes to the end."""
    return not any(
        file.census.of(SpotKind.UNKNOWN) or (file.tail is not None and file.tail.wounds)
        for file in exam.files
    )


def _ends_in(file: FileExam, behind: FileExam) -> bool:
    from aoftool.check.split import end_in_next  # and with it all that damage needs

    return end_in_next(file, behind) is not None


def _goes_on_in_next(file: FileExam) -> bool:
    """Tell whether the end of a file, with its transaction, is to be joined to the next file."""
    wounds = file.tail.wounds if file.tail is not None else []
    return bool(wounds) and wounds[-1].last and wounds[-1].code == "split-command"


def _refused_selects(file: FileExam, tally: TailTally) -> Iterator[Finding]:
    if tally.selects.invalid.count:
        message = "a SELECT that every server refuses: what follows lands in the database before it"
        text = "with what follows up to the next SELECT, of which the database is in doubt"
        remedy = Remedy("set it aside", "--salvage", 0, None, text)
        yield _at(file, "select-refused", tally.selects.invalid, message, (remedy,))


def _databases(file: FileExam, databases: int) -> Iterator[Finding]:
    """Yield what a server with too few databases does, and how many the log needs."""
    assert file.tail is not None
    selected = max((key.db for stretch in file.tail.stretches for key in stretch.tally.rows), default=0)
    needed = databases_for(highest_in_commands(file))
    if selected < databases >= needed:
        return
    usual = "the usual " if databases == DEFAULT_DATABASES else ""
    loses = "refuses it, and what follows lands in the database before it"
    remedy = f"; this log needs `databases {needed}` or more" if needed > databases else ""
    what = f"database {needed - 1}" if selected < databases else f"SELECT {selected}"
    if selected >= MOST_DATABASES:
        remedy = "; no server has so many, so it may be damage" + remedy
    message = f"{what}: a server with {usual}{counted(databases, 'database')} {loses}{remedy}"
    yield Finding.of("select-out-of-range", file.path, message)


def _times(file: FileExam, tally: TailTally) -> Iterator[Finding]:
    marks = tally.annotations
    if marks.backwards.count:
        yield _at(
            file,
            "time-backwards",
            marks.backwards,
            "an annotation has an earlier time than the one before",
        )
    if marks.kinds.get(b"TS"):
        yield Finding.of("time-unreadable", file.path, "a #TS: annotation holds no time")
