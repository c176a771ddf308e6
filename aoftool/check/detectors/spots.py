"""Findings about commands that are questionable by their names and numbers of arguments."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from aoftool.aof.model import LogKind
from aoftool.check.exam_model import FileExam, FormSpot, LogExam, Spot, SpotKind
from aoftool.check.fatal import fatal_spots
from aoftool.check.loaders.targets import TARGETS
from aoftool.check.model import Finding, Remedy, Severity
from aoftool.check.unknown import BEYOND, Names, Standing, forms_of_no_release, is_one_bit_off
from aoftool.check.vocabulary import is_hidden, looks_like_module, takers
from aoftool.commands.modules import engine_of_form, module_of
from aoftool.dataclass import replace
from aoftool.escape import excerpt, shown_base
from aoftool.releases import in_words
from aoftool.units import counted

__all__ = ["find_in_forms", "find_in_spots", "unknown_form_finding"]

_MULTI_PART = frozenset(target.name for target in TARGETS if target.multi_part)


def find_in_spots(exam: LogExam, file: FileExam) -> Iterator[Finding]:
    """Yield one finding for each kind and name, at its first place.

    Servers that do not read the layout of the log at all are not named.
    """
    first: dict[tuple[str, bytes, bytes | None], list[Spot]] = {}
    for spot in file.census.spots:
        first.setdefault((spot.kind, spot.name, spot.subcommand), []).append(spot)
    names = Names.of(file)
    fatal = fatal_spots(exam, file)
    yield from _fatal(file, fatal)
    ends = {spot.start for spot in fatal}
    for (kind, name, subcommand), spots in first.items():
        if kind == SpotKind.HURTFUL:
            spots = [spot for spot in spots if spot.start not in ends]
            if not spots:
                continue
        spot = spots[0]
        standing = names.standing(spot, takers(name, subcommand, spot.argc))
        if exam.log.kind is LogKind.MULTI_PART:
            spot = replace(spot, targets=spot.targets & _MULTI_PART)
        if not spot.targets or (kind == SpotKind.ARITY and standing is Standing.NOT_JUDGED):
            # A form that no release has is a finding of its own.
            continue
        code, severity, words = _describe(spot, standing, names)
        times = "" if len(spots) == 1 else f" ({counted(len(spots), 'time')})"
        remedies = tuple(_remedies(file, spots, standing, severity, names))
        yield Finding(
            code, severity, file.path, words + times, spot.start, spot.end, spot.index, remedies=remedies
        )


def find_in_forms(file: FileExam) -> Iterator[Finding]:
    """Yield one finding for each form that no release has, at its first place."""
    first: dict[str, list[FormSpot]] = {}
    for form in forms_of_no_release(file):
        first.setdefault(form.what, []).append(form)
    for what, spots in first.items():
        times = "" if len(spots) == 1 else f" ({counted(len(spots), 'time')})"
        yield unknown_form_finding(file.path, what, (spots[0].start, spots[0].end), times)


def unknown_form_finding(path: str, what: str, span: tuple[int, int], times: str = "") -> Finding:
    """Return the finding of a form that no release has.

    Args:
        what: what no release has, and the name of the command, in words.
        times: how often it comes, in words.
    """
    message = f"{what} is known to no release: written by {BEYOND}{times}"
    keep = Remedy("keep it", text="nothing takes it out unasked")
    return Finding.of("unknown-form", path, message, *span, remedies=(keep,))


def _fatal(file: FileExam, fatal: list[Spot]) -> Iterator[Finding]:
    """Yield one finding for each name of commands that the log's own server does not outlive."""
    first: dict[tuple[bytes, bytes | None], list[Spot]] = {}
    for spot in fatal:
        first.setdefault((spot.name, spot.subcommand), []).append(spot)
    for (name, subcommand), spots in first.items():
        shown = excerpt(name if subcommand is None else name + b" " + subcommand)
        times = "" if len(spots) == 1 else f" ({counted(len(spots), 'time')})"
        size = sum(spot.end - spot.start for spot in spots)
        if name == b"VADD":
            shown += " with CAS, of an element that is new in its set,"
            remedy = Remedy("write it without CAS", text="which does the same, without a thread")
        else:
            remedy = Remedy("drop it", "--salvage", size, len(spots), "it changes no data")
        yield Finding(
            "hurtful-command",
            Severity.DAMAGE,
            file.path,
            f"{shown} ends every server that may have written this log while it loads, or soon after{times}",
            spots[0].start,
            spots[0].end,
            spots[0].index,
            evidence=in_words(spots[0].targets),
            remedies=(remedy,),
        )


def _remedies(
    file: FileExam, spots: list[Spot], standing: Standing, severity: Severity, names: Names
) -> Iterator[Remedy]:
    size = sum(one.end - one.start for one in spots)
    if standing is Standing.FLIPPED:
        bit = is_one_bit_off(spots[0].subcommand or spots[0].name, names.meant(spots[0]) or b"")
        text = "one bit of it was flipped" if bit else "one byte of it was damaged"
        yield Remedy("put it right", "--salvage", text=text)
    elif standing is Standing.NOT_JUDGED:
        yield Remedy("keep it", text="nothing takes it out unasked")
        if spots[0].kind == SpotKind.SUBCOMMAND:
            # By name, the whole container would go.
            place = shlex.quote(f"{shown_base(file.path)}:{spots[0].start}")
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
        return kind, Severity.DAMAGE, f"{shown} with {counted(spot.argc, 'argument')}: no server writes that"
    if kind == SpotKind.ARITY and (engine := engine_of_form(name, spot.argc)):
        words = f"{shown} with {counted(spot.argc, 'argument')} is of {engine}"
        return kind, Severity.WARNING, f"{words}: others refuse it, or run it without the last"
    if kind == SpotKind.ARITY:
        return (
            kind,
            Severity.WARNING,
            f"{shown} with {counted(spot.argc, 'argument')}: not the form of {missing}",
        )
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
        meant = names.meant(spot) or b""
        befell = "one bit flipped" if is_one_bit_off(subcommand or name, meant) else "one byte damaged"
        return kind, Severity.DAMAGE, f"{shown} is known to no server: it is {excerpt(meant)} with {befell}"
    if standing is Standing.NO_NAME:
        return kind, Severity.DAMAGE, f"{shown} is known to no server, and can be no name"
    if kind == SpotKind.UNKNOWN and looks_like_module(name):
        return (
            "unknown-module-command",
            Severity.NOT_JUDGED,
            f"{shown} is no command of a known server; a module may have it",
        )
    return kind, Severity.NOT_JUDGED, f"{shown} is known to no release: written by {BEYOND}"
