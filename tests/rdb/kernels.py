"""Both implementations of a kernel of the room, so that a test names the one it ran on."""

from __future__ import annotations

import importlib
import os
from typing import Any

import pytest


def load_kernel(name: str, implementation: str) -> Any:
    """Return `_{name}_py` or `_{name}_cy`; without the kernel skip, or fail where it must be there."""
    try:
        return importlib.import_module(f"aoftool.rdb._{name}_{implementation}")
    except ImportError:
        if os.environ.get("AOFTOOL_REQUIRE_NATIVE") == "1":
            raise
        pytest.skip(f"the kernel {name} is not built")


def both(name: str) -> tuple[Any, Any]:
    """Return the reference and the kernel."""
    return load_kernel(name, "py"), load_kernel(name, "cy")
