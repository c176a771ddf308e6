"""SLOWLOG GET and COMMANDLOG GET: id, time, microseconds, the command with arguments, and who sent it."""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.captures.latency import MOMENT
from aoftool.captures.lines import Text
from aoftool.captures.model import SlowCommand
from aoftool.captures.numbers import integer
from aoftool.captures.replies import items_of
from aoftool.regex import regex

__all__ = ["read_slowlog"]

_MAX_USEC = 7 * 86_400 * 1_000_000
# A server keeps 31 arguments of an entry and tells how many more there were. Source: src/slowlog.c.
_MORE = regex(r"\.\.\. \((\d{1,9}) more arguments\)")


def read_slowlog(text: Text) -> tuple[SlowCommand, ...]:
    """Return the entries that are whole, in the order of the reply: newest first."""
    items = items_of(text)
    if items is None:
        return tuple(_raw(text))
    found = []
    for item in items:
        if len(item.items) >= 4:
            head, argv = item.items[:3], item.items[3].flat
            values = [integer(part.text or "") for part in head]
            entry = _entry(values, argv, item.where)
            if entry is not None:
                found.append(entry)
    return tuple(found)


def _entry(values: list[int | None], argv: tuple[str, ...], where: str) -> SlowCommand | None:
    number, at_s, usec = values
    if number is None or at_s is None or usec is None or not argv:
        return None
    if MOMENT.fullmatch(str(at_s)) is None or not 0 <= usec <= _MAX_USEC:
        return None
    return SlowCommand(
        number, at_s, usec, argv[0].upper(), _count(argv), argv[1] if len(argv) > 1 else "", where
    )


def _count(argv: tuple[str, ...]) -> int:
    """Return how many arguments a command had, those that the entry only counts included.

    In raw output the address and the name of the client stand behind them.
    """
    for index, text in enumerate(argv[-3:], max(0, len(argv) - 3)):
        if match := _MORE.fullmatch(text):
            return index + int(match[1])
    return len(argv)


def _raw(text: Text) -> Iterator[SlowCommand]:
    """Find entries in raw output, where nothing marks them: an id, a moment of ten digits, a length."""
    lines = text.whole_lines
    starts = [index for index in range(len(lines) - 3) if _begins(lines, index)]
    previous: int | None = None
    for index, following in zip(starts, [*starts[1:], len(lines)], strict=False):
        number = int(lines[index])
        # Ids fall by one from entry to entry; arguments that look like a head do not.
        if previous is not None and number != previous - 1:
            continue
        argv = tuple(lines[index + 3 : following])
        entry = _entry([number, int(lines[index + 1]), int(lines[index + 2])], argv, text.where(index))
        if entry is not None:
            previous = number
            yield entry


def _begins(lines: tuple[str, ...], index: int) -> bool:
    number, length = integer(lines[index].strip()), integer(lines[index + 2].strip())
    return (
        number is not None
        and number >= 0
        and MOMENT.fullmatch(lines[index + 1].strip()) is not None
        and length is not None
        and bool(lines[index + 3].strip())
        and integer(lines[index + 3].strip()) is None
    )
