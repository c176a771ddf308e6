"""Which payloads of RESTORE and FUNCTION RESTORE a server takes."""

from __future__ import annotations

from aoftool.keyspace.flavour import Flavour
from aoftool.rdb.encode.targets import TARGETS, Target

__all__ = ["target_of"]


def target_of(flavour: Flavour) -> Target:
    """Return the target that a flavour reads payloads as."""
    return TARGETS[flavour.name]
