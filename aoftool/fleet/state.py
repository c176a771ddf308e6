"""Rows that were made before: a run that was ended goes on where it was; what changed is read again.

One JSON object a line, so that a run that is killed loses nothing but what it was at.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, BinaryIO

from aoftool import __version__
from aoftool.aof.layout import find_log
from aoftool.errors import AoftoolError, InputError, SinkError
from aoftool.escape import shown_base
from aoftool.files.failures import hint_of
from aoftool.files.times import version_of
from aoftool.fleet.model import LogRow, RowState
from aoftool.next_step import quoted

__all__ = ["FleetState", "fingerprint"]

_OTHER_FILE = "name a file that does not exist"
_SCHEMA = "aoftool.fleet-state/1"


def fingerprint(path: str) -> str | None:
    """Return what changes when a log does: names, sizes, times of its files; None where nobody can look."""
    try:
        log = find_log(path)
        files = [*(file.path for file in log.files if file.exists), *filter(None, [log.manifest_path])]
        found = [(name, version_of(name)) for name in files]
        sizes = [file.size_bytes for file in log.files]
    except (AoftoolError, OSError):
        return None
    return hashlib.sha256(repr((found, sizes)).encode("utf-8", "surrogateescape")).hexdigest()


def _not_kept(error: OSError, path: str) -> SinkError:
    reason = error.strerror or str(error)
    return SinkError(f"the state cannot be kept: {reason}", path=path, hint=hint_of(error) or _OTHER_FILE)


def _own_place(path: str) -> str:
    """Return where a state is kept; a link may lead to another name in its folder, and to no other place.

    Raises:
        SinkError: it leads out of its folder.
    """
    real = os.path.realpath(path)
    if os.path.islink(path) and os.path.dirname(real) != os.path.realpath(os.path.dirname(path) or os.curdir):
        message = (
            f"{shown_base(path)} is a symbolic link out of its folder, which no state is written through"
        )
        raise SinkError(message, path=path, hint=f"name the file that it leads to: {quoted(real)}")
    return real


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


class FleetState:
    """A file of rows.

    Use as a context manager.

    Args:
        path: made where there is none.

    Raises:
        InputError: it is something else.
        SinkError: it cannot be written, or is a link out of its folder.
    """

    def __init__(self, path: str) -> None:
        self._path = _own_place(path)
        self._rows: dict[str, tuple[str, LogRow]] = {}
        self._prints: dict[str, str | None] = {}
        if os.path.exists(path) and not os.path.isfile(path):
            # A device such as /dev/full would be read without end.
            raise SinkError("the state cannot be kept: this is no regular file", path=path, hint=_OTHER_FILE)
        try:
            with open(self._path, "a+b", opener=_no_link) as file:
                file.seek(0)
                lines = file.read().split(b"\n")
        except OSError as error:
            raise _not_kept(error, path) from error
        is_new = lines == [b""]
        if not is_new:
            self._load(lines)
        self._file = self._opened()
        if is_new:
            self._write({"schema": _SCHEMA, "version": __version__})
        elif lines[-1]:
            self._file.write(b"\n")  # of a line that was not written whole

    def _opened(self) -> BinaryIO:
        try:
            return open(self._path, "ab", opener=_no_link)
        except OSError as error:
            raise _not_kept(error, self._path) from error

    def _load(self, lines: list[bytes]) -> None:
        head = _parsed(lines[0])
        if head is None or head.get("schema") != _SCHEMA:
            raise InputError("this is no state of a fleet", path=self._path, hint=_OTHER_FILE)
        if head.get("version") != __version__:
            return  # another version may say something else of the same log
        for line in lines[1:]:
            members = _parsed(line)
            try:
                if members is not None:
                    row = LogRow.from_dict(members["row"])
                    self._rows[row.path] = (str(members["fingerprint"]), row)
            except (KeyError, TypeError):
                continue

    def known(self, path: str) -> LogRow | None:
        """Return the row of a log that was read before and has not changed; None for any other."""
        found = self._rows.get(path)
        self._prints[path] = mark = fingerprint(path)
        return found[1] if found is not None and mark is not None and found[0] == mark else None

    def keep(self, row: LogRow) -> None:
        """Keep a row; of a log that could not be read nothing is, it is tried again."""
        mark = self._prints.get(row.path)
        if row.state == RowState.READ and mark is not None and fingerprint(row.path) == mark:
            self._write({"fingerprint": mark, "row": row.to_dict()})

    def _write(self, members: dict[str, object]) -> None:
        try:
            self._file.write(json.dumps(members, separators=(",", ":")).encode("ascii") + b"\n")
            self._file.flush()
        except OSError as error:
            raise _not_kept(error, self._path) from error

    def __enter__(self) -> FleetState:
        return self

    def __exit__(self, *_: object) -> None:
        os.fsync(self._file.fileno())
        self._file.close()


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
