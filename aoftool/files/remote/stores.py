"""Which store a URL is of; the one place that loads fsspec and the packages that it speaks through."""

from __future__ import annotations

import re
from typing import Any

from aoftool.errors import MissingExtraError, SourceError
from aoftool.files.remote.names import is_web
from aoftool.files.remote.s3 import S3Store
from aoftool.files.remote.store import Store
from aoftool.files.remote.web import WebStore

__all__ = ["store_of"]

_EXTRA = "pip install 'aoftool[remote]'"
_CONNECT_S, _READ_S = 10, 60
# Of these one file system reads every URL.
_BY_PROTOCOL = frozenset({"s3", "s3a", "gs", "gcs", "http", "https", "memory"})
_OF_THE_EXTRA = _BY_PROTOCOL | {"az", "abfs"}
_stores: dict[tuple[str, str], Store] = {}


def store_of(path: str) -> Store:
    """Return the store that a URL is of.

    Raises:
        MissingExtraError: the package that knows it is not installed.
        SourceError: no package knows it.
    """
    protocol, _, rest = path.partition("://")
    protocol = protocol.lower()
    # Some URLs name an account or a machine before the path.
    host = "" if protocol in _BY_PROTOCOL else rest.partition("/")[0]
    kept = _stores.get((protocol, host))
    if kept is None:
        kept = _stores[protocol, host] = _made(path, protocol)
    return kept


def _made(path: str, protocol: str) -> Store:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        message = f"{protocol}:// needs a package that is not installed"
        raise MissingExtraError(message, path=path, hint=_EXTRA) from error
    options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
    if protocol in ("s3", "s3a"):
        # Retries are ours: two layers of them would wait for minutes.
        limits = {"connect_timeout": _CONNECT_S, "read_timeout": _READ_S, "retries": {"max_attempts": 1}}
        options["config_kwargs"] = limits
    try:
        system, _ = url_to_fs(path, **options)
    except ImportError as error:
        known = protocol in _OF_THE_EXTRA
        message = f"{protocol}:// needs a package that is not installed"
        raise MissingExtraError(
            message, path=path, hint=_EXTRA if known else _to_install(str(error))
        ) from error
    except ValueError as error:
        hint = "s3://, gs://, az://, https:// and what else fsspec knows; or a file"
        raise SourceError(f"nothing here reads {protocol}://", path=path, hint=hint) from error
    if protocol in ("s3", "s3a"):
        system.retries = 2
        return S3Store(system)
    return WebStore(system) if is_web(path) else Store(system)


def _to_install(said: str) -> str:
    """Return the line that installs what fsspec says is missing, or what it says."""
    found = re.search(r'[Ii]nstall (?:the )?([\w-]+)|"([\w-]+)"', said)
    return said if found is None else f"pip install {found[1] or found[2]}"
