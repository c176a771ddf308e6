"""Which paths are URLs of objects and not names of files, and how such names are taken apart.

Pure text: nothing is asked, and no package is loaded for it.
"""

from __future__ import annotations

import os
import re

from aoftool.errors import RefusedError
from aoftool.escape import shown_path
from aoftool.next_step import quoted
from aoftool.regex import regex

__all__ = ["above", "download_line", "is_remote", "is_web", "refuse_remote", "without_secrets"]

# Two letters and more: one is the drive of another system.
_URL = regex(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_WEB = ("http://", "https://")
# What may stand before the host of a URL, and behind its path, can be a password or a signature.
_USER = regex(r"(?<=://)[^/@]*@")
_QUERY = regex(r"\?.*", re.DOTALL)


def is_remote(path: str | os.PathLike[str] | None) -> bool:
    """Tell whether a path is a URL, such as `s3://bucket/key`."""
    if path is None:
        return False
    # Few names have the mark, and only they are worth a pattern.
    name = os.fspath(path)
    return "://" in name and _URL.match(name) is not None


def is_web(path: str) -> bool:
    """Tell whether a URL is one of a web server, which has files and no folders to list."""
    return path.lower().startswith(_WEB)


def above(path: str) -> str | None:
    """Return the prefix that a URL's last name stands in; None above a bucket or a host."""
    head, tail = os.path.split(path.rstrip("/"))
    return head if tail and _URL.sub("", head + "/").strip("/") and is_remote(head) else None


def without_secrets(path: str) -> str:
    """Return a URL as it may be shown: without user, password and query, which may be a signature."""
    shown = _USER.sub("", path)
    if is_web(shown):
        shown = _QUERY.sub("?...", shown)
    return shown_path(shown)


def refuse_remote(path: str | os.PathLike[str] | None, action: str, line: str) -> None:
    """Refuse a URL where only files on a disk will do.

    Args:
        action: what cannot be done, such as "repaired in place".
        line: what to type instead.

    Raises:
        RefusedError: the path is a URL.
    """
    if path is not None and is_remote(path):
        text = os.fspath(path)
        raise RefusedError(f"{without_secrets(text)} cannot be {action}", path=text, hint=line)


def download_line(path: str) -> str:
    """Return the line that copies an object, or all that is in a prefix, to this machine."""
    if path.lower().startswith("s3://"):
        return f"aws s3 cp --recursive {quoted(path)} COPY"
    if path.lower().startswith(("gs://", "gcs://")):
        return f"gcloud storage cp --recursive {quoted(path)} COPY"
    return f"curl -fo COPY {quoted(path)}" if is_web(path) else f"copy {quoted(path)} to this machine"
