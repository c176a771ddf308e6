"""JSON to stdout: one object, or one object a line for streams.

ASCII only, so that no control character of any kind reaches a terminal.
"""

from __future__ import annotations

import json
import sys
from typing import Any

__all__ = ["print_json", "print_json_line"]


def print_json(body: dict[str, Any]) -> None:
    """Print one indented object; members keep their order."""
    json.dump(body, sys.stdout, indent=2)
    sys.stdout.write("\n")


def print_json_line(body: dict[str, Any]) -> None:
    """Print one object on one line."""
    sys.stdout.write(json.dumps(body, separators=(",", ":")) + "\n")
