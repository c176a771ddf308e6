"""Which payloads of RESTORE and FUNCTION RESTORE a server takes."""

from __future__ import annotations

from dataclasses import replace

from aoftool.keyspace.flavour import Flavour
from aoftool.rdb.targets import TARGETS, Target

__all__ = ["target_of"]


def target_of(flavour: Flavour) -> Target:
    """Return the target that a flavour reads payloads as.

    A release that no target stands for reads as the one before it does, up to its own RDB version.
    """
    if flavour.name in TARGETS:
        return TARGETS[flavour.name]
    older = [
        t for t in TARGETS.values() if t.flavour == flavour.family and t.rdb_version <= flavour.rdb_version
    ]
    return replace(older[-1], name=flavour.name, rdb_version=flavour.rdb_version)
