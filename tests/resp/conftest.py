"""Both scanners, so that every test of the room names the one it ran on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kernels import twin


def load_scan(name: str) -> Any:
    """Return the `Scan` of `py` or `cy`; without the kernel skip, or fail where it must be there."""
    return twin("scan", name).Scan


@pytest.fixture(params=["py", "cy"])
def scan_type(request: pytest.FixtureRequest) -> Any:
    """Give each implementation of the scanner in turn."""
    return load_scan(request.param)


@pytest.fixture
def both_scans() -> tuple[Any, Any]:
    """Give the reference and the kernel."""
    return load_scan("py"), load_scan("cy")
