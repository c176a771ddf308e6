"""Choose between the compiled passes and their Python reference, once, at import.

`AOFTOOL_PURE=1` asks for the reference; without the compiled modules it is used silently. Knows
nothing of the passes themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.kernels import kernel_alone

__all__ = [
    "NATIVE",
    "KeyTable",
    "TraceBuilder",
    "add_dead",
    "drop_needless",
    "find_components",
    "mark_dead",
    "unite",
]

# One for all: the three share the table of keys.
NATIVE = all(kernel_alone(f"aoftool.liveness.{name}") for name in ("_keys_cy", "_passes_cy", "_trace_cy"))

if TYPE_CHECKING or not NATIVE:
    from aoftool.liveness._backward_py import mark_dead
    from aoftool.liveness._components_py import find_components, unite
    from aoftool.liveness._dead_py import add_dead
    from aoftool.liveness._keys_py import KeyTable
    from aoftool.liveness._needless_py import drop_needless
    from aoftool.liveness._trace_py import TraceBuilder
else:
    from aoftool.liveness._keys_cy import KeyTable
    from aoftool.liveness._passes_cy import add_dead, drop_needless, find_components, mark_dead, unite
    from aoftool.liveness._trace_native import NativeTraceBuilder as TraceBuilder
