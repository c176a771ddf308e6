"""Web servers: files that are read in ranges, and pages of links in place of folders."""

from __future__ import annotations

from email.message import Message
from typing import Any

from aoftool.files.remote.direct import DirectRanges, Question, is_straight
from aoftool.files.remote.store import (
    PIECE_BYTES,
    Filling,
    ObjectStatus,
    OtherObjectError,
    ShortAnswerError,
    Store,
    WholeFilesOnlyError,
    in_place_of,
    nanoseconds,
)

__all__ = ["WebStore"]

_PARTIAL, _NOT_FOUND, _GONE, _DENIED, _CHANGED = 206, 404, 410, (401, 403), (412, 416)


class WebStore(Store):
    """A web server that gives ranges; asked for one ETag or time of change, as far as it tells them."""

    def __init__(self, system: Any) -> None:
        super().__init__(system)
        self._direct = DirectRanges()

    def status(self, path: str) -> ObjectStatus | None:
        """Return what stands under a URL; None for one that ends as a folder."""
        if path.endswith("/"):
            return None
        from fsspec.asyn import sync

        found: ObjectStatus = sync(self.system.loop, self._head, path)
        return found

    async def _head(self, path: str) -> ObjectStatus:
        session = await self.system.set_session()
        asked = {"headers": {"Accept-Encoding": "identity"}, "allow_redirects": True}
        async with session.head(self.system.encode_url(path), **asked) as answer:
            _refuse_status(answer.status, path)
            length = answer.headers.get("Content-Length")
            if length is None:
                raise ShortAnswerError("the server does not say how large the file is")
            time = answer.headers.get("Last-Modified")
            mark = answer.headers.get("ETag") or time or ""
            return ObjectStatus(int(length), mark, modified_ns=nanoseconds(time))

    def read(self, path: str, status: ObjectStatus, start: int, end: int) -> memoryview:
        """Return a range of a file, as `Store.read`."""
        from fsspec.asyn import sync

        found = self._read_directly(path, status, start, end) if self._direct.is_for(end - start) else None
        if found is None:
            found = sync(self.system.loop, self._get, path, status, start, end)
        return found

    def _read_directly(self, path: str, status: ObjectStatus, start: int, end: int) -> memoryview | None:
        url = str(self.system.encode_url(path))
        # Settings of a session, such as who logs in, are for the package.
        if not is_straight(url) or self.system.client_kwargs:
            self._direct.give_up()
            return None
        question = Question(url, _headers_for(status))

        def is_same(answer: Message) -> bool:
            return (answer.get("ETag") or answer.get("Last-Modified") or status.mark) == status.mark

        return self._direct.get(question, start, end, is_same)

    async def _get(self, path: str, status: ObjectStatus, start: int, end: int) -> memoryview:
        session = await self.system.set_session()
        headers = {"Range": f"bytes={start}-{end - 1}", **_headers_for(status)}
        async with session.get(self.system.encode_url(path), headers=headers) as answer:
            if answer.status in _CHANGED:
                raise OtherObjectError
            _refuse_status(answer.status, path)
            mark = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or status.mark
            if mark != status.mark:
                raise OtherObjectError
            if answer.status != _PARTIAL and (start, end) != (0, status.size_bytes):
                raise WholeFilesOnlyError("the server gives whole files only, and no ranges of them")
            told = answer.headers.get("Content-Range", "").rpartition("/")[2]
            if told.isdigit() and int(told) != status.size_bytes:
                raise OtherObjectError
            if int(answer.headers.get("Content-Length", end - start)) != end - start:
                raise ShortAnswerError(in_place_of(answer.headers["Content-Length"], end - start))
            filling = Filling(end - start)
            while piece := await answer.content.read(PIECE_BYTES):
                filling.add(piece)
            return filling.whole()

    def names(self, path: str) -> list[tuple[str, str, int | None]]:
        """Return the names that a page of a folder links to; none where there is no such page."""
        base = path.rstrip("/") + "/"
        try:
            links = self.system.ls(base, detail=False)
        except FileNotFoundError:
            return []
        found = {}
        for link in links:
            name = str(link).removeprefix(base)
            if (
                str(link).startswith(base)
                and name.strip("/")
                and "/" not in name.rstrip("/")
                and "?" not in name
            ):
                kind = "directory" if name.endswith("/") else "file"
                found[name.rstrip("/")] = kind
        return [(name, kind, None) for name, kind in sorted(found.items())]


def _headers_for(status: ObjectStatus) -> dict[str, str]:
    # A weak ETag is no promise of the same bytes, and servers refuse it here.
    match = {"If-Match": status.mark} if status.mark.startswith('"') else {}
    return {"Accept-Encoding": "identity", "User-Agent": "aoftool", **match}


def _refuse_status(status: int, path: str) -> None:
    if status in (_NOT_FOUND, _GONE):
        raise FileNotFoundError(path)
    if status in _DENIED:
        raise PermissionError(f"the server answers {status}")
    if status >= 400:
        raise OSError(f"the server answers {status}")
