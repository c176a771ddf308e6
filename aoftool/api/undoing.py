"""Take a repair or a rewrite in place back, or give the way back up."""

from __future__ import annotations

import os

from aoftool.repair.forget import Forgotten, forget_repair
from aoftool.repair.reading import read_receipt
from aoftool.repair.receipt import Receipt
from aoftool.repair.undo import undo_repair

__all__ = ["forget", "undo"]


def undo(receipt: Receipt | str | os.PathLike[str], *, in_use: bool = False) -> Receipt:
    """Take a repair or a rewrite in place back, and return the receipt as it is now.

    What was taken back before stays so.

    Args:
        receipt: as `apply` returned it, or its path or folder.
        in_use: go on although a process writes to the log.

    Raises:
        PlanStaleError: a file changed since; going back would lose that.
        LogInUseError: a process has the log open.
        SourceError: there is no receipt.
        FormatError, UnsafePathError: it is none that may be believed.
    """
    found = receipt if isinstance(receipt, Receipt) else read_receipt(os.fspath(receipt))
    return undo_repair(found, in_use=in_use)


def forget(receipt: str | os.PathLike[str]) -> Forgotten:
    """Remove what was kept, to free its room, and return how much that was: no way back then.

    Args:
        receipt: its path or folder, or what a repair left that was killed before it changed the log.

    Raises:
        RefusedError: what is there is needed, or is more than a repair leaves.
        SourceError: there is nothing.
    """
    return forget_repair(os.fspath(receipt))
