"""Findings about RESTORE payloads that servers refuse and skip without a word to the user."""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.check.exam_model import FileExam
from aoftool.check.model import Finding, Remedy, Severity
from aoftool.check.payloads.restore_model import RestoreSpot, Standing
from aoftool.check.unknown import BEYOND
from aoftool.escape import excerpt, excerpt_key
from aoftool.releases import in_words
from aoftool.units import counted

__all__ = ["find_in_restores"]


def find_in_restores(file: FileExam) -> Iterator[Finding]:
    """Yield one finding for each payload that is damaged, and one for each group of servers that refuses.

    A log written by a newer server may hold any number of the second sort: they share one finding, so
    that they cannot crowd out the first.
    """
    groups: dict[frozenset[str], list[RestoreSpot]] = {}
    unknown = [spot for spot in file.restores if _is_beyond(spot)]
    if unknown:
        yield _not_judged(file, unknown)
    for spot in file.restores:
        if _is_beyond(spot):
            continue
        if spot.everywhere and spot.standing is Standing.DAMAGED:
            yield _finding(file, spot, Severity.DAMAGE, _damage_words(spot))
        else:
            groups.setdefault(spot.targets, []).append(spot)
    for targets, spots in groups.items():
        times = "" if len(spots) == 1 else f" ({counted(len(spots), 'time')})"
        servers = in_words(targets)
        words = f"{_shown(spots[0])}: its payload is refused, and it is skipped while loading, by {servers}"
        yield _finding(file, spots[0], Severity.WARNING, words + times)


def _is_beyond(spot: RestoreSpot) -> bool:
    return spot.everywhere and spot.standing is Standing.NOT_JUDGED


def _not_judged(file: FileExam, spots: list[RestoreSpot]) -> Finding:
    """Return the one finding for payloads that nothing here can read and nothing says are damaged."""
    first = spots[0]
    times = "" if len(spots) == 1 else f" ({counted(len(spots), 'time')})"
    words = (
        f"{_shown(first)}{times}: its checksum is right, and its version or type is of {BEYOND}; "
        f"it is skipped while loading by {', '.join(sorted(first.targets))}"
    )
    return Finding(
        "restore-payload",
        Severity.NOT_JUDGED,
        file.path,
        words,
        first.start,
        first.end,
        first.index,
        evidence=first.answer,
        remedies=(Remedy("keep it", text="nothing takes it out unasked"),),
    )


def _damage_words(spot: RestoreSpot) -> str:
    lost = "the functions are" if spot.name == b"FUNCTION RESTORE" else "the key is"
    why = "every server refuses its value" if spot.checksum_ok else "its checksum is wrong"
    servers = in_words(spot.targets)
    return f"{_shown(spot)}: {why}; {lost} skipped while loading, without stopping, by {servers}"


def _shown(spot: RestoreSpot) -> str:
    return f"{excerpt(spot.name)} of {excerpt_key(spot.key)}" if spot.key else excerpt(spot.name)


def _finding(file: FileExam, spot: RestoreSpot, severity: Severity, words: str) -> Finding:
    return Finding(
        "restore-payload",
        severity,
        file.path,
        words,
        spot.start,
        spot.end,
        spot.index,
        evidence=spot.answer,
    )
