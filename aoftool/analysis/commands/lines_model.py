"""How the rows of a listing are written as text while the bytes of their commands are at hand."""

from __future__ import annotations

from collections.abc import Callable

from aoftool.analysis.commands.model import LoggedCommand
from aoftool.dataclass import dataclass

__all__ = ["RowForm", "RowLook"]


@dataclass(frozen=True, slots=True)
class RowForm:
    """One row a line, as JSON or CSV; what of it is the same for many rows is asked for once.

    Attributes:
        is_csv: CSV, else JSON lines.
        line_of: a row as its line, ended by a line feed. The definition: all else must agree with it.
        head_of: how the lines of a file begin, up to the offset; given its printable name.
        name_of: a name in upper case as it stands in a line, with the key in front in JSON.
        tail: how a line ends behind the arguments.
    """

    is_csv: bool
    line_of: Callable[[LoggedCommand], str]
    head_of: Callable[[str], bytes]
    name_of: Callable[[bytes], bytes]
    tail: bytes


@dataclass(frozen=True, slots=True)
class RowLook:
    """Which rows are written at once, and how.

    Attributes:
        form: how.
        is_plain: a name in upper case, of which nothing has to be looked at but its line. Commands of other
            names, and what is odd in any way, are handed back as they are.
    """

    form: RowForm
    is_plain: Callable[[bytes], bool]
