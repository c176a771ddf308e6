"""JSON to stdout: one object, or one object a line for streams.

ASCII only, so that no control character of any kind reaches a terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["add_members", "json_line", "print_json", "print_json_line"]

_more: list[Callable[[], dict[str, Any]]] = []


def add_members(make: Callable[[], dict[str, Any]] | None) -> None:
    """Let every object that is printed from here on end with these members too; None ends that."""
    _more[:] = [] if make is None else [make]


def print_json(body: dict[str, Any]) -> None:
    """Print one indented object; members keep their order."""
    for make in _more:
        body = {**body, **make()}
    json.dump(body, sys.stdout, indent=2)
    sys.stdout.write("\n")


def print_json_line(body: dict[str, Any]) -> None:
    """Print one object on one line."""
    sys.stdout.write(json_line(body))


def json_line(body: dict[str, Any]) -> str:
    """Return one object on one line, its line feed included."""
    return json.dumps(body, separators=(",", ":")) + "\n"
