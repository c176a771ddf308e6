"""What a store that refuses or fails becomes: errors that name the object, say why, and what to type next."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import TypeVar

from aoftool.errors import AoftoolError, ReadFailedError, SourceError
from aoftool.escape import printable
from aoftool.files.remote.names import download_line, without_secrets
from aoftool.files.remote.store import OtherObjectError, ShortAnswerError, WholeFilesOnlyError

__all__ = ["asked_again", "refused_by_store"]

_Answer = TypeVar("_Answer")

_TRIES = 6
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 5.0
# Faults of ours, which no store is to be blamed for.
_BUGS = (AssertionError, NameError, TypeError, AttributeError, RecursionError, MemoryError)
# A second question would be answered alike.
_FINAL = (
    FileNotFoundError,
    PermissionError,
    NotADirectoryError,
    IsADirectoryError,
    ImportError,
    OtherObjectError,
    WholeFilesOnlyError,
    # What fsspec says where a kind of store has no such call at all: no listing, nothing to write to.
    NotImplementedError,
    AoftoolError,
)
_NO_CREDENTIALS = frozenset(
    {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "DefaultCredentialsError"}
    | {"ClientAuthenticationError", "TokenRetrievalError", "UnauthorizedSSOTokenError", "ProfileNotFound"}
)
_LOGIN = {
    "s3": "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; `aws configure` saves them",
    "gs": "gcloud auth application-default login\nor set GOOGLE_APPLICATION_CREDENTIALS",
    "az": "az login\nor set AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY",
}
_ALIKE = {"s3a": "s3", "gcs": "gs", "abfs": "az", "adl": "az"}


def asked_again(ask: Callable[[], _Answer], stopped: threading.Event | None = None) -> _Answer:
    """Return what a store answers, asked again for some seconds where it fails in a way that may pass.

    Args:
        ask: asks once.
        stopped: set when nobody waits for the answer any more.

    Raises:
        Exception: whatever the last try raised.
    """
    wait_s = _FIRST_WAIT_S
    event = stopped or threading.Event()
    for left in range(_TRIES - 1, -1, -1):
        try:
            return ask()
        except (*_FINAL, *_BUGS):
            raise
        except Exception as error:
            if not left or type(error).__name__ in _NO_CREDENTIALS:
                raise
            # Not all at the same moment: a store that is too busy would stay so.
            if event.wait(wait_s * random.uniform(0.5, 1.5)):
                raise
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
    raise AssertionError("every try returns or raises")


def refused_by_store(
    error: Exception, path: str, action: str = "read", offset: int | None = None
) -> AoftoolError:
    """Return the error for what a store gave instead of an answer.

    Args:
        path: the URL.
        action: what was asked, for the message.
        offset: in the object, where a range of it was asked.
    """
    if isinstance(error, AoftoolError):
        return error
    if isinstance(error, _BUGS):
        raise error
    shown = without_secrets(path)
    at = "" if offset is None else f" at offset {offset:,}"
    start = f"cannot {action} {shown}{at}"
    if isinstance(error, OtherObjectError):
        message = f"{start}: another object took its name while it was read"
        hint = "run this again; a bucket that keeps versions gives the old one to the end"
        return ReadFailedError(message, path=path, offset=offset, hint=hint)
    if isinstance(error, FileNotFoundError):
        return _missing(error, path, start, offset)
    protocol = path.partition("://")[0].lower()
    login = _LOGIN.get(_ALIKE.get(protocol, protocol), "see how the store is logged in to")
    if type(error).__name__ in _NO_CREDENTIALS:
        return SourceError(f"{start}: no credentials for {protocol}:// were found", path=path, hint=login)
    if isinstance(error, PermissionError):
        message = f"{start}: access denied ({_reason(error)})"
        hint = f"see whose credentials are used and what they may read\n{login}"
        return SourceError(message, path=path, hint=hint)
    if isinstance(error, WholeFilesOnlyError | NotImplementedError):
        told = str(error) or "this kind of store has no way to do it"
        return SourceError(f"{start}: {told}", path=path, hint=f"{download_line(path)}\nthen name the copy")
    if isinstance(error, ShortAnswerError):
        reason = f"the store keeps giving {error}" if str(error)[:1].isdigit() else str(error)
    else:
        reason = _reason(error)
    hint = "see whether the store can be reached and is well, then run this again"
    return ReadFailedError(f"{start}: {reason}", path=path, offset=offset, hint=hint)


def _missing(error: Exception, path: str, start: str, offset: int | None) -> AoftoolError:
    if offset is not None:
        message = f"{start}: the object was removed while it was read"
        return ReadFailedError(message, path=path, offset=offset, hint="see what removes it")
    protocol, _, rest = path.partition("://")
    bucket, _, key = rest.partition("/")
    if "bucket" in str(error).lower() or (not key and protocol.lower() not in ("http", "https")):
        message = f"{start}: there is no bucket {printable(bucket.encode('utf-8', 'surrogateescape'))}"
        return SourceError(
            message, path=path, hint="check the name of the bucket, and the region or endpoint"
        )
    message = f"{start}: there is no such object, and nothing under such a prefix"
    found = SourceError(message, path=path, hint="check the name")
    found.__cause__ = error
    return found


def _reason(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return printable(" ".join(text.split())[:300].encode("utf-8", "surrogateescape"))
