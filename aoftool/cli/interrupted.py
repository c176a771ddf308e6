"""What is said where a change in the place of a log was interrupted: whether the log is what it was.

Looks at the files, and not at how far the change had come: they are what counts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from aoftool.cli.console import tell
from aoftool.dataclass import dataclass
from aoftool.files.temporary import CHANGE_FOLDER, RECEIPT_NAME, is_ours
from aoftool.next_step import next_step

if TYPE_CHECKING:
    from aoftool.aof.model import Log

__all__ = ["ToldInterruption", "told_of_interruption", "told_on_the_way_back"]


class ToldInterruption(KeyboardInterrupt):
    """An interruption of which everything is said."""


@dataclass(frozen=True)
class _State:
    """How the files of a log stand: size, time and inode of each, and the names beside them."""

    files: dict[str, tuple[int, int, int] | None]
    names: frozenset[str]
    changes: frozenset[str]


@contextmanager
def told_of_interruption(log: Log, *, is_in_place: bool) -> Iterator[None]:
    """Say on stderr whether a log was changed, where what is done within is interrupted.

    Args:
        is_in_place: the log itself is changed; else nothing is said.
    """
    before = _state_of(log) if is_in_place else None
    try:
        yield
    except ToldInterruption:
        raise
    except KeyboardInterrupt:
        if before is not None:
            _say(before, _state_of(log))
        raise


def _state_of(log: Log) -> _State:
    directory = log.directory or os.curdir
    paths = [file.path for file in log.files] + ([log.manifest_path] if log.manifest_path else [])
    names: list[str] = []
    with suppress(OSError):
        names = os.listdir(directory)
    changes = (name for name in names if CHANGE_FOLDER.fullmatch(name))
    whole = (os.path.join(directory, name) for name in changes)
    receipts = frozenset(path for path in whole if os.path.exists(os.path.join(path, RECEIPT_NAME)))
    others = frozenset(name for name in names if not is_ours(name))
    return _State({path: _stamp(path) for path in paths}, others, receipts)


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def _say(before: _State, now: _State) -> None:
    if (before.files, before.names) == (now.files, now.names):
        print("aoftool: interrupted; the log was not changed", file=sys.stderr)
        return
    print("aoftool: interrupted; the log is not what it was", file=sys.stderr)
    for path in sorted(now.changes - before.changes):
        tell(next_step("undo", path))


def told_on_the_way_back(receipt: str) -> None:
    """Say on stderr that an undo was interrupted, and that it can go on."""
    print("aoftool: interrupted; the log may be part of the way back", file=sys.stderr)
    tell(next_step("undo", receipt))
