"""What every listing of keys offers, wherever its rows come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from aoftool.analysis.keys.model import KeyRow
from aoftool.aof.ending_model import Damage
from aoftool.replay.writer_model import Writer

__all__ = ["KeyRows"]


class KeyRows(Protocol):
    """Keys that are iterated over once; what the rest says holds behind the last one."""

    def __iter__(self) -> Iterator[KeyRow]:
        """Yield the keys."""

    def json_lines(self) -> Iterator[bytes] | None:
        """Return the keys as whole JSON lines, in place of iterating; None where that is no faster."""

    @property
    def is_stored(self) -> bool:
        """Whether they are the records of an RDB part as they stand, without what commands did to them."""

    @property
    def shown(self) -> int:
        """How many keys there were."""

    @property
    def empty(self) -> int:
        """How many collections without elements were left out, as servers do."""

    @property
    def unknown(self) -> int:
        """How many keys of the log may hold anything, or be gone: the listing is not judged by those."""

    @property
    def notes(self) -> list[str]:
        """What must be known to judge the rows, in words."""

    @property
    def has_tail(self) -> bool:
        """Whether commands follow that are not in a listing of records."""

    @property
    def stop(self) -> Damage | None:
        """File (printable), offset and reason of where an RDB part cannot be read on; None for none."""

    @property
    def torn_bytes(self) -> int:
        """Bytes of a last command that is torn, which a server drops."""

    @property
    def setting(self) -> str:
        """That the log needs more databases than servers have by default, in words; empty where not."""

    @property
    def writer(self) -> Writer | None:
        """Who wrote the log, as which it is replayed; None where nothing is replayed."""
