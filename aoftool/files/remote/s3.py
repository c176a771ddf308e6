"""S3 and what speaks as it does."""

from __future__ import annotations

from typing import Any

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


class S3Store(Store):
    """S3 and what speaks as it does: asked for one ETag, and one version where the bucket keeps them."""

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

        found: memoryview = sync(self.system.loop, self._get, path, status, start, end)
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


def _code_of(error: BaseException) -> str:
    """Return the code that S3 gave an error, empty where it gave none."""
    cause = error.__cause__ if error.__cause__ is not None else error
    answer = getattr(cause, "response", None) or {}
    return str(answer.get("Error", {}).get("Code", ""))
