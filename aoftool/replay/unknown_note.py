"""Says which keys are not known behind commands that are not run here."""

from __future__ import annotations

from collections.abc import Collection

from aoftool.escape import excerpt_key
from aoftool.units import and_more, counted

__all__ = ["unknown_note"]

_SHOWN = 5


def unknown_note(places: Collection[tuple[int, bytes]]) -> str:
    """Return which keys are not known, the first few by name; empty for none.

    Args:
        places: (database, key).
    """
    if not places:
        return ""
    some = sorted(places)[:_SHOWN]
    shown = ", ".join(f"{excerpt_key(key)} (db {db})" for db, key in some)
    rest = and_more(len(places) - len(some))
    count = counted(len(places), "key is", "keys are")
    return f"{count} not known behind commands that are not run here: {shown}{rest}"
