"""What a server answers to a command it refuses. Refused commands change nothing.

Knows the error texts; refuses to know which command gives which.
"""

from __future__ import annotations

from aoftool.dataclass import dataclass
from aoftool.errors import UnsupportedError

__all__ = [
    "INVALID_EXPIRE",
    "NOT_AN_INTEGER",
    "NOT_A_FLOAT",
    "NO_SUCH_KEY",
    "OUT_OF_RANGE",
    "SYNTAX",
    "WRONG_TYPE",
    "CommandRefused",
    "OpaqueCommandError",
    "Refusal",
    "ReplayStopError",
]

WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
SYNTAX = "ERR syntax error"
NOT_AN_INTEGER = "ERR value is not an integer or out of range"
NOT_A_FLOAT = "ERR value is not a valid float"
OUT_OF_RANGE = "ERR value is out of range"
NO_SUCH_KEY = "ERR no such key"
INVALID_EXPIRE = "ERR invalid expire time"


class CommandRefused(Exception):
    """Leave a handler with the server's error text, before anything was changed."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True, slots=True)
class Refusal:
    """The outcome of a command that a loader answers with an error and then ignores.

    Attributes:
        command_index: number of the command in the replay, from 0.
        name: the command's name in upper case.
        text: the error as the server words it, or close to it.
    """

    command_index: int
    name: str
    text: str


class ReplayStopError(UnsupportedError):
    """A command that a loader dies on, or whose effect cannot be known; replay cannot go on.

    Args:
        reason: `unknown`, `arity`, `opaque`, `random`, `crash`, `module`, `memory` or `budget`.
        command_index: number of the command in the replay, from 0.
        name: the command's name as written, printable.
    """

    def __init__(self, message: str, *, reason: str, command_index: int, name: str) -> None:
        super().__init__(f"command {command_index}: {message}")
        self.reason = reason
        self.command_index = command_index
        self.name = name


class OpaqueCommandError(ReplayStopError):
    """A script, function or module command: it may read and write anything."""
