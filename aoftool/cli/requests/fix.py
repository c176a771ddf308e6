"""What `aoftool fix` may be asked."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from aoftool.cli.declared import Option
from aoftool.cli.options.common_options import PathArgument
from aoftool.cli.options.looks import LooksOfWork
from aoftool.cli.options.moments import ToOption
from aoftool.cli.options.narrowing import MatchOption
from aoftool.cli.options.writing import (
    HOW_PANEL,
    DryRunOption,
    ForceOption,
    InUseOption,
    MaxLossOption,
    NewOwnerOption,
    OutOption,
    SalvageOption,
    ServerOption,
    VerifyOption,
)
from aoftool.dataclass import dataclass

__all__ = ["AfterGapOption", "FixRequest"]

_WHAT = "What to repair"
_TAKE_OUT = "Take commands out"


class AfterGapOption(str, Enum):
    """What to do with commands behind a gap whose database is in doubt."""

    auto = "auto"
    assume = "assume"
    skip = "skip-to-select"
    stop = "stop"


@dataclass(frozen=True)
class FixRequest(LooksOfWork):
    """What `aoftool fix` is asked."""

    path: PathArgument = None
    salvage: SalvageOption = False
    after_gap: Annotated[
        AfterGapOption,
        Option(
            "--after-gap",
            help="When the database behind a gap is in doubt: assume the one before, skip to the next SELECT,"
            " stop there. auto assumes where the log uses one database or no SELECT can be lost, else skips.",
            rich_help_panel=_WHAT,
        ),
    ] = AfterGapOption.auto
    drop_duplicates: Annotated[
        bool,
        Option(
            "--drop-duplicates",
            help="Take out blocks that stand there twice in a row.",
            rich_help_panel=_WHAT,
        ),
    ] = False
    keep_unknown: Annotated[
        bool,
        Option(
            "--keep-unknown",
            help="Leave unknown names even where they are damaged; others stay anyway.",
            rich_help_panel=_WHAT,
        ),
    ] = False
    allow_empty: Annotated[
        bool,
        Option(
            "--allow-empty",
            help="With --salvage, make an empty set where files are gone and the others hold nothing.",
            rich_help_panel=_WHAT,
        ),
    ] = False
    to: ToOption = None
    drop: Annotated[
        list[str] | None,
        Option(
            "--drop",
            metavar="FILE:OFFSET",
            help="Take out the command that starts there.",
            rich_help_panel=_TAKE_OUT,
        ),
    ] = None
    drop_command: Annotated[
        str | None,
        Option(
            "--drop-command",
            metavar="NAME",
            help="Take out all commands of a name; with --match only of keys that match.",
            rich_help_panel=_TAKE_OUT,
        ),
    ] = None
    match: MatchOption = None
    out: OutOption = None
    force: ForceOption = False
    dry_run: DryRunOption = False
    yes: Annotated[bool, Option("-y", "--yes", help="Do not ask.", rich_help_panel=HOW_PANEL)] = False
    max_loss: MaxLossOption = None
    in_use: InUseOption = False
    new_owner: NewOwnerOption = False
    verify: VerifyOption = False
    server: ServerOption = None
