"""What `aoftool explain` may be asked."""

from __future__ import annotations

from aoftool.cli.options.common_options import PathArgument
from aoftool.cli.options.looks import Looks
from aoftool.cli.options.moments import AtOption
from aoftool.cli.options.narrowing import DbOption, KeyOption
from aoftool.dataclass import dataclass

__all__ = ["ExplainRequest"]


@dataclass(frozen=True)
class ExplainRequest(Looks):
    """What `aoftool explain` is asked."""

    path: PathArgument = None
    at: AtOption = None
    key: KeyOption = None
    db: DbOption = None
