"""`aoftool undo`: take a repair back, or give the way back up."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from aoftool.cli.exit_codes import DONE, REFUSED, epilog
from aoftool.cli.options import JsonOption
from aoftool.cli.redaction import RedactOption, SaltOption, make_redactor
from aoftool.units import counted

__all__ = ["register"]

_DID = {
    "cut": "restored",
    "swap": "restored",
    "replace": "restored",
    "remove": "restored",
    "create": "took away",
    "left": "in use again:",
}


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command(epilog=epilog(REFUSED))(undo)


def undo(
    receipt: Annotated[
        str, typer.Argument(metavar="RECEIPT", help="The receipt of a fix, or the folder it is in.")
    ],
    forget: Annotated[
        bool,
        typer.Option("--forget", help="Remove what was kept, to free its room: no way back then."),
    ] = False,
    in_use: Annotated[
        bool, typer.Option("--in-use", help="Go on although a process writes to the log.")
    ] = False,
    redact: RedactOption = None,
    salt: SaltOption = None,
    as_json: JsonOption = False,
) -> None:
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
    from aoftool.escape import printable
    from aoftool.repair.reading import read_receipt
    from aoftool.repair.receipt import Done
    from aoftool.repair.undo import undo_repair

    redactor = make_redactor(redact, salt)
    if forget:
        _forget(receipt, as_json)
        raise typer.Exit(DONE)
    found = read_receipt(receipt)
    _tell_owner(found.owner)
    already = found.state is Done.UNDONE
    if not already:
        undo_repair(found, in_use=in_use)
    if as_json:
        from aoftool.report.jsonout import print_json

        # The plan in a receipt quotes from the log, and was written with nothing hidden.
        body = found.to_dict() if redactor is None else {**found.to_dict(), "plan": None}
        print_json(
            {
                "schema": "aoftool.undo/1",
                "undone": not already,
                "receipt_owner": found.owner,
                "receipt": body,
            }
        )
    elif already:
        print("this was undone before; nothing to do")
    else:
        for step in found.steps:
            print(f"{_DID[step.kind.value]} {printable(os.fsencode(step.path))}")
    raise typer.Exit(DONE)


def _forget(path: str, as_json: bool) -> None:
    from aoftool.repair.forget import forget_repair
    from aoftool.units import format_bytes

    gone = forget_repair(path)
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

    from aoftool.escape import printable

    try:
        return f"{printable(os.fsencode(pwd.getpwuid(number).pw_name))} (uid {number})"
    except KeyError:
        return f"uid {number}"
