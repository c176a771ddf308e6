"""`aoftool undo`: take a repair back, or give the way back up."""

from __future__ import annotations

from aoftool.cli.exit_codes import DONE, REFUSED
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.requests.undo import UndoRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.files.remote.names import refuse_remote

__all__ = ["register"]


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
    from aoftool.cli.answers.undo import show_forgotten, show_undone, tell_owner
    from aoftool.cli.interrupted import told_on_the_way_back
    from aoftool.repair.reading import read_receipt
    from aoftool.repair.receipt import Done

    make_redactor(asked.redact, asked.salt)
    refuse_remote(asked.receipt, "undone", "undo it on the machine that it was made on")
    if asked.forget:
        show_forgotten(forget(asked.receipt), asked.as_json)
        return DONE
    found = read_receipt(asked.receipt)
    tell_owner(found.owner)
    already = found.state is Done.UNDONE
    if not already:
        try:
            take_back(found, in_use=asked.in_use)
        except KeyboardInterrupt:
            told_on_the_way_back(asked.receipt)
            raise
    show_undone(found, already, asked)
    return DONE
