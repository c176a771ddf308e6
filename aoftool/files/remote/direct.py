"""Ranges straight from a connection into the room they are kept in, past the packages that know the stores.

Those take more processor time for a byte than reading a log does, and take it in one thread. They say what
to ask, with whose signature; here it is asked over connections of our own, each used by one thread at a time,
and the bytes are never held twice. An answer that is not exactly the range, and a connection that fails, is
no answer: whoever asked goes the way of the package, which tries again and has the words for what is wrong.
"""

from __future__ import annotations

import http.client
import ssl
import threading
import urllib.request
from collections.abc import Callable, Mapping
from email.message import Message
from urllib.parse import urlsplit

from aoftool.dataclass import dataclass
from aoftool.files.remote.store import Filling, OtherObjectError, ShortAnswerError

__all__ = ["DirectRanges", "Question", "is_straight"]

_TIMEOUT_S = 60.0
_IDLE_MOST = 8
# Smaller ones cost what a question costs, whoever asks. What a store refuses is asked once, by the package.
_SMALLEST = 1 << 20
# So many answers in a row that were none, and nobody is asked this way any more.
_FAILURES_MOST = 3
_PARTIAL, _CHANGED = 206, (412, 416)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for an object, but for the range.

    Attributes:
        url: with all that belongs into it.
        headers: a signature of them says nothing of further ones.
    """

    url: str
    headers: Mapping[str, str]


class DirectRanges:
    """Ranges of the objects of one store.

    Args:
        certificates: gives what a server must be certified by, as a file; None for what the system trusts.
    """

    def __init__(self, certificates: Callable[[], str | None] = lambda: None) -> None:
        self._certificates = certificates
        self._context: ssl.SSLContext | None = None
        self._idle: dict[tuple[str, str], list[http.client.HTTPConnection]] = {}
        self._lock = threading.Lock()
        self._failures = 0

    def is_for(self, length: int) -> bool:
        """Tell whether a range of a length is worth it: not where one answer after another was none."""
        return length >= _SMALLEST and self._failures < _FAILURES_MOST

    def get(
        self, question: Question, start: int, end: int, is_same: Callable[[Message], bool]
    ) -> memoryview | None:
        """Return a range of an object; None for an answer that is not this range, and for none.

        Args:
            is_same: tells by the headers of an answer whether it is of the object that is meant.

        Raises:
            OtherObjectError: another object has the name by now.
        """
        try:
            found = self._asked(question, start, end, is_same)
        except (OSError, http.client.HTTPException, ValueError, ShortAnswerError):
            found = None
        self._failures = 0 if found is not None else self._failures + 1
        return found

    def give_up(self) -> None:
        """Ask nobody this way any more."""
        self._failures = _FAILURES_MOST

    def _asked(
        self, question: Question, start: int, end: int, is_same: Callable[[Message], bool]
    ) -> memoryview | None:
        parts = urlsplit(question.url)
        place = (parts.scheme, parts.netloc)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = {**question.headers, "Range": f"bytes={start}-{end - 1}"}
        with self._lock:
            waiting = self._idle.setdefault(place, [])
            link = waiting.pop() if waiting else None
        answer = None if link is None else _answer_of(link, target, headers)
        if link is None or answer is None:
            # A connection that waited may have been closed meanwhile: that says nothing of the store.
            link = self._connected(*place)
            link.request("GET", target, headers=headers)
            answer = link.getresponse()
        try:
            found = _range_of(answer, start, end, is_same)
        except BaseException:
            link.close()
            raise
        if found is None or answer.will_close:
            link.close()
            return found
        with self._lock:
            if len(waiting) < _IDLE_MOST:
                waiting.append(link)
                return found
        link.close()
        return found

    def _connected(self, scheme: str, place: str) -> http.client.HTTPConnection:
        if scheme != "https":
            return http.client.HTTPConnection(place, timeout=_TIMEOUT_S)
        with self._lock:
            if self._context is None:
                self._context = ssl.create_default_context(cafile=self._certificates())
        return http.client.HTTPSConnection(place, timeout=_TIMEOUT_S, context=self._context)


def is_straight(url: str) -> bool:
    """Tell whether a URL is asked without a proxy and without a password in it, which packages know best."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or "@" in parts.netloc:
        return False
    host = parts.hostname or ""
    return parts.scheme not in urllib.request.getproxies() or bool(urllib.request.proxy_bypass(host))


def _answer_of(
    link: http.client.HTTPConnection, target: str, headers: Mapping[str, str]
) -> http.client.HTTPResponse | None:
    try:
        link.request("GET", target, headers=dict(headers))
        return link.getresponse()
    except (OSError, http.client.HTTPException):
        link.close()
        return None


def _range_of(
    answer: http.client.HTTPResponse, start: int, end: int, is_same: Callable[[Message], bool]
) -> memoryview | None:
    if answer.status in _CHANGED:
        raise OtherObjectError
    if answer.status != _PARTIAL:
        return None
    if not is_same(answer.headers):
        raise OtherObjectError
    told = answer.headers.get("Content-Range", "").replace(" ", "")
    if not told.startswith(f"bytes{start}-{end - 1}/") or answer.length != end - start:
        return None
    filling = Filling(end - start)
    while count := answer.readinto(filling.room):
        filling.filled(count)
    return filling.whole()
