"""Which settings and INFO fields each release has, as measured: `settings/*.json`."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from aoftool.releases import Release

__all__ = ["DIRECTIVES", "all_settings", "defaults_of", "info_fields", "is_of_module", "settings_of"]

_PLACE = Path(__file__).parent / "settings"
DIRECTIVES = frozenset(("include", "user", "loadmodule", "rename-command", "sentinel"))
"""What stands in a file and is no setting."""
# Settings of modules that come with Redis since 8.0, which a server without them was measured for.
_OF_MODULES = ("search-", "ts-", "bf-", "cf-", "topk-", "json-", "vset-")
# Taken and ignored since 3.2 and 7.0. Source: src/config.c deprecated_configs.
_IGNORED = frozenset(("list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands"))


@lru_cache(maxsize=1)
def _all() -> dict[str, dict[str, Any]]:
    found = {}
    for path in sorted(_PLACE.glob("*.json")):
        found[path.stem] = json.loads(path.read_text("utf-8"))
    return found


def _names(row: dict[str, Any]) -> frozenset[str]:
    return frozenset((*row["settings"], *row["hidden"], *row["still_taken"]))


def is_of_module(name: str) -> bool:
    """Tell whether a setting may be one of a module: those are known to their module alone."""
    return "." in name or name.startswith(_OF_MODULES)


@lru_cache(maxsize=1)
def all_settings() -> frozenset[str]:
    """Return every name that any release takes in its file."""
    return frozenset().union(*(_names(row) for row in _all().values())) | DIRECTIVES | _IGNORED


def settings_of(release: Release | None) -> tuple[frozenset[str], bool]:
    """Return the names that a release takes, and whether that was measured on it.

    A release that was not measured takes what any does: Valkey 7.2 is Redis 7.2 by another name.
    """
    if release is None:
        return all_settings(), False
    row = _all().get(release.name)
    if row is not None:
        return _names(row) | DIRECTIVES | _IGNORED, True
    return all_settings(), False


def defaults_of(release: Release | None) -> dict[str, str | None]:
    """Return the settings of a release with their defaults; none where it was not measured."""
    row = _all().get(release.name) if release else None
    return {**row["settings"], **row["hidden"]} if row else {}


def info_fields(release: Release | None) -> frozenset[str]:
    """Return the fields of INFO of a release, of every one where it was not measured."""
    row = _all().get(release.name) if release else None
    rows = [row] if row else list(_all().values())
    return frozenset(name for row in rows for name in row["info"])
