"""What the options of `aoftool inspect` mean: whether a log is looked into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.cli.requests.inspect import PLAIN_GROUPS
from aoftool.errors import UsageError

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.cli.options.narrowing import Narrowing
    from aoftool.cli.requests.inspect import InspectRequest

__all__ = ["wants_contents"]


def wants_contents(asked: InspectRequest, counted: Narrowing, log: Log) -> bool:
    """Tell whether keys and values are looked at too: where that is asked for or needed, or takes no time.

    Raises:
        UsageError: it is needed, and not wanted.
    """
    needed = counted.narrows or bool(asked.savings) or asked.by not in PLAIN_GROUPS
    if asked.contents is False and needed:
        raise UsageError("what is asked for needs the contents", hint="leave out --no-contents")
    if asked.contents is not None:
        return asked.contents
    return needed or (log.size_bytes or 0) <= _contents_limit()


def _contents_limit() -> int:
    """Return up to which size a log is looked into without being asked."""
    from aoftool.resp.scanner import scanner_name

    return 256 << 20 if scanner_name() == "native" else 8 << 20
