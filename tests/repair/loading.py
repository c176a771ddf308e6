"""Load many logs on one real server process, one after the other, and be sure that each was read whole.

`DEBUG LOADAOF` empties the server and loads its log as a start does. The server is told not to accept a
truncated log, so it ends on any log that does not load; and a write put behind the log must be there
afterwards: a log that ends inside a transaction would swallow it.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from tests.repair.judge import parse
from tests.repair.sample_logs import encode
from tests.servers.discovery import Build
from tests.servers.process import Server

__all__ = ["Loader"]

_KEY = b"behind the log"


class Loader:
    """One server process that loads logs.

    Args:
        build: which server.
    """

    def __init__(self, build: Build) -> None:
        self.build = build
        self._server = Server(build, settings={"aof-load-truncated": "no", "appendonly": "yes"})
        self._server.place_aof(encode([b"SELECT", b"0"]))
        self._server.start()

    def __enter__(self) -> Loader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.remove()

    @property
    def _path(self) -> Path:
        if self.build.multi_part:
            return self._server.log_directory / "appendonly.aof.1.base.aof"
        return self._server.log_directory / "appendonly.aof"

    def can_load(self, data: bytes) -> bool:
        """Tell whether the server knows annotations, if there are any."""
        return self.build.multi_part or all(entry.argv for entry in parse(data).entries)

    def fault(self, data: bytes, mark: int) -> str:
        """Load a log; return what is wrong with it for this server, nothing when it loads.

        Args:
            mark: a number that tells this log from those before.
        """
        value = b"%d" % mark
        self._path.write_bytes(data + encode([b"SELECT", b"0"]) + encode([b"SET", _KEY, value]))
        try:
            self._server.send("DEBUG", "LOADAOF")
            found = self._server.send("GET", _KEY)
        except Exception as error:
            log = self._server.log_text()[-300:]
            self._server.remove()
            self.__init__(self.build)  # type: ignore[misc]
            return f"{self.build}: {error!r} {log}"
        return "" if found == value else f"{self.build}: what stands behind the log was not run"
