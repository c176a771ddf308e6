"""Compiled kernels for tests: the one place that says what a missing one means.

Without a compiler tests of kernels are skipped. With AOFTOOL_REQUIRE_NATIVE=1 a missing kernel is
a failure. Kernels are imported here even where AOFTOOL_PURE asks the package for the references.
"""

from __future__ import annotations

import importlib
import os
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import pytest

from aoftool.kernels import KERNELS, kernel_alone

__all__ = ["REQUIRED", "both", "compiled", "needs", "twin", "twins"]

REQUIRED = os.environ.get("AOFTOOL_REQUIRE_NATIVE") == "1"


def _full(name: str) -> str:
    found = [full for full in KERNELS if full == name or full.endswith(f"._{name}_cy")]
    assert len(found) == 1, name
    return found[0]


def compiled(name: str) -> ModuleType:
    """Return a kernel by the middle of its name; without it skip the test, or fail where it must be there."""
    try:
        return importlib.import_module(_full(name))
    except ImportError:
        if REQUIRED:
            raise
        pytest.skip(f"the kernel {name} is not built")


def twin(name: str, implementation: str) -> Any:
    """Return one of two twins, `py` or `cy`."""
    if implementation == "cy":
        return compiled(name)
    return importlib.import_module(_full(name).removesuffix("_cy") + "_py")


def both(name: str) -> tuple[Any, Any]:
    """Return the reference and the kernel."""
    return twin(name, "py"), twin(name, "cy")


def twins(name: str) -> list[Any]:
    """Return parameters for a test of both twins."""
    reference = pytest.param(twin(name, "py"), id="py")
    if not REQUIRED and find_spec(_full(name)) is None:
        skip = pytest.mark.skip(reason=f"the kernel {name} is not built")
        return [reference, pytest.param(None, id="cy", marks=skip)]
    return [reference, pytest.param(twin(name, "cy"), id="cy")]


def needs(*names: str) -> pytest.MarkDecorator:
    """Return a mark for tests of what uses kernels; nothing does where the references were asked for."""
    absent = [name for name in names if kernel_alone(_full(name)) is None]
    return pytest.mark.skipif(
        bool(absent) and not REQUIRED, reason=f"kernels that are not built: {', '.join(absent)}"
    )
