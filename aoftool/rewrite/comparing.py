"""Load a log before it is rewritten and its result after, and take the result back when they differ."""

from __future__ import annotations

from aoftool.aof.layout import find_log
from aoftool.aof.model import Log
from aoftool.errors import VerifyError
from aoftool.rdb.encode.targets import Target
from aoftool.repair.reading import read_receipt
from aoftool.repair.undo import undo_repair
from aoftool.replay.writer_model import Writer
from aoftool.rewrite.model import RewriteResult, Verification
from aoftool.rewrite.write.outputs import remove_output
from aoftool.servers.choosing import disagreement, other_patch
from aoftool.servers.finding import FoundServer
from aoftool.servers.private import read_state
from aoftool.servers.state import COMPARED, not_told, require_same

__all__ = ["Comparison"]


class Comparison:
    """What a server makes of a log; made before the log is rewritten, for it may be replaced.

    Args:
        server: it loads both.
        target: what the rewrite is for; None when the server that compares is the one that writes.
        writer: who wrote the log; None when the server that compares is the one that writes the result.

    Raises:
        MissingExtraError: no client library.
        VerifyError: the server does not load the log.
    """

    def __init__(
        self,
        log: Log,
        databases: int,
        server: FoundServer,
        target: Target | None = None,
        writer: Writer | None = None,
    ) -> None:
        self._path = log.path
        self._databases = databases
        self._target = target
        self._server = server
        self._writer = writer
        self._before = read_state(log, databases, server, target)

    def run(self, out: str | None, result: RewriteResult, receipt: str | None) -> Verification:
        """Return what was compared when the result holds the same.

        Args:
            out: where it was written; None when it took the place of the log.
            receipt: folder with the receipt of a rewrite in place.

        Raises:
            VerifyError: it does not; what was written is removed, or the log put back.
            RefusedError: so too, and the server is known to load logs of the writer otherwise.
        """
        try:
            after = read_state(find_log(out or self._path), self._databases, self._server, self._target)
            text = require_same(self._before, after)
        except BaseException as error:
            if receipt is None:
                remove_output(result.files)
            else:
                undo_repair(read_receipt(receipt))
            if not isinstance(error, VerifyError):
                raise
            message = f"{error.message}, as {self._server.name} loads them"
            raise disagreement(message, self._server, self._writer, error.hint) from error
        apart = "" if self._writer is None else other_patch(self._server, self._writer)
        if apart:
            text += f"; {apart}"
        left = not_told(self._server.release, forgiving=self._before.forgiving)
        return Verification(text, self._server.name, self._server.release.name, list(COMPARED), left)
