"""What `aoftool probe` may be asked."""

from __future__ import annotations

from typing import Annotated

from aoftool.cli.declared import Argument, Option
from aoftool.cli.options.looks import Looks
from aoftool.dataclass import dataclass

__all__ = ["ProbeRequest"]

_DEFAULT_RATE = "3M"


@dataclass(frozen=True, kw_only=True)
class ProbeRequest(Looks):
    """What `aoftool probe` is asked."""

    directory: Annotated[
        str, Argument(metavar="DIR", help="Any directory of that disk, best the data directory.")
    ]
    rate: Annotated[str, Option("--rate", metavar="SIZE", help="Bytes a second to append; 16M at most.")] = (
        _DEFAULT_RATE
    )
    yes: Annotated[bool, Option("-y", "--yes", help="Do not ask.")] = False
