"""Spans of releases, the short form in which data says which ones have something.

`redis-6.0+` is that release and every later one of the family in the catalogue, `redis-6.0..6.2` every
one of the family from the first to the last named, `redis-7.0` one alone; several are parted by blanks.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from aoftool.releases import NAMES, RELEASES, Release

__all__ = ["join_releases", "split_releases"]


@cache
def split_releases(spans: str) -> frozenset[str]:
    """Return the names of the releases that a text of spans stands for."""
    return frozenset(name for span in spans.split() for name in _of_span(span))


def _of_span(span: str) -> list[str]:
    name, until, last = span.removesuffix("+").partition("..")
    first = NAMES[name]
    end = NAMES[f"{first.family}-{last}"].version if until else first.version
    return [
        release.name
        for release in _family(first.family)
        if first.version <= release.version and (span.endswith("+") or release.version <= end)
    ]


def join_releases(names: Collection[str]) -> str:
    """Return the shortest text of spans for names of releases; empty for none."""
    return " ".join(span for family in ("redis", "valkey") for span in _spans(_family(family), names))


def _spans(family: list[Release], names: Collection[str]) -> list[str]:
    spans: list[str] = []
    run: list[Release] = []
    for release in [*family, None]:
        if release is not None and release.name in names:
            run.append(release)
        elif run:
            spans.append(_written(run, to_end=release is None))
            run = []
    return spans


def _written(run: list[Release], *, to_end: bool) -> str:
    if to_end:
        return run[0].name + "+"
    return run[0].name if len(run) == 1 else run[0].name + ".." + run[-1].name.partition("-")[2]


def _family(family: str) -> list[Release]:
    return [release for release in RELEASES if release.family == family]
