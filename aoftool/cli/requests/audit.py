"""What `aoftool audit` may be asked."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from aoftool.cli.declared import Option
from aoftool.cli.options.common_options import ContextOption, PathArgument
from aoftool.cli.options.looks import LooksOfRows
from aoftool.cli.options.moments import SinceOption, UntilOption
from aoftool.dataclass import dataclass

__all__ = ["AuditRequest", "Replay"]


class Replay(str, Enum):
    """Whether to replay the log, to tell what was lost."""

    auto = "auto"
    always = "always"
    never = "never"


@dataclass(frozen=True)
class AuditRequest(LooksOfRows):
    """What `aoftool audit` is asked."""

    path: PathArgument = None
    since: SinceOption = None
    until: UntilOption = None
    context: ContextOption = 3
    replay: Annotated[
        Replay, Option("--replay", help="Replay the log to tell what was lost; auto: up to 64 MiB.")
    ] = Replay.auto
