"""What `aoftool guard` may be asked."""

from __future__ import annotations

from typing import Annotated

from aoftool.cli.declared import Argument, Option
from aoftool.cli.options.looks import LooksOfWork
from aoftool.cli.options.writing import MaxLossOption
from aoftool.dataclass import dataclass

__all__ = ["GuardRequest"]

_KEEP = 5
_KEEP_SIZE = "1g"


@dataclass(frozen=True, kw_only=True)
class GuardRequest(LooksOfWork):
    """What `aoftool guard` is asked."""

    path: Annotated[str, Argument(metavar="PATH", help="The log, or the data directory of the server.")]
    command: Annotated[
        list[str] | None,
        Argument(
            metavar="-- COMMAND...",
            show_default=False,
            help="The server to become; without one it only checks and repairs.",
        ),
    ] = None
    max_loss: MaxLossOption = None
    keep: Annotated[
        int, Option("--keep", metavar="N", min=1, help="Keep the originals of so many repairs.")
    ] = _KEEP
    keep_size: Annotated[
        str,
        Option(
            "--keep-size",
            metavar="BYTES",
            help="Keep so many bytes of originals; those of the newest repair stay.",
        ),
    ] = _KEEP_SIZE
    must_exist: Annotated[bool, Option("--must-exist", help="Refuse where there is no log at all.")] = False
