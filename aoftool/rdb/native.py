"""Choose between a compiled kernel and its Python reference, once, when the room is imported."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

__all__ = ["PURE", "kernel"]

# True when AOFTOOL_PURE asks for the Python reference; "0" and the empty text mean no.
PURE = os.environ.get("AOFTOOL_PURE", "0") not in ("", "0")


def kernel(name: str, reference: ModuleType) -> ModuleType:
    """Return the compiled module of that name, or the reference where there is none to use.

    Args:
        name: module name inside `aoftool.rdb`, such as `_lzf_cy`.
        reference: the Python twin, whose answers are the specification.
    """
    if PURE:
        return reference
    try:
        return importlib.import_module(f"aoftool.rdb.{name}")
    except ImportError:
        return reference
