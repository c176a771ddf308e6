"""S3 and what speaks as it does."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from contextvars import ContextVar
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
    in_place_of,
)

__all__ = ["S3Store"]

# A signature is good for a quarter of an hour, by clocks that may differ.
_SIGNED_S = 240.0
_SIGNED_MOST = 64
_BEFORE_SEND = "before-send.s3.GetObject"

_stop_at_send: ContextVar[bool] = ContextVar("_stop_at_send", default=False)


class _SignedError(Exception):
    """Not sent: here is what would have been."""

    def __init__(self, request: Any) -> None:
        super().__init__("signed")
        self.request = request


class S3Store(Store):
    """S3 and what speaks as it does: asked for one ETag, and one version where the bucket keeps them."""

    def __init__(self, system: Any) -> None:
        super().__init__(system)
        self._direct = DirectRanges(self._certificates)
        self._signed: OrderedDict[tuple[str, str | None], tuple[float, Question]] = OrderedDict()
        self._signing = threading.Lock()

    def _info(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self.system.info(path, refresh=True)
        return found

    def _status_of(self, info: dict[str, Any]) -> ObjectStatus:
        plain = super()._status_of(info)
        version = info.get("VersionId")
        version = None if version in (None, "null") else str(version)
        return ObjectStatus(plain.size_bytes, plain.mark, version, plain.modified_ns)

    def read(self, path: str, status: ObjectStatus, start: int, end: int) -> memoryview:
        """Return a range of an object, as `Store.read`."""
        from fsspec.asyn import sync

        found = self._read_directly(path, status, start, end) if self._direct.is_for(end - start) else None
        if found is None:
            found = sync(self.system.loop, self._get, path, status, start, end)
        return found

    def _read_directly(self, path: str, status: ObjectStatus, start: int, end: int) -> memoryview | None:
        question = self._question(path, status)
        if question is None:
            self._direct.give_up()
            return None
        # Not signed, and so the same signature asks for every range.
        headers = {**question.headers}
        if status.version is None and status.mark:
            headers["If-Match"] = status.mark

        def is_same(answer: Message) -> bool:
            return not status.mark or answer.get("ETag", status.mark) == status.mark

        found = self._direct.get(Question(question.url, headers), start, end, is_same)
        if found is None:
            with self._signing:
                self._signed.pop((path, status.version), None)
        return found

    def _question(self, path: str, status: ObjectStatus) -> Question | None:
        """Return what is asked for an object, signed lately; None where it is better left to the package."""
        from fsspec.asyn import sync

        key = (path, status.version)
        with self._signing:
            kept = self._signed.get(key)
            if kept is not None and time.monotonic() - kept[0] < _SIGNED_S:
                return kept[1]
            when = time.monotonic()
            made: Question | None
            try:
                made = sync(self.system.loop, self._sign, path, status.version)
            except Exception:  # no credentials, no bucket: the package has the words for it
                return None
            if made is None or not is_straight(made.url) or self.system.client_kwargs:
                return None
            self._signed[key] = (when, made)
            while len(self._signed) > _SIGNED_MOST:
                self._signed.popitem(last=False)
            return made

    async def _sign(self, path: str, version: str | None) -> Question | None:
        """Let the package make and sign its question for an object, and stop it before it is sent."""
        bucket, key, _ = self.system.split_path(path)
        asked = {"Bucket": bucket, "Key": key, **({} if version is None else {"VersionId": version})}
        await self.system.set_session()
        client = await self.system.get_s3(bucket)
        client.meta.events.register(_BEFORE_SEND, _kept_from_sending, unique_id="aoftool-signed")
        asked = self.system._get_s3_method_kwargs(client.get_object, **asked)
        token = _stop_at_send.set(True)
        try:
            await client.get_object(**asked)
        except _SignedError as signed:
            headers = {name: _text(value) for name, value in signed.request.headers.items()}
            return Question(_text(signed.request.url), headers)
        finally:
            _stop_at_send.reset(token)
        return None

    def _certificates(self) -> str | None:
        from botocore.httpsession import get_cert_path

        found: str | None = get_cert_path(self.system.session.get_config_variable("ca_bundle") or True)
        return found

    async def _get(self, path: str, status: ObjectStatus, start: int, end: int) -> memoryview:
        bucket, key, _ = self.system.split_path(path)
        asked: dict[str, Any] = {"Bucket": bucket, "Key": key, "Range": f"bytes={start}-{end - 1}"}
        if status.version is not None:
            asked["VersionId"] = status.version
        elif status.mark:
            asked["IfMatch"] = status.mark
        try:
            answer = await self.system._call_s3("get_object", **asked)
        except OSError as error:
            if _code_of(error) in ("PreconditionFailed", "412", "InvalidRange", "416"):
                raise OtherObjectError from error
            raise
        async with answer["Body"] as body:
            if status.mark and answer.get("ETag", status.mark) != status.mark:
                raise OtherObjectError
            # Before anything is read: a store that gives all in place of a range could fill the memory.
            if answer.get("ContentLength", end - start) != end - start:
                raise ShortAnswerError(in_place_of(answer["ContentLength"], end - start))
            filling = Filling(end - start)
            while piece := await body.read(PIECE_BYTES):
                filling.add(piece)
            return filling.whole()


def _kept_from_sending(request: Any, **_: Any) -> None:
    if _stop_at_send.get():
        raise _SignedError(request)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _code_of(error: BaseException) -> str:
    """Return the code that S3 gave an error, empty where it gave none."""
    cause = error.__cause__ if error.__cause__ is not None else error
    answer = getattr(cause, "response", None) or {}
    return str(answer.get("Error", {}).get("Code", ""))
