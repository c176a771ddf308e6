"""`aoftool undo`: take a repair back, or give the way back up."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from aoftool.cli.console import line_console
from aoftool.cli.exit_codes import DONE, REFUSED
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.requests.undo import UndoRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.escape import shown_path
from aoftool.files.remote.names import refuse_remote
from aoftool.units import counted

if TYPE_CHECKING:
    from aoftool.repair.forget import Forgotten
    from aoftool.repair.receipt import Receipt

__all__ = ["register"]

_DID = {
    "cut": "restored",
    "swap": "restored",
    "replace": "restored",
    "remove": "restored",
    "create": "took away",
    "left": "in use again:",
}


def register(app: Application) -> None:
    """Add the verb to the application."""
    add_verb(app, undo, UndoRequest, REFUSED)


def undo(asked: UndoRequest) -> int:
    """Restore the original bytes and names that a fix changed.

    Refuses when a file changed since: going back would lose that. A fix or
    an undo that was killed half-way can be undone too. Of a receipt nothing is
    believed that cannot be looked at: only plain files in the folder of the
    log are touched, and what is put back is compared first.

    --forget does the opposite: it removes the originals with the receipt, and,
    of a rewrite, the old files. It also removes what a fix or rewrite left that
    was killed before it changed the log.

    \b
    Examples:
      aoftool undo appendonlydir/aoftool-fix-20261121T101500Z-1f2e3d
      aoftool undo --forget appendonlydir/aoftool-rewrite-20261121T101500Z-1f2e3d
    """
    from aoftool.api.undoing import forget
    from aoftool.api.undoing import undo as take_back
    from aoftool.repair.reading import read_receipt
    from aoftool.repair.receipt import Done

    make_redactor(asked.redact, asked.salt)
    refuse_remote(asked.receipt, "undone", "undo it on the machine that it was made on")
    if asked.forget:
        _show_forgotten(forget(asked.receipt), asked.as_json)
        return DONE
    found = read_receipt(asked.receipt)
    _tell_owner(found.owner)
    already = found.state is Done.UNDONE
    if not already:
        take_back(found, in_use=asked.in_use)
    _show(found, already, asked)
    return DONE


def _show(found: Receipt, already: bool, asked: UndoRequest) -> None:
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


def _show_forgotten(gone: Forgotten, as_json: bool) -> None:
    from aoftool.units import format_bytes

    if as_json:
        from aoftool.report.jsonout import print_json

        members = {"files": gone.files, "size_bytes": gone.size_bytes}
        print_json({"schema": "aoftool.undo/1", "undone": False, "forgotten": members})
        return
    files = counted(gone.files, "file")
    print(f"removed {files}, {format_bytes(gone.size_bytes)}; there is nothing to undo any more")


def _tell_owner(owner: int | None) -> None:
    """Say whose receipt it is when it is somebody else's: what it says is theirs too."""
    if owner is not None and owner != os.geteuid():
        print(f"aoftool: this receipt was written by {_user(owner)}, not by you", file=sys.stderr)


def _user(number: int) -> str:
    import pwd

    try:
        return f"{shown_path(pwd.getpwuid(number).pw_name)} (uid {number})"
    except KeyError:
        return f"uid {number}"
