"""What it costs to define a class of fields: our `dataclass` and `NamedTuple` against the standard library.

    python -m benchmarks.classes

All define the same classes in turns, in one process; processor time, the least of the rounds.
"""

from __future__ import annotations

import time
from types import CodeType

CLASSES = 200
ROUNDS = 5
_FIELDS = ("a: int", "b: str", "c: float = 1.0", "d: tuple[int, ...] = ()", "e: int | None = None")


# By module: what it gives, and how a class starts.
_HEADS = {
    "dataclasses": ("dataclass", "@dataclass(frozen=True, slots=True)\nclass C{}:"),
    "aoftool.dataclass": ("dataclass", "@dataclass(frozen=True, slots=True)\nclass C{}:"),
    "typing": ("NamedTuple", "class C{}(NamedTuple):"),
    "aoftool.namedtuple": ("NamedTuple", "class C{}(NamedTuple):"),
}


def _code(module: str) -> CodeType:
    name, head = _HEADS[module]
    lines = ["from __future__ import annotations", f"from {module} import {name}"]
    for number in range(CLASSES):
        lines += [head.format(number), *(f"    {field}" for field in _FIELDS)]
    return compile("\n".join(lines), module, "exec")


def main() -> None:
    """Print a row for each."""
    codes = {module: _code(module) for module in _HEADS}
    taken_s: dict[str, list[float]] = {module: [] for module in codes}
    for _ in range(ROUNDS):
        for module, code in codes.items():
            started = time.process_time()
            exec(code, {"__name__": "__main__"})
            taken_s[module].append(time.process_time() - started)
    for module, rounds in taken_s.items():
        print(f"{module:18} {min(rounds) / CLASSES * 1000:6.3f} ms a class")


if __name__ == "__main__":
    main()
