"""Which server's loader to reproduce for a log, when nobody says: the one that wrote its RDB part."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["flavour_for", "writer_of"]

_REDIS = ((b"6.", "redis-6.2"), (b"7.0", "redis-7.0"), (b"7.2", "redis-7.2"), (b"7.", "redis-7.4"))


def writer_of(aux: Mapping[bytes, bytes]) -> str | None:
    """Return `valkey` or `redis` by the AUX fields of an RDB part, None when they do not tell."""
    if b"valkey-ver" in aux:
        return "valkey"
    return "redis" if b"redis-ver" in aux else None


def flavour_for(aux: Mapping[bytes, bytes]) -> str:
    """Return the name of a flavour of `aoftool.keyspace`; without a version, the newest Valkey's.

    A log without RDB part says nothing of its server; where loaders differ is rare and mostly about
    commands that only some of them have.
    """
    writer = writer_of(aux)
    if writer == "redis":
        version = aux[b"redis-ver"]
        # Older loaders than that of 6.2 were not measured.
        if version[:2] in (b"2.", b"3.", b"4.", b"5."):
            return "redis-6.2"
        return next((name for prefix, name in _REDIS if version.startswith(prefix)), "redis-8.0")
    old = writer == "valkey" and aux[b"valkey-ver"].startswith((b"7.", b"8."))
    return "valkey-8" if old else "valkey-9"
