"""What `aoftool snapshot` may be asked."""

from __future__ import annotations

from typing import Annotated

from aoftool.cli.declared import Option
from aoftool.cli.options.common_options import PathArgument
from aoftool.cli.options.looks import LooksOfWork
from aoftool.cli.options.writing import OutOption
from aoftool.dataclass import dataclass

__all__ = ["SnapshotRequest"]


@dataclass(frozen=True)
class SnapshotRequest(LooksOfWork):
    """What `aoftool snapshot` is asked."""

    path: PathArgument = None
    out: OutOption = None
    seal: Annotated[
        bool, Option("--seal", help="Write a seal into it: SHA-256 and end of every file, for `check`.")
    ] = False
    link: Annotated[
        bool,
        Option("--link", help="Give files that never change any more a second name (a hard link)."),
    ] = False
    as_is: Annotated[bool, Option("--as-is", help="Keep a copy of a damaged log too, as it is.")] = False
