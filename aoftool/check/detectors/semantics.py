"""Findings about what the commands say: names, arguments, transactions, databases, times."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import replace

from aoftool.aof.model import LogKind
from aoftool.check.database_range import highest_in_commands
from aoftool.check.detectors.restores import find_in_restores
from aoftool.check.exam_model import FileExam, LogExam, Spot, SpotKind
from aoftool.check.model import Finding, Remedy, Severity
from aoftool.check.targets import TARGETS
from aoftool.check.unknown import BEYOND, Names, Standing
from aoftool.check.vocabulary import is_hidden, looks_like_module, takers
from aoftool.commands.modules import module_of
from aoftool.databases import DEFAULT_DATABASES, MOST_DATABASES, databases_for
from aoftool.escape import excerpt, printable
from aoftool.releases import in_words
from aoftool.resp.model import Occurrence, TailTally
from aoftool.units import counted

__all__ = ["find_in_meaning"]

_MULTI_PART = frozenset(target.name for target in TARGETS if target.multi_part)


def find_in_meaning(exam: LogExam, file: FileExam) -> Iterator[Finding]:
    """Yield findings about one file's commands."""
    if file.tail is None:
        return
    yield from _spots(exam, file)
    yield from find_in_restores(file)
    stretches = file.tail.stretches
    for stretch in stretches:
        yield from _transactions(file, stretch.tally)
        yield from _refused_selects(file, stretch.tally)
        yield from _times(file, stretch.tally)
    yield from _databases(file, exam.databases)
    if stretches and stretches[-1].end == file.size_bytes:
        yield from _open_transaction(exam, file, stretches[-1].tally)


def _spots(exam: LogExam, file: FileExam) -> Iterator[Finding]:
    """Yield one finding for each kind and name, at its first place.

    Servers that do not read the layout of the log at all are not named.
    """
    first: dict[tuple[str, bytes, bytes | None], list[Spot]] = {}
    for spot in file.census.spots:
        first.setdefault((spot.kind, spot.name, spot.subcommand), []).append(spot)
    names = Names.of(file)
    for (_, name, subcommand), spots in first.items():
        spot = spots[0]
        standing = names.standing(spot, takers(name, subcommand, spot.argc))
        if exam.log.kind is LogKind.MULTI_PART:
            spot = replace(spot, targets=spot.targets & _MULTI_PART)
        if not spot.targets:
            continue
        code, severity, words = _describe(spot, standing, names)
        times = "" if len(spots) == 1 else f" ({counted(len(spots), 'time')})"
        remedies = tuple(_remedies(file, spots, standing, severity))
        yield Finding(
            code, severity, file.path, words + times, spot.start, spot.end, spot.index, remedies=remedies
        )


def _remedies(file: FileExam, spots: list[Spot], standing: Standing, severity: Severity) -> Iterator[Remedy]:
    size = sum(one.end - one.start for one in spots)
    if standing is Standing.FLIPPED:
        yield Remedy("put it right", "--salvage", text="one bit of it was flipped")
    elif standing is Standing.NOT_JUDGED:
        yield Remedy("keep it", text="nothing takes it out unasked")
        if spots[0].kind == SpotKind.SUBCOMMAND:
            # By name, the whole container would go.
            place = shlex.quote(f"{printable(os.fsencode(os.path.basename(file.path)))}:{spots[0].start}")
            size, spots, option = spots[0].end - spots[0].start, spots[:1], f"--drop {place}"
        else:
            option = f"--drop-command {shlex.quote(excerpt(spots[0].name))}"
        yield Remedy("drop it", option, size, len(spots), "if it is known to be damage")
    elif severity is Severity.DAMAGE:
        yield Remedy("drop it", "--salvage", size, len(spots), "no server writes it so")


def _describe(spot: Spot, standing: Standing, names: Names) -> tuple[str, Severity, str]:
    kind, name, subcommand = spot.kind, spot.name, spot.subcommand
    shown = excerpt(name) if subcommand is None else f"{excerpt(name)} {excerpt(subcommand)}"
    missing = in_words(spot.targets)
    if kind == SpotKind.ARITY and standing is Standing.WRONG:
        return kind, Severity.DAMAGE, f"{shown} with {spot.argc} arguments: no server writes that"
    if kind == SpotKind.ARITY:
        return kind, Severity.WARNING, f"{shown} with {spot.argc} arguments: not the form of {missing}"
    if kind == SpotKind.HURTFUL:
        return (
            "hurtful-command",
            Severity.WARNING,
            f"{shown} stops these servers while they load, or soon after: {missing}",
        )
    if kind == SpotKind.UNKNOWN and is_hidden(name):
        return kind, Severity.WARNING, f"{shown} is known only to servers that were built for it"
    module = module_of(name) if kind == SpotKind.UNKNOWN else ""
    if module:
        words = f"{shown} is a command of {module}: only a server that has it loads this log"
        return "unknown-module-command", Severity.WARNING, words
    if standing in (Standing.SERVERS, Standing.LATER):
        return kind, Severity.WARNING, f"{shown} is unknown to {missing}"
    if standing is Standing.FLIPPED:
        meant = excerpt(names.meant(spot) or b"")
        return kind, Severity.DAMAGE, f"{shown} is known to no server: it is {meant} with one bit flipped"
    if standing is Standing.NO_NAME:
        return kind, Severity.DAMAGE, f"{shown} is known to no server, and can be no name"
    if kind == SpotKind.UNKNOWN and looks_like_module(name):
        return (
            "unknown-module-command",
            Severity.NOT_JUDGED,
            f"{shown} is no command of a known server; a module may have it",
        )
    return kind, Severity.NOT_JUDGED, f"{shown} is known to no release: written by {BEYOND}"


def _transactions(file: FileExam, tally: TailTally) -> Iterator[Finding]:
    marks = tally.transactions
    rows = (
        (
            "lost-exec",
            marks.nested,
            Severity.DAMAGE,
            "MULTI inside a transaction: the EXEC before it is lost",
        ),
        ("exec-without-multi", marks.lone_execs, Severity.DAMAGE, "EXEC without MULTI: the start was lost"),
        (
            "discard-in-multi",
            marks.discards_inside,
            Severity.DAMAGE,
            "DISCARD inside a transaction: every server crashes when it loads this",
        ),
        ("discard-without-multi", marks.lone_discards, Severity.WARNING, "DISCARD without MULTI"),
    )
    for code, seen, severity, message in rows:
        if seen.count:
            remedy = Remedy(
                "repair the transaction",
                "--salvage",
                0,
                None,
                "drop the half that is left, or the stray mark",
            )
            yield _at(file, code, severity, seen, message, (remedy,))


def _at(
    file: FileExam,
    code: str,
    severity: Severity,
    seen: Occurrence,
    message: str,
    remedies: tuple[Remedy, ...] = (),
) -> Finding:
    times = "" if seen.count == 1 else f" ({counted(seen.count, 'time')})"
    return Finding(
        code, severity, file.path, message + times, seen.first_offset, seen.first_offset, remedies=remedies
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
    remedy = Remedy("cut before its MULTI", option, file.size_bytes - start, count + 1, "as a server would")
    yield Finding(
        code,
        Severity.DAMAGE,
        file.path,
        f"{where} ends inside a transaction of {counted(count, 'command')}",
        start,
        file.size_bytes,
        remedies=(remedy,),
    )


def _goes_on_in_next(file: FileExam) -> bool:
    """Tell whether the end of a file, with its transaction, is to be joined to the next file."""
    wounds = file.tail.wounds if file.tail is not None else []
    return bool(wounds) and wounds[-1].last and wounds[-1].code == "split-command"


def _refused_selects(file: FileExam, tally: TailTally) -> Iterator[Finding]:
    if tally.selects.invalid.count:
        message = "a SELECT that every server refuses: what follows lands in the database before it"
        yield _at(file, "select-refused", Severity.DAMAGE, tally.selects.invalid, message)


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
    yield Finding("select-out-of-range", Severity.WARNING, file.path, message)


def _times(file: FileExam, tally: TailTally) -> Iterator[Finding]:
    marks = tally.annotations
    if marks.backwards.count:
        yield _at(
            file,
            "time-backwards",
            Severity.NOTE,
            marks.backwards,
            "an annotation has an earlier time than the one before",
        )
    if marks.kinds.get(b"TS"):
        yield Finding("time-unreadable", Severity.NOTE, file.path, "a #TS: annotation holds no time")
