"""Which logs a fleet is: names, patterns, lists of names, folders of data directories, prefixes of stores.

Nothing is read but names; what a name leads to is told when its turn comes.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator

from aoftool.aof.layout import find_log, other_logs
from aoftool.errors import AoftoolError, InputError, SeveralLogsError
from aoftool.files.failures import reading
from aoftool.files.remote.names import is_remote
from aoftool.files.temporary import is_ours
from aoftool.regex import regex

__all__ = ["fleet_paths", "listed_paths"]

_PATTERN = regex(r"[*?\[]")
_LIST_BYTES = 64 << 20


def fleet_paths(patterns: Iterable[str]) -> list[str]:
    """Return the paths of all logs that patterns name, each once, in their order.

    A folder that holds several logs, such as the data directories of the nodes of a cluster, stands for all
    of them. A pattern that names nothing stands for itself, so that it is told. What this program wrote
    beside logs is none of a server's, and is passed over where anything else is named: the shell may have
    expanded the pattern.

    Raises:
        SourceError: a store cannot be listed.
    """
    passed_over: dict[str, bool] = {}
    for pattern in patterns:
        matching = list(_matching(pattern)) if _PATTERN.search(pattern) else []
        passed_over |= {path: is_ours(path) for path in matching}
        if not matching:
            # What a folder of ours holds was not met by chance when it is named to its end.
            passed_over[pattern] = is_ours(os.path.basename(pattern.rstrip("/")))
    named = [path for path, is_over in passed_over.items() if not is_over] or passed_over
    return list(dict.fromkeys(log for path in named for log in _logs_in(path)))


def listed_paths(name: str) -> list[str]:
    """Return the lines of a list of paths and patterns, without empty ones and those that begin with `#`.

    Raises:
        SourceError, ReadFailedError: it cannot be read.
        InputError: it is too large for a list of names.
    """
    with reading(name), open(name, "rb") as file:
        text = file.read(_LIST_BYTES + 1)
    if len(text) > _LIST_BYTES:
        raise InputError("this is too large for a list of logs", path=name, hint="one path a line")
    lines = (os.fsdecode(line.strip()) for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _matching(pattern: str) -> Iterator[str]:
    if not is_remote(pattern):
        yield from sorted(glob.glob(pattern))
        return
    from aoftool.files.remote.failures import asked_again, refused_by_store
    from aoftool.files.remote.stores import store_of

    store = store_of(pattern)
    try:
        found = asked_again(lambda: store.system.glob(pattern))
    except Exception as error:
        raise refused_by_store(error, pattern, "list") from error
    scheme = pattern.partition("://")[0]
    for name in sorted(map(str, found)):
        yield name if is_remote(name) else f"{scheme}://{name}"


def _logs_in(path: str) -> list[str]:
    """Return the logs of a folder of several, else the path itself, and what else lies in it."""
    is_folder = is_remote(path) or os.path.isdir(path)
    try:
        if is_folder:
            find_log(path)
            return [path, *other_logs(path)]
    except SeveralLogsError as error:
        return list(error.paths)
    except AoftoolError:
        pass  # told by its row
    return [path]
