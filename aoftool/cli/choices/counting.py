"""What the options mean that narrow what `inspect` and `growth` count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.cli.options.narrowing import Narrowing, narrowing

if TYPE_CHECKING:
    from aoftool.aof.stretch import Stretch
    from aoftool.cli.requests.growth import GrowthRequest
    from aoftool.cli.requests.inspect import InspectRequest

__all__ = ["counted_part"]


def counted_part(asked: InspectRequest | GrowthRequest, stretch: Stretch) -> Narrowing:
    """Return what is counted.

    Raises:
        UsageError: as for `narrowing`.
    """
    return narrowing(
        stretch=stretch,
        db=asked.db,
        cmd=asked.cmd,
        match=asked.match,
        depth=asked.depth,
        separator=asked.separator,
    )
