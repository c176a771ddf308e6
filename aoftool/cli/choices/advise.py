"""What the options of `aoftool advise` mean: what to read, of which time, and by which thresholds."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aoftool.errors import UsageError

if TYPE_CHECKING:
    from aoftool.advise.between import Back
    from aoftool.advise.thresholds import Thresholds
    from aoftool.captures.bundle import Texts
    from aoftool.captures.model import Kind
    from aoftool.cli.requests.advise import AdviseRequest

__all__ = [
    "changed_thresholds",
    "list_thresholds",
    "read_inputs",
    "refuse_contradictions",
    "seconds_apart",
    "typed_time",
]

_LONGEST_S = 3600


def refuse_contradictions(asked: AdviseRequest) -> None:
    """Refuse what leaves nothing to look at, or no place for the page.

    Raises:
        UsageError: nothing is named, or a finding that there is not.
        OutputExistsError: the page is there already.
    """
    from aoftool.advise.rules.all import CODES

    if not asked.inputs and asked.aof is None and not asked.told and asked.server is None:
        raise UsageError("nothing to look at", hint="name a bundle, or files that were captured")
    wrong = next((code for code in asked.only or () if code not in CODES), None)
    if wrong is not None:
        raise UsageError(f"there is no finding named {wrong!a}", hint="docs/advise.md lists them")
    if asked.html is not None and os.path.lexists(asked.html):
        from aoftool.files.sink import output_exists

        # Not only when all the work is done.
        raise output_exists(asked.html)


def typed_time(text: str | None, option: str) -> float | Back | None:
    """Return a time in seconds since 1970, or how long before the newest time that was captured.

    Raises:
        UsageError: it is no time.
    """
    from aoftool.advise.between import Back
    from aoftool.aof.moment import Moment, MomentKind, parse_time_ms

    if text is None:
        return None
    try:
        moment = Moment.parse(text)
        if moment.kind is MomentKind.BACK:
            return Back(moment.number, moment.text)
        return parse_time_ms(text) / 1000
    except UsageError as error:
        raise UsageError(
            f"{option}: not a point in time: {text!a}",
            hint="use YYYY-MM-DD[THH:MM:SS], Unix time, or 10m, 2h, 3d or yesterday before the newest time"
            " that was captured",
        ) from error


def read_inputs(inputs: Sequence[str], told: Sequence[str]) -> tuple[Texts, dict[str, Kind]]:
    """Read all inputs; kinds that were told come back by name of the text.

    Raises:
        InputError: one cannot be read.
        UsageError: there is no such kind.
    """
    from aoftool.captures.bundle import Texts, read_texts

    texts = Texts()
    for path in inputs:
        if path == "-":
            texts.add("standard input", sys.stdin.buffer.read(), False)
        else:
            read_texts(path, texts)
    kinds = {}
    for word in told:
        name, separator, path = word.partition("=")
        if not separator:
            raise UsageError(f"--as takes KIND=FILE, not {word!a}")
        kind, before = _kind(name), len(texts.texts)
        read_texts(path, texts)
        for text in texts.texts[before:]:
            kinds[text.name] = kind
    return texts, kinds


def seconds_apart(text: str) -> float:
    """Return how far apart a server is to be asked twice.

    Raises:
        UsageError: it is no time, or too long.
    """
    seconds = _number(text)
    if not 0 <= seconds <= _LONGEST_S:
        raise UsageError(f"--for takes up to {_LONGEST_S} seconds")
    return seconds


def changed_thresholds(changes: Sequence[str]) -> Thresholds:
    """Return the thresholds with what was changed.

    Raises:
        UsageError: there is no such threshold, or it takes no such value.
    """
    from aoftool.advise.thresholds import THRESHOLDS, Thresholds

    changed = {}
    for word in changes:
        name, separator, value = word.partition("=")
        if not separator or name not in THRESHOLDS:
            raise UsageError(f"there is no threshold {name!a}", hint="--set list lists them")
        changed[name] = _number(value)
    return Thresholds(changed)


def list_thresholds() -> None:
    """Print all thresholds as they can be changed."""
    from aoftool.advise.thresholds import THRESHOLDS

    for name, value in THRESHOLDS.items():
        print(f"{name}={value:.10g}")


def _kind(name: str) -> Kind:
    from aoftool.captures.model import Kind

    words = {kind.name.lower().replace("_", "-"): kind for kind in Kind if kind is not Kind.UNKNOWN}
    if name not in words:
        raise UsageError(f"there is no kind of input named {name!a}", hint="use one of: " + ", ".join(words))
    return words[name]


def _number(text: str) -> float:
    """Return a number, a length such as `500ms` in seconds, or a size such as `64mb` in bytes."""
    from aoftool.captures.conf import memory_bytes
    from aoftool.captures.numbers import decimal

    for ending, factor in (("ms", 0.001), ("s", 1.0), ("%", 0.01), ("", 1.0)):
        if text.endswith(ending) and (value := decimal(text.removesuffix(ending))) is not None:
            return value * factor
    size = memory_bytes(text)
    if size is None:
        raise UsageError(f"not a number, time or size: {text!a}", hint="write 5, 500ms, 2s, 10% or 64mb")
    return size
