"""The commands that frame others: they choose the database and hold transactions together, and write no data.

`aoftool.resp`, which lies below, tracks them itself while it scans; a test holds both lists together.
"""

from __future__ import annotations

__all__ = ["CLOSING", "FRAMING", "TRANSACTION"]

TRANSACTION = frozenset({b"MULTI", b"EXEC"})
"""What a server writes around a transaction."""

CLOSING = frozenset({b"EXEC", b"DISCARD"})
"""What ends a transaction. Where none is open, servers refuse these and go on, and nothing hangs on them."""

FRAMING = TRANSACTION | {b"SELECT", b"DISCARD"}
"""All commands without data of their own; servers never write DISCARD, and a log may hold it all the same."""
