"""How much a repair may take out: a bound on bytes, on whole commands, or on both.

Measured by `Plan.loss`: what is taken out and was not mere framing or a copy; the bytes of a torn end count,
and no command with them. Knows numbers, and nothing of how they are typed.
"""

from __future__ import annotations

from aoftool.dataclass import dataclass
from aoftool.units import counted

__all__ = ["LossLimit"]


@dataclass(frozen=True, slots=True)
class LossLimit:
    """The most that may be lost.

    Attributes:
        most_bytes, most_commands: None for no bound.
    """

    most_bytes: int | None = None
    most_commands: int | None = None

    def exceeded(self, loss: tuple[int, int]) -> str | None:
        """Return what a loss of bytes and commands exceeds, in words; None where it is allowed."""
        for lost, most, unit in zip(
            loss, (self.most_bytes, self.most_commands), ("byte", "command"), strict=True
        ):
            if most is not None and lost > most:
                return f"this would lose {counted(lost, unit)}, more than the {most:,} allowed"
        return None
