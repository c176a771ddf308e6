"""What `aoftool undo` answers: what was taken back or given up, and whose receipt it was."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from aoftool.cli.console import line_console
from aoftool.escape import shown_path
from aoftool.units import counted

if TYPE_CHECKING:
    from aoftool.cli.requests.undo import UndoRequest
    from aoftool.repair.forget import Forgotten
    from aoftool.repair.receipt import Receipt

__all__ = ["show_forgotten", "show_undone", "tell_owner"]

_DID = {
    "cut": "restored",
    "swap": "restored",
    "replace": "restored",
    "remove": "restored",
    "create": "took away",
    "left": "in use again:",
}


def show_undone(found: Receipt, already: bool, asked: UndoRequest) -> None:
    """Show what was taken back.

    Args:
        already: before this call.
    """
    if asked.as_json:
        from aoftool.report.jsonout import print_json

        # The plan in a receipt quotes from the log, and was written with nothing hidden.
        hidden = {} if asked.redact is None else {"plan": None}
        members = {"receipt_owner": found.owner, "receipt": {**found.to_dict(), **hidden}}
        print_json({"schema": "aoftool.undo/1", "undone": not already, **members})
    elif already:
        print("this was undone before; nothing to do")
    else:
        console = line_console(asked.color)
        for step in found.steps:
            console.print(f"{_DID[step.kind.value]} {shown_path(step.path)}", style="green")


def show_forgotten(gone: Forgotten, as_json: bool) -> None:
    """Show what was removed."""
    from aoftool.units import format_bytes

    if as_json:
        from aoftool.report.jsonout import print_json

        members = {"files": gone.files, "size_bytes": gone.size_bytes}
        print_json({"schema": "aoftool.undo/1", "undone": False, "forgotten": members})
        return
    files = counted(gone.files, "file")
    print(f"removed {files}, {format_bytes(gone.size_bytes)}; there is nothing to undo any more")


def tell_owner(owner: int | None) -> None:
    """Say whose receipt it is when it is somebody else's: what it says is theirs too."""
    if owner is not None and owner != os.geteuid():
        print(f"aoftool: this receipt was written by {_user(owner)}, not by you", file=sys.stderr)


def _user(number: int) -> str:
    import pwd

    try:
        return f"{shown_path(pwd.getpwuid(number).pw_name)} (uid {number})"
    except KeyError:
        return f"uid {number}"
