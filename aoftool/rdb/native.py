"""Choose between a compiled kernel and its Python reference, once, when the room is imported."""

from __future__ import annotations

import importlib
from types import ModuleType

from aoftool.native import PURE

__all__ = ["PURE", "kernel"]


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
