"""Where output goes: one console for results, one for everything else.

Results go to stdout, all else to stderr. Text that came from a file is always passed as plain text:
markup, emoji codes and highlighting are off for good.
"""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, TextIO

from aoftool.errors import AoftoolError
from aoftool.escape import shown_text
from aoftool.next_step import told

if TYPE_CHECKING:
    from aoftool.report.lines import LineConsole

__all__ = ["Color", "line_console", "output_width", "render_error", "stdout_writer"]

# Wide enough that no table is cut when the output is a file or a pipe.
_PIPED_WIDTH = 160


class Color(str, Enum):
    """When to use colour: by detection, always, or never."""

    auto = "auto"
    always = "always"
    never = "never"


def output_width() -> int:
    """Return how wide lines on stdout may be, without loading more than that takes."""
    if not sys.stdout.isatty() and "COLUMNS" not in os.environ:
        return _PIPED_WIDTH
    from aoftool.cli.progress import terminal_columns

    return terminal_columns()


def stdout_writer() -> Callable[[bytes], object]:
    """Return what writes UTF-8 to stdout, behind what was written there as text.

    Bytes go as they are, unless a terminal shows them line by line or text has another encoding there.
    """
    out = sys.stdout
    # What programs put in the place of stdout may be text alone, and say no encoding.
    if out.isatty() or not out.encoding or codecs.lookup(out.encoding).name != "utf-8":
        return lambda text: out.write(text.decode())
    out.flush()
    return out.buffer.write


def line_console(color: Color = Color.auto, stream: TextIO | None = None) -> LineConsole:
    """Return a console on stdout, or on another stream."""
    from aoftool.cli.progress import end_progress
    from aoftool.report.lines import LineConsole

    end_progress()
    shown = stream or sys.stdout
    return LineConsole(shown, color=_shows_color(color, shown), width=output_width())


def _shows_color(color: Color, stream: TextIO) -> bool:
    if color is not Color.auto:
        return color is Color.always
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") in ("dumb", "unknown"):
        return False
    return stream.isatty()


def _safe(text: str) -> str:
    """Return text without control characters, whatever a path or a message brought along."""
    return shown_text(text).replace("\\\\", "\\")


def tell(advice: str | None) -> None:
    """Say on stderr how to go on: see `aoftool.next_step.told`."""
    for line in told(advice):
        print(f"   {line}", file=sys.stderr)


def render_error(error: AoftoolError) -> str:
    """Return the lines shown for an error: what, where, and what to type next."""
    lines = [f"aoftool: {_safe(error.message)}"]
    if error.path is not None:
        place = _safe(error.path)
        if error.offset is not None:
            place += f", offset {error.offset:,}"
        lines.append(f"   file: {place}")
    # Each of them alone is a way to go on.
    lines += [f"   {_safe(line)}" for line in told(error.hint)]
    return "\n".join(lines)
