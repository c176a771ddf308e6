"""A RESTORE whose payload is refused, as data; knows nothing of how it was found."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RestoreSpot"]


@dataclass(frozen=True)
class RestoreSpot:
    """One RESTORE, RESTORE-ASKING or FUNCTION RESTORE that some server skips.

    Attributes:
        start, end: its span.
        index: its number among the commands of its stretch.
        name: in upper case, with its subcommand.
        key: the key it would have made, empty for functions.
        targets: names of the servers that refuse the payload.
        everywhere: no server that knows the command takes it.
        checksum_ok: the payload agrees with its own checksum.
        answer: what a server that refuses it would tell a client.
    """

    start: int
    end: int
    index: int
    name: bytes
    key: bytes
    targets: frozenset[str]
    everywhere: bool
    checksum_ok: bool
    answer: str
