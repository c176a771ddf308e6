"""What `aoftool --version` says: our version, the interpreter's, and which scanner is in use."""

from __future__ import annotations

import platform

__all__ = ["describe"]


def describe(version: str) -> str:
    """Return the text of `--version`."""
    from aoftool.resp.scanner import scanner_name

    scanner = {"native": "compiled kernel", "python": "Python reference"}[scanner_name()]
    return f"aoftool {version}\nPython {platform.python_version()}\nscanner: {scanner}"
