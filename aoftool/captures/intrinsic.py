"""`--intrinsic-latency` and `--latency` of the command line client."""

from __future__ import annotations

from aoftool.captures.lines import Text
from aoftool.captures.model import Reading
from aoftool.dataclass import dataclass
from aoftool.regex import regex

__all__ = ["Intrinsic", "read_intrinsic"]

_MAX = regex(r"Max latency so far: (\d{1,12}) microseconds\.")
_RUNS = regex(r"(\d{1,18}) total runs \(avg latency: .*")


@dataclass(frozen=True, slots=True)
class Intrinsic:
    """What a loop that does nothing but look at the clock measured.

    Attributes:
        worst_usec: the longest it was kept from running.
        is_whole: whether the run went to its end, rather than being cut.
    """

    worst_usec: Reading
    is_whole: bool


def read_intrinsic(text: Text) -> Intrinsic | None:
    """Return the worst; None where there is none. It only ever rises, so a smaller one is damage."""
    worst: Reading | None = None
    for index, line in enumerate(text.whole_lines):
        if (match := _MAX.fullmatch(line.strip())) and (worst is None or int(match[1]) >= worst.value):
            worst = Reading(int(match[1]), text.where(index))
    if worst is None:
        return None
    return Intrinsic(worst, any(_RUNS.match(line) for line in text.lines))
