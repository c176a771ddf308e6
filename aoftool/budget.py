"""How much a replay may hold and do: short commands that ask for much are bounded by the bytes of the log.

A SETBIT of forty bytes makes 512 MiB, a ZUNIONSTORE of thirty walks over a million members, a byte of LZF
stands for 88. Every budget is a fixed part and a part for each byte of the log, so that no small log takes
what only a large one may; a machine with little memory lowers the first. Knows sizes, and no command.
"""

from __future__ import annotations

import os

from aoftool.dataclass import dataclass

__all__ = ["HOW_TO_RAISE", "VARIABLE", "Budget", "budget_for", "most_unpacked", "multiply_budgets"]

VARIABLE = "AOFTOOL_REPLAY_BUDGET"
"""The environment variable that says how many times as much a user allows."""

HOW_TO_RAISE = f"{VARIABLE}=10 in front of the command allows ten times as much"

_HELD_BYTES, _HELD_PER_BYTE = 128 << 20, 32
_STEPS, _STEPS_PER_BYTE = 10_000_000, 20
_MEMORY_SHARE = 2
# Of one value: the elements of what is unpacked take up to forty times its bytes as Python objects.
_UNPACKED_BYTES, _UNPACKED_PER_BYTE = 8 << 20, 8

_factor = [1.0]


@dataclass(frozen=True, slots=True)
class Budget:
    """What a replay may take.

    Attributes:
        held_bytes: in what commands made and did not write, and in the commands of one transaction.
        steps: of commands that go over whole values: an element in interpreted code, some 0.2 us.
    """

    held_bytes: int
    steps: int

    def shared(self, replays: int) -> Budget:
        """Return that of each of some replays that follow one another."""
        return Budget(self.held_bytes, self.steps // max(replays, 1))


def multiply_budgets(factor: float) -> None:
    """Let every budget of this process be so many times what it would be, whatever memory there is."""
    _factor[0] = factor


def budget_for(input_bytes: int) -> Budget:
    """Return what the replay of a log may take.

    Args:
        input_bytes: of all its files, as they are stored.
    """
    factor = _factor[0]
    held = _HELD_BYTES + _HELD_PER_BYTE * input_bytes
    if factor <= 1:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        held = min(held, max(memory // _MEMORY_SHARE, _HELD_BYTES))
    return Budget(int(held * factor), int((_STEPS + _STEPS_PER_BYTE * input_bytes) * factor))


def most_unpacked(packed_bytes: int) -> int:
    """Return the bytes that the packed elements of one value may unpack to.

    Args:
        packed_bytes: of the value, as it is stored.
    """
    return int((_UNPACKED_BYTES + _UNPACKED_PER_BYTE * packed_bytes) * _factor[0])
