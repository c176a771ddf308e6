"""The commands between MULTI and EXEC, and what they take in memory."""

from __future__ import annotations

import sys

from aoftool.budget import HOW_TO_RAISE
from aoftool.errors import OverBudgetError
from aoftool.keyspace.context import Argv
from aoftool.keyspace.registry import Command
from aoftool.units import format_bytes

__all__ = ["Transaction"]

# A queued command beside its arguments: two tuples, and a number. Measured by tracemalloc on CPython 3.11.
_QUEUED_BYTES = 160


class Transaction:
    """Commands that wait for EXEC.

    Attributes:
        commands: each with its arguments and its number.
    """

    __slots__ = ("_size_bytes", "commands")

    def __init__(self) -> None:
        self.commands: list[tuple[Command, Argv, int]] = []
        self._size_bytes = 0

    def add(self, command: Command, argv: Argv, index: int, most_bytes: int) -> None:
        """Keep a command.

        Raises:
            OverBudgetError: all of them take more than may be taken.
        """
        self._size_bytes += _QUEUED_BYTES + sum(map(sys.getsizeof, argv))
        if self._size_bytes > most_bytes:
            limit = format_bytes(most_bytes)
            raise OverBudgetError(f"a transaction of more than {limit} in memory; {HOW_TO_RAISE}")
        self.commands.append((command, argv, index))
