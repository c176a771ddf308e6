"""What `aoftool --version` says: our version, the interpreter's, and which scanner is in use."""

from __future__ import annotations

import platform

__all__ = ["describe"]


def describe(version: str) -> str:
    """Return the text of `--version`."""
    from aoftool.resp.scanner import IMPLEMENTATION

    scanner = {"cy": "compiled kernel", "py": "Python reference"}[IMPLEMENTATION]
    return f"aoftool {version}\nPython {platform.python_version()}\nscanner: {scanner}"
