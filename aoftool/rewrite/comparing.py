"""Load a log before it is rewritten and its result after, and take the result back when they differ."""

from __future__ import annotations

from aoftool.aof.layout import find_log
from aoftool.aof.model import Log
from aoftool.errors import VerifyError
from aoftool.rdb.targets import Target
from aoftool.repair.reading import read_receipt
from aoftool.repair.undo import undo_repair
from aoftool.rewrite.model import RewriteResult, Verification
from aoftool.rewrite.server_state import COMPARED, not_told, require_same
from aoftool.rewrite.verify import read_state, remove_output
from aoftool.servers.choosing import ANOTHER_SERVER
from aoftool.servers.finding import FoundServer

__all__ = ["Comparison"]


class Comparison:
    """What a server makes of a log; made before the log is rewritten, for it may be replaced.

    Args:
        server: it loads both.
        target: what the rewrite is for; None when the server that compares is the one that writes.
        apart: what speaks against the server, such as that the writer was another patch release.

    Raises:
        MissingExtraError: no client library.
        VerifyError: the server does not load the log.
    """

    def __init__(
        self, log: Log, databases: int, server: FoundServer, target: Target | None = None, apart: str = ""
    ) -> None:
        self._path = log.path
        self._databases = databases
        self._target = target
        self._server = server
        self._apart = apart
        self._before = read_state(log, databases, server, target)

    def run(self, out: str | None, result: RewriteResult, receipt: str | None) -> Verification:
        """Return what was compared when the result holds the same.

        Args:
            out: where it was written; None when it took the place of the log.
            receipt: folder with the receipt of a rewrite in place.

        Raises:
            VerifyError: it does not; what was written is removed, or the log put back.
        """
        try:
            after = read_state(find_log(out or self._path), self._databases, self._server, self._target)
            text = require_same(self._before, after)
        except VerifyError as error:
            if receipt is None:
                remove_output(result.files)
            else:
                undo_repair(read_receipt(receipt))
            if self._apart:
                message = f"{error.message}, as {self._server.name} loads them; {self._apart}"
                raise VerifyError(message, hint=error.hint or ANOTHER_SERVER) from error
            raise
        if self._apart:
            text += f"; {self._apart}"
        left = not_told(self._server.release, forgiving=self._before.forgiving)
        return Verification(text, self._server.name, self._server.release.name, list(COMPARED), left)
