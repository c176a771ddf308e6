"""What the options of `aoftool growth` mean, and which of them contradict each other or the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.cli.requests.growth import AxisChoice
from aoftool.errors import UsageError

if TYPE_CHECKING:
    from aoftool.analysis.census.reading import Reading
    from aoftool.cli.options.widths import Width
    from aoftool.cli.requests.growth import GrowthRequest

__all__ = ["refuse_steps"]


def refuse_steps(asked: GrowthRequest, width: Width | None, found: Reading) -> None:
    """Refuse steps that the log, or another option, has no room for.

    Raises:
        UsageError: so they are.
    """
    from aoftool.analysis.clock.model import Axis

    timed = found.axis.axis is Axis.TIME and asked.axis is AxisChoice.AUTO
    if width is not None and width.of_time != timed:
        hint = "give a width such as 1M" if width.of_time else "add --axis bytes"
        raise UsageError("the width of a step does not fit the axis", hint=hint)
    if asked.fold is None:
        return
    if asked.bucket is not None or asked.axis is not AxisChoice.AUTO:
        raise UsageError("--fold makes its own steps of time", hint="leave out --bucket and --axis")
    if asked.by is not None or asked.limit is not None:
        raise UsageError(
            "--fold adds up all that was written", hint="leave out --by and --limit, use --match"
        )
