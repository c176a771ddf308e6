"""Records as JSON lines: what `aoftool keys --json` prints.

It stands in this room and not with the reporters because it works on stored bytes: a file of millions
of keys goes out without an object for each. The form itself is defined by `aoftool.values.json_form`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aoftool.kernels import kernel
from aoftool.rdb.records.record import Record

__all__ = ["record_lines"]

record_lines: Callable[[Iterable[Record], str, bool], bytes]
record_lines = kernel("aoftool.rdb.records._jsonl_cy").record_lines
