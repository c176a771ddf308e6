"""Say whether the Python references were asked for instead of the compiled kernels."""

from __future__ import annotations

import os

__all__ = ["PURE"]

PURE = os.environ.get("AOFTOOL_PURE", "0") not in ("", "0")
"""True when `AOFTOOL_PURE` asks for the references; "0" and the empty text mean no. Read once, at import."""
