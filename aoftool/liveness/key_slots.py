"""Which keys of a key table lie in slots that a command empties.

A node of a cluster writes TRIMSLOTS when keys went to another node, and SFLUSH or CLUSTER FLUSHSLOT when a
client emptied slots. Such a command names no key: it is the end of all that are there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aoftool.commands.slots import SLOTS, slot_of
from aoftool.liveness.model import NEVER_EMPTIED, KeyTable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["KeySlots", "emptied_from"]

# A hostile log may empty the same slots without end; a key that is named so often costs 10 bytes each time.
_MOST_NAMED = 1 << 24


class KeySlots:
    """The slots of the keys of a table, looked at only when they are asked for.

    Args:
        keys: may grow between two questions.
    """

    def __init__(self, keys: KeyTable) -> None:
        self._keys = keys
        self._slots: NDArray[np.uint16] | None = None
        self._named = 0

    def within(self, ranges: Sequence[range]) -> list[int] | None:
        """Return the numbers of all keys so far that lie in slots; None where that gets too much to keep."""
        # Here, as below: hardly any log has such commands.
        import numpy as np

        known = np.zeros(0, np.uint16) if self._slots is None else self._slots
        new = (slot_of(self._keys.key(number)) for number in range(len(known), len(self._keys)))
        self._slots = np.concatenate((known, np.fromiter(new, np.uint16)))
        wanted = np.zeros(SLOTS, bool)
        for slots in ranges:
            wanted[slots.start : slots.stop] = True
        found: list[int] = np.flatnonzero(wanted[self._slots]).tolist()
        self._named += len(found)
        return found if self._named <= _MOST_NAMED else None


def emptied_from(before: NDArray[np.int64] | None, ranges: Sequence[range], keys: int) -> NDArray[np.int64]:
    """Return `Trace.emptied` with slots that are emptied when the table holds so many keys; a new array."""
    import numpy as np

    after = np.full(SLOTS, NEVER_EMPTIED) if before is None else before.copy()
    for slots in ranges:
        np.minimum(after[slots.start : slots.stop], keys, out=after[slots.start : slots.stop])
    return after
