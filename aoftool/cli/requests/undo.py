"""What `aoftool undo` may be asked."""

from __future__ import annotations

from typing import Annotated

from aoftool.cli.declared import Argument, Option
from aoftool.cli.options.looks import Looks
from aoftool.cli.options.writing import InUseOption
from aoftool.dataclass import dataclass

__all__ = ["UndoRequest"]


@dataclass(frozen=True, kw_only=True)
class UndoRequest(Looks):
    """What `aoftool undo` is asked."""

    receipt: Annotated[str, Argument(metavar="RECEIPT", help="The receipt of a fix, or the folder it is in.")]
    forget: Annotated[
        bool,
        Option("--forget", help="Remove what was kept, to free its room: no way back then."),
    ] = False
    in_use: InUseOption = False
