"""Records which bytes the grammar read as what.

A trace is given to the grammar as a parse parameter and collects a tree of labelled spans. It is
bounded: of a long run of elements only the first few and those around the wanted offset stay, the
others become one gap. Knows nothing of the format itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from construct import StreamError

from aoftool.rdb.grammar.span import Span

__all__ = ["HEAD_ELEMENTS", "NEAR_ELEMENTS", "RAW_LIMIT", "Trace"]

HEAD_ELEMENTS = 4
"""Elements kept from the front of every long run."""

NEAR_ELEMENTS = 2
"""Elements kept on each side of the one that holds the wanted offset."""

RAW_LIMIT = 64
"""Bytes of a span kept for showing."""


class Trace:
    """Collect spans while the grammar reads.

    Args:
        data: the bytes being read.
        base: file offset of their first byte.
        wanted: file offset that must stay in the tree; None to keep only the front of long runs.
    """

    def __init__(self, data: bytes, base: int, wanted: int | None = None) -> None:
        self.root = Span("", base, base + len(data))
        self._open = [self.root]
        self._data = data
        self._base = base
        self._wanted = wanted
        self._unpacked = False

    @contextmanager
    def part(self, label: str, start: int) -> Iterator[Span]:
        """Open a span at a stream position; the caller sets its end with `finish`.

        A part that cannot be read stays in the tree with the reason as its problem.
        """
        here = self._base + start
        span = Span(label, here, here, unpacked=self._unpacked)
        self._open[-1].children.append(span)
        self._open.append(span)
        try:
            yield span
        except Exception as error:
            # What was cut short reaches to the end of the bytes; other damage shows its first byte.
            last = self._base + len(self._data)
            is_short = isinstance(error, StreamError)
            span.end = max(span.end, last if is_short else min(here + 1, last))
            self._mark(span)
            if not any(child.problem for child in span.children):
                span.problem = "the bytes end inside this part" if is_short else _reason(error)
            self._keep_raw(span)
            raise
        finally:
            self._open.pop()

    def finish(self, span: Span, end: int, value: str) -> None:
        """Close a span at a stream position."""
        span.end = self._base + end
        span.value = value
        self._mark(span)
        if not span.children:
            self._keep_raw(span)

    def remark(self, problem: str) -> None:
        """Say what is wrong with the innermost open part."""
        self._open[-1].problem = problem

    @contextmanager
    def inside(self, data: bytes, start: int) -> Iterator[None]:
        """Read a part of the present buffer on its own: `start` is where it stands there."""
        before = (self._data, self._base)
        self._data, self._base = data, self._base + start
        try:
            yield
        finally:
            self._data, self._base = before

    @contextmanager
    def unpacked(self, data: bytes, wanted: int | None) -> Iterator[None]:
        """Read bytes that stand nowhere in the file; their spans count from 0.

        Args:
            data: the bytes.
            wanted: the place in them that the wanted byte of the file tells of; None for no place.
        """
        before = (self._data, self._base, self._unpacked, self._wanted)
        self._data, self._base, self._unpacked, self._wanted = data, 0, True, wanted
        try:
            yield
        finally:
            self._data, self._base, self._unpacked, self._wanted = before

    def wanted_in(self, start: int, end: int) -> int | None:
        """Return the wanted byte as a stream position if it lies in that range of positions."""
        if self._wanted is None or not start <= self._wanted - self._base < end:
            return None
        return self._wanted - self._base

    def run(self, count: int | None, read: Callable[[int], bool]) -> int:
        """Read elements until `count` is reached or `read` returns False; return how many.

        Every element is one child of the open part; those far from the wanted offset are folded.
        """
        parent = self._open[-1]
        keep = parent.children
        run = _Run(keep, NEAR_ELEMENTS if self._wanted is not None else 0)
        index = 0
        while count is None or index < count:
            if not read(index):
                break
            run.added()
            index += 1
        return index

    def gap(self, start: int, end: int, count: int) -> None:
        """Stand in for `count` elements between two stream positions that were stepped over."""
        if count:
            span = Span("", self._base + start, self._base + end, unpacked=self._unpacked, skipped=count)
            self._open[-1].children.append(span)

    def drop_last(self, label: str) -> None:
        """Forget the newest child of the open part when it has that label: its bytes come in detail."""
        children = self._open[-1].children
        if children and children[-1].label == label:
            del children[-1]

    def last_was_hit(self) -> bool:
        """Tell whether the newest child of the open part holds the wanted byte."""
        return self._open[-1].children[-1].hit

    def _mark(self, span: Span) -> None:
        if self._wanted is not None and span.start <= self._wanted < span.end:
            span.hit, span.wanted = True, self._wanted

    def _keep_raw(self, span: Span) -> None:
        length = span.end - span.start
        first = 0
        if self._wanted is not None and length > RAW_LIMIT and span.hit:
            # Whole lines of 16, so that the hex view keeps its columns.
            first = max(0, min((self._wanted - span.start) // 16 * 16 - 16, length - RAW_LIMIT))
        at = span.start - self._base + first
        span.raw_start = span.start + first
        span.raw = bytes(self._data[at : at + min(length, RAW_LIMIT)])


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip()


class _Run:
    """Folds the children of one long run as they arrive."""

    def __init__(self, children: list[Span], near: int) -> None:
        self._children = children
        self._head = len(children) + HEAD_ELEMENTS
        self._near = near
        self._after_hit = 0

    def added(self) -> None:
        """Fold what is now far enough from the front and from the wanted element."""
        children = self._children
        if children[-1].hit:
            self._after_hit = len(children)
        elif self._after_hit:
            self._fold(max(self._after_hit + self._near, self._head), keep_last=0)
        else:
            self._fold(self._head, keep_last=self._near)

    def _fold(self, place: int, keep_last: int) -> None:
        """Make one gap of the children at `place` and the next, once enough stand behind them."""
        if len(self._children) - keep_last < place + 2:
            return
        gap, other = self._children[place], self._children[place + 1]
        if not gap.skipped:
            gap = Span("", gap.start, gap.end, unpacked=gap.unpacked, skipped=1)
            self._children[place] = gap
        gap.end = other.end
        gap.skipped += 1
        del self._children[place + 1]
