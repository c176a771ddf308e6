"""strace: calls that sync, write, open, rename, close or fork, with threads told apart.

Reads `-f`, `-p`, `-o`, `-t`, `-tt`, `-ttt`, `-y` and `-T`; joins `<unfinished ...>` with its `resumed`.
The seconds are taken from the number behind `-T`, never by the look of a line.
"""

from __future__ import annotations

from aoftool.captures.lines import Text
from aoftool.captures.model import Call, Trace
from aoftool.captures.serverlog import seconds_of_day
from aoftool.dataclass import dataclass
from aoftool.regex import regex

__all__ = ["LINE", "read_strace"]

_HEAD = (
    r"(?:\[pid +(?P<pid>\d{1,10})\] +|(?P<tid>\d{1,10}) +)?"
    r"(?:(?P<unix>\d{9,11}[.,]\d{1,9})|(?P<clock>\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?))? *"
)
LINE = regex(
    _HEAD + r"(?:(?P<name>[a-z][a-z0-9_]{1,30})\("
    r"|<\.\.\. (?P<resumed>[a-z][a-z0-9_]{1,30}) resumed>)(?P<rest>.*)"
)
_LENGTH = regex(r"<(\d{1,7}[.,]\d{1,9})>\s*$")
_FD = regex(r"(?P<fd>\d{1,9})(?:<(?P<path>[^>]*)>)?(?P<rest>.*)")
_SIZE = regex(r", (\d{1,12})(?:, -?\d{1,18})?(?:\)| <unfinished)")
_NAMES = regex(r'"((?:[^"\\]|\\.)*)"')
_WRITES = frozenset(("write", "writev", "pwrite64", "pwritev"))
_BY_FD = _WRITES | {"fdatasync", "fsync", "sync_file_range", "close"}
_BY_NAME = frozenset(("openat", "open", "rename", "renameat", "renameat2"))
_KEPT = _BY_FD | _BY_NAME | {"clone", "clone3", "fork", "vfork"}
_GIVEN = regex(r"\) += (\d{1,9})\b")
_ERROR = regex(r"= -1 E[A-Z]+")
_MAX_OPEN = 4096


@dataclass(slots=True)
class _Begun:
    """A call whose end has not been read."""

    tid: int | None
    at_s: float | None
    name: str
    rest: str
    where: str
    number: int


def read_strace(text: Text) -> Trace:
    """Return the calls in order of their begin; ones that never ended are among them."""
    done: list[tuple[int, Call]] = []
    waiting: dict[tuple[int | None, str], _Begun] = {}
    unreadable = 0
    last: float | None = None
    is_dated = names_threads = False
    for index, line in enumerate(text.lines):
        match = LINE.match(line)
        if match is None:
            unreadable += bool(line.strip())
            continue
        tid = int(match["pid"] or match["tid"] or 0) or None
        at_s = float(match["unix"].replace(",", ".")) if match["unix"] else None
        if match["clock"]:
            at_s = seconds_of_day(match["clock"])
        last = at_s if at_s is not None else last
        is_dated = is_dated or bool(match["unix"])
        names_threads = names_threads or tid is not None
        name = match["name"] or match["resumed"]
        if name not in _KEPT:
            continue
        if match["resumed"]:
            begun = waiting.pop((tid, name), None)
            if begun is not None and (call := _ended(begun, match["rest"])):
                done.append((begun.number, call))
            continue
        begun = _Begun(tid, at_s, name, match["rest"], text.where(index), index)
        if "<unfinished" in match["rest"]:
            if len(waiting) < _MAX_OPEN:
                waiting[tid, name] = begun
        elif call := _ended(begun, match["rest"]):
            done.append((index, call))
    done.extend((begun.number, _never_ended(begun, last)) for begun in waiting.values())
    done.sort(key=lambda pair: pair[0])
    return Trace(text.name, tuple(call for _, call in done), is_dated, names_threads, unreadable)


def _ended(begun: _Begun, rest: str) -> Call | None:
    """Return a whole call; None where no length can be read, as it may be cut."""
    length = _LENGTH.search(rest)
    if length is None or _ERROR.search(rest):
        return None
    return _call(begun, float(length[1].replace(",", ".")), True, rest)


def _never_ended(begun: _Begun, last: float | None) -> Call:
    known = begun.at_s is not None and last is not None
    seconds = max(0.0, (last or 0.0) - (begun.at_s or 0.0)) if known else 0.0
    return _call(begun, seconds, False, "")


def _call(begun: _Begun, seconds: float, ended: bool, end: str) -> Call:
    fd, path, other, size = None, "", "", None
    if begun.name in _BY_FD:
        match = _FD.match(begun.rest)
        if match is not None:
            fd, path = int(match["fd"]), match["path"] or ""
            if begun.name in _WRITES and (found := _SIZE.search(match["rest"])):
                size = int(found[1])
    else:
        names = _NAMES.findall(begun.rest)[:2]
        path = names[0] if names else ""
        other = names[1] if len(names) > 1 else ""
        fd = int(given[1]) if (given := _GIVEN.search(end)) and begun.name in ("open", "openat") else None
    return Call(begun.tid, begun.at_s, begun.name, fd, path, other, size, seconds, ended, begun.where)
