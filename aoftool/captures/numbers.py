"""Numbers as tools print them, in any locale."""

from __future__ import annotations

from aoftool.regex import regex

__all__ = ["decimal", "integer"]

# No tool that is read here groups digits, so one comma can only be the decimal sign of a locale.
_DECIMAL = regex(r"[+-]?\d{1,18}(?:[.,]\d{0,18})?")
_INTEGER = regex(r"[+-]?\d{1,18}")


def decimal(text: str) -> float | None:
    """Return a number with a decimal point or comma; None for anything else, also for `inf` and `1e9`."""
    if _DECIMAL.fullmatch(text) is None or not text.isascii():
        return None
    return float(text.replace(",", "."))


def integer(text: str) -> int | None:
    """Return a whole number; None for anything else."""
    return int(text) if _INTEGER.fullmatch(text) and text.isascii() else None
