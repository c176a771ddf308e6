"""Both scanners, so that every test of the room names the one it ran on."""

from __future__ import annotations

import importlib
import os
from typing import Any

import pytest


def load_scan(name: str) -> Any:
    """Return the `Scan` of `py` or `cy`; without the kernel skip, or fail where it must be there."""
    module = "aoftool.resp._scan_py" if name == "py" else "aoftool.resp._scan_cy"
    try:
        return importlib.import_module(module).Scan
    except ImportError:
        if os.environ.get("AOFTOOL_REQUIRE_NATIVE") == "1":
            raise
        pytest.skip("the native scanner is not built")


@pytest.fixture(params=["py", "cy"])
def scan_type(request: pytest.FixtureRequest) -> Any:
    """Give each implementation of the scanner in turn."""
    return load_scan(request.param)


@pytest.fixture
def both_scans() -> tuple[Any, Any]:
    """Give the reference and the kernel."""
    return load_scan("py"), load_scan("cy")
