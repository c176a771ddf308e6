"""Choose whether frequent commands are executed by compiled code; the keyspace is their reference.

`AOFTOOL_PURE=1` asks for the keyspace alone; without the compiled module it is used silently.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from aoftool.columns import Column
from aoftool.kernels import kernel_alone
from aoftool.keyspace.engine import Keyspace

if TYPE_CHECKING:
    from concurrent.futures import Executor

__all__ = ["HOT", "RecordMaker", "Records", "RowRunner", "Runner"]


class RowRunner(Protocol):
    """Executes the plain rows of a piece of the log, and hands back the others in their turn."""

    def run(
        self,
        data: memoryview,
        base: int,
        starts: Column,
        codes: Column | bytearray,
        keys: Column,
        numbers: Column,
        execute: Callable[[int], None],
        helper: Executor | None = None,
        worth: int = 0,
        seldom: int = 0,
    ) -> None:
        """Execute rows in order; see `_replay_cy`."""

    def let_go(self, number: int) -> None:
        """Move a key to the dicts of the keyspace."""

    def forget(self, db: int) -> None:
        """Drop every key of a database that is flushed."""

    def export(self) -> None:
        """Move every key to the dicts of the keyspace."""

    def held(self, db: int) -> tuple[int, int]:
        """Return how many keys of a database are here, and how many of them have an expire time."""

    def streams_count_entries(self) -> bool:
        """Tell whether the counters of every stream here say nothing but what its entries say."""


class RecordMaker(Protocol):
    """Makes the records of an RDB from what a runner holds."""

    def make(
        self,
        numbers: Column,
        given: Column | bytearray,
        records: memoryview,
        starts: Column,
        ends: Column,
        taken: memoryview,
        at: int,
    ) -> tuple[bytes, int, int, int, bool]:
        """Return (records, how many, how many expire, index behind them, handed back); see `_records_cy`."""


HOT: dict[bytes, int] = {}
"""Codes of the command names that compiled code knows; empty without it."""

Place = Callable[[int], tuple[int, bytes]]
"""Gives database and name of a key number."""

Runner: Callable[[Keyspace, int, Place], RowRunner] | None = None
"""Makes a runner for a keyspace and a number of keys; None without compiled code."""

Records: Callable[..., RecordMaker] | None = None
"""Makes a maker of records of a runner and the table of its keys; None without compiled code."""

_compiled = kernel_alone("aoftool.replay.compiled._replay_cy")
if _compiled is not None:
    HOT, Runner = _compiled.CODES, _compiled.Runner
_records = kernel_alone("aoftool.replay.compiled._records_cy")
if _records is not None:
    Records = _records.Records
