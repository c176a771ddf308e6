"""Listings show what stands inside RREPLAY of KeyDB as it runs, and not the wrapper."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

from aoftool.analysis.commands.filter import CommandFilter
from aoftool.aof.ending_model import ListingEnd
from aoftool.commands.wrapped import WRAPPER, unwrapped
from aoftool.dataclass import replace
from aoftool.files import Source
from aoftool.resp.frame import read_frame
from aoftool.resp.model import Command, Lines
from aoftool.units import counted

__all__ = ["Unwrapping"]


class Unwrapping:
    """Take commands apart that hold others, and count these.

    Args:
        wanted: where it asks for the wrapper by name, that is shown.
        keep: cut arguments of inner commands to so many bytes; None for whole ones.
    """

    def __init__(self, wanted: CommandFilter, keep: int | None) -> None:
        self._as_it_is = WRAPPER in wanted.names
        self._keep = keep
        self._count = 0

    def of(self, commands: Iterable[Command], source: Source) -> Iterator[Command]:
        """Yield the commands of a file, those that stand inside others one by one in their place."""
        return cast("Iterator[Command]", self.of_pieces(commands, source))

    def of_pieces(self, commands: Iterable[Command | Lines], source: Source) -> Iterator[Command | Lines]:
        """Do so where some were made lines, which stay as they are: nobody makes them of a wrapper."""
        for outer in commands:
            if isinstance(outer, Lines) or outer.name != WRAPPER or self._as_it_is:
                yield outer
                continue
            for command in unwrapped(_whole(outer, source)):
                self._count += command.name != WRAPPER
                yield _cut_to(command, self._keep)

    def note(self, end: ListingEnd) -> None:
        """Say how many there were."""
        if self._count:
            end.note(f"{counted(self._count, 'command')} of other KeyDB nodes stood inside RREPLAY")


def _whole(command: Command, source: Source) -> Command:
    """Return a command with whole arguments, where the file can be read again."""
    if command.lengths is None or not source.seekable:
        return command
    frame = read_frame(source.read_at(command.offset, command.length), command.offset)
    return replace(command, argv=frame.argv, lengths=None)


def _cut_to(command: Command, keep: int | None) -> Command:
    """Return a command with its arguments cut to so many bytes; None for whole ones."""
    if keep is None or command.lengths is not None or all(len(argument) <= keep for argument in command.argv):
        return command
    lengths = [len(argument) for argument in command.argv]
    return replace(command, argv=[argument[:keep] for argument in command.argv], lengths=lengths)
