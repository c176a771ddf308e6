"""SORT, which matters for STORE, and because it leaves a sorted set in its large encoding.

Texts are compared as bytes, as SORT with STORE does; without STORE nothing but the encoding changes.

Source: Redis 7.0 src/sort.c sortCommandGeneric
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import cmp_to_key

from aoftool.dataclass import dataclass, field
from aoftool.keyspace.algorithms.partial_sort import partial_sort
from aoftool.keyspace.apply.hashes import live_value
from aoftool.keyspace.context import Argv, Context
from aoftool.keyspace.made import BUFFER_FROM
from aoftool.keyspace.numbers import parse_int, strtod
from aoftool.keyspace.refusal import SYNTAX, WRONG_TYPE, CommandRefused
from aoftool.keyspace.registry import CommandTable
from aoftool.values import HashValue, ListValue, SetValue, ZSetValue

__all__ = ["TABLE"]

TABLE = CommandTable()

# What an element costs, in steps (`Context.spend`); measured on CPython 3.11.
_SORT_STEPS = 4
_NOT_NUMBERS = "ERR One or more scores can't be converted into double"


@dataclass(slots=True)
class _Options:
    """The options of a SORT."""

    descending: bool = False
    alpha: bool = False
    start: int = 0
    count: int = -1
    by: bytes | None = None
    gets: list[bytes] = field(default_factory=list)
    store: bytes | None = None

    @property
    def sorts(self) -> bool:
        """BY with a constant means: leave the order as it is."""
        return self.by is None or b"*" in self.by


def _parse(argv: Argv, *, can_store: bool) -> _Options:
    options = _Options()
    at = 2
    while at < len(argv):
        word, left = argv[at].upper(), len(argv) - at - 1
        if word in (b"ASC", b"DESC"):
            options.descending = word == b"DESC"
        elif word == b"ALPHA":
            options.alpha = True
        elif word == b"LIMIT" and left >= 2:
            options.start, options.count = parse_int(argv[at + 1]), parse_int(argv[at + 2])
            at += 2
        elif word == b"STORE" and can_store and left:
            at += 1
            options.store = argv[at]
        elif word == b"BY" and left:
            at += 1
            options.by = argv[at]
        elif word == b"GET" and left:
            at += 1
            options.gets.append(argv[at])
        else:
            raise CommandRefused(SYNTAX)
        at += 1
    return options


def _look_up(ctx: Context, pattern: bytes, element: bytes) -> bytes | None:
    """Return what a BY or GET pattern points to for an element: a string or a field of a hash."""
    if pattern == b"#":
        return element
    before, star, after = pattern.partition(b"*")
    if not star:
        return None
    arrow = after.find(b"->")
    hash_field = after[arrow + 2 :] if arrow >= 0 else b""
    name = before + element + (after[:arrow] if hash_field else after)
    value = ctx.db.values.get(name)
    if hash_field:
        return live_value(ctx, value, hash_field) if type(value) is HashValue else None
    return bytes(value) if isinstance(value, (bytes, bytearray)) else None


@TABLE.command(b"SORT", -2)
def apply_sort(ctx: Context, argv: Argv) -> None:
    _sort(ctx, argv, _parse(argv, can_store=True))


@TABLE.command(b"SORT_RO", -2, redis=(7, 0))
def apply_sort_ro(ctx: Context, argv: Argv) -> None:
    _sort(ctx, argv, _parse(argv, can_store=False))


def _sort(ctx: Context, argv: Argv, options: _Options) -> None:
    value = ctx.db.values.get(argv[1])
    if value is not None and not isinstance(value, (ListValue, SetValue, ZSetValue)):
        raise CommandRefused(WRONG_TYPE)
    if isinstance(value, ZSetValue):
        value.is_skiplist = True
    if options.store is None:
        return
    if value is not None:
        ctx.spend(_SORT_STEPS * len(value) * (1 + len(options.gets)))
    elements = _ordered(ctx, value, options)
    result = ListValue(elements) if not options.gets else _looked_up(ctx, elements, options.gets)
    if result:
        ctx.make(result)
        ctx.db.put(options.store, result)
    else:
        ctx.db.delete(options.store)


def _looked_up(ctx: Context, elements: list[bytes], patterns: list[bytes]) -> ListValue:
    """Return what patterns point to for each element."""
    result, found_bytes = ListValue(), 0
    for element in elements:
        for pattern in patterns:
            found = _look_up(ctx, pattern, element) or b""
            result.append(found)
            found_bytes += len(found)
        if found_bytes > ctx.made.most_bytes:
            break
    if found_bytes >= BUFFER_FROM:
        ctx.make_room(found_bytes)
    return result


def _limits(options: _Options, length: int) -> tuple[int, int]:
    """Return the half-open range that LIMIT leaves."""
    start = max(options.start, 0)
    if start >= length:
        return 0, 0
    end = length if options.count < 0 else min(start + options.count, length)
    return start, max(start, end)


def _ordered(ctx: Context, value: ListValue | SetValue | ZSetValue | None, options: _Options) -> list[bytes]:
    """Return the elements in their final order, cut by LIMIT."""
    if value is None:
        return []
    start, end = _limits(options, len(value))
    if not options.sorts and not isinstance(value, SetValue):
        if isinstance(value, ZSetValue):
            elements = [member for _, member in value.ranking()]
        else:
            elements = list(value)
        if options.descending:
            elements.reverse()
        return elements[start:end]
    elements = list(value)
    if not options.sorts:
        # A set has no order of its own: the servers make one that every replica agrees on.
        return sorted(elements, reverse=options.descending)[start:end]
    if not options.alpha:
        return _by_number(ctx, elements, options)[start:end]
    if options.by is None:
        return sorted(elements, reverse=options.descending)[start:end]
    return _by_text(ctx, elements, options, isinstance(value, ListValue), start, end)


def _by_number(ctx: Context, elements: list[bytes], options: _Options) -> list[bytes]:
    def number_of(element: bytes) -> float:
        text = element if options.by is None else _look_up(ctx, options.by, element)
        if text is None:
            return 0.0
        number = strtod(text, plain=ctx.flavour.plain_floats)
        if number is None or _is_out_of_range(number, text, ctx.flavour.sort_range_errors):
            raise CommandRefused(_NOT_NUMBERS)
        return number

    # Equal numbers are ordered by the element's bytes.
    pairs = [(number_of(element), element) for element in elements]
    return [element for _, element in sorted(pairs, reverse=options.descending)]


def _is_out_of_range(number: float, text: bytes, refused: str) -> bool:
    """Tell whether the server's strtod says ERANGE, and SORT minds: too large, or digits lost.

    Source: measured on 6.2.5 to 9.1.2; the last one also minds an empty text
    """
    if refused == "none":
        return False
    if refused == "overflow" and text[:1] in (b"", b"\0"):
        return True
    if math.isinf(number):
        return b"n" not in text.lower()
    if number == 0:
        return any(digit in text.lower().split(b"e")[0] for digit in b"123456789")
    return refused == "subnormal" and abs(number) < sys.float_info.min


def _by_text(
    ctx: Context, elements: list[bytes], options: _Options, has_order: bool, start: int, end: int
) -> list[bytes]:
    """Sort by looked-up texts; ties keep the order in which the server read the elements."""
    texts = {element: _look_up(ctx, options.by or b"", element) for element in elements}
    if not has_order and len(set(texts.values())) < len(texts):
        ctx.choose("how elements with equal texts are ordered")

    def compare(left: bytes, right: bytes) -> int:
        one, other = texts[left], texts[right]
        if one is None or other is None:
            order = (one is not None) - (other is not None)
        else:
            order = (one > other) - (one < other)
        return -order if options.descending else order

    return _sort_with(elements, compare, start, end)


def _sort_with(
    elements: list[bytes], compare: Callable[[bytes, bytes], int], start: int, end: int
) -> list[bytes]:
    if start == 0 and end == len(elements):
        # qsort of the GNU C library is a merge sort, and so stable like ours.
        return sorted(elements, key=cmp_to_key(compare))
    partial_sort(elements, compare, start, end - 1)
    return elements[start:end]
