"""Commands as lines of text: which implementation is in use.

It stands in this room and not with the reporters because it works on the bytes of a log: millions of commands
go out without an object for each. How a line looks is defined by the form that a reporter gives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aoftool.kernels import kernel

if TYPE_CHECKING:
    from aoftool.analysis.commands._lines_py import RowWriter
    from aoftool.analysis.commands.filter import CommandFilter
    from aoftool.analysis.commands.lines_model import RowLook

__all__ = ["row_writer"]


def row_writer(look: RowLook, file: str, wanted: CommandFilter, bounded: bool) -> RowWriter:
    """Return what writes the commands of one file as lines; see `_lines_py.RowWriter`."""
    # Loaded when lines are asked for: most listings want none.
    made: Callable[[RowLook, str, CommandFilter, bool], RowWriter]
    made = kernel("aoftool.analysis.commands._lines_cy").RowWriter
    return made(look, file, wanted, bounded)
