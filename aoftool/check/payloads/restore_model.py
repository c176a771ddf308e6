"""A RESTORE whose payload is refused, as data; knows nothing of how it was found."""

from __future__ import annotations

from enum import Enum

from aoftool.dataclass import dataclass

__all__ = ["RestoreSpot", "Standing"]


class Standing(Enum):
    """What it means that none of the servers that are foretold takes a payload.

    Attributes:
        DAMAGED: its checksum is wrong, or its value breaks the rules of its type.
        LATER: its checksum is right, and a later release takes it.
        NOT_JUDGED: its checksum is right, and nothing here knows its version or its type.
    """

    DAMAGED = "damaged"
    LATER = "later"
    NOT_JUDGED = "not-judged"


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
        standing: what a refusal by all of them means: see `Standing`.
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
    standing: Standing = Standing.DAMAGED
