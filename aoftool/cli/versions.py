"""What `aoftool --version` says: our version, the interpreter's, the scanner in use, the releases known."""

from __future__ import annotations

import platform

__all__ = ["describe"]


def describe(version: str) -> str:
    """Return the text of `--version`."""
    from aoftool.kernels import KERNELS, kernels_there
    from aoftool.releases import RELEASES, in_words
    from aoftool.resp.scanner import scanner_name

    scanner = {"native": "compiled kernel", "python": "Python reference"}[scanner_name()]
    compiled = kernels_there()
    rest = "" if compiled == len(KERNELS) else "; the Python reference does the rest"
    measured = ", ".join(f"{r.family} {r.measured_on}" for r in RELEASES if r.is_measured)
    read = in_words([release.name for release in RELEASES if not release.is_measured])
    lines = (
        f"aoftool {version}",
        f"Python {platform.python_version()}",
        f"scanner: {scanner}",
        f"kernels: {compiled} of {len(KERNELS)} compiled{rest}",
        f"releases: {in_words([release.name for release in RELEASES])}",
        f"  measured on servers: {measured}",
        f"  not measured, from public sources and neighbours: {read}",
    )
    return "\n".join(lines)
