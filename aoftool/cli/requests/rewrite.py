"""What `aoftool rewrite` may be asked."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from aoftool.cli.declared import Option
from aoftool.cli.options.common_options import (
    DatabasesOption,
    JobsOption,
    LimitOption,
    PathArgument,
    WrittenByOption,
)
from aoftool.cli.options.looks import LooksOfWork
from aoftool.cli.options.moments import ToOption
from aoftool.cli.options.narrowing import DbOption, MatchOption
from aoftool.cli.options.writing import (
    HOW_PANEL,
    DryRunOption,
    ForceOption,
    InUseOption,
    NewOwnerOption,
    OutOption,
    SalvageOption,
    ServerOption,
    VerifyOption,
)
from aoftool.dataclass import dataclass

__all__ = ["CHUNK_ITEMS", "ROWS", "EngineOption", "FormatOption", "LayoutOption", "RewriteRequest"]

_WHAT = "What to write"
_KEYS = "Which keys"
CHUNK_ITEMS = 64
ROWS = 12


class EngineOption(str, Enum):
    """Who computes the result."""

    own = "own"
    server = "server"


class FormatOption(str, Enum):
    """How the data are written."""

    rdb = "rdb"
    resp = "resp"


class LayoutOption(str, Enum):
    """What files there will be."""

    multi_part = "multi-part"
    single = "single"


@dataclass(frozen=True)
class RewriteRequest(LooksOfWork):
    """What `aoftool rewrite` is asked."""

    path: PathArgument = None
    out: OutOption = None
    in_place: Annotated[
        bool,
        Option("--in-place", help="Replace the log, undoably.", rich_help_panel=HOW_PANEL),
    ] = False
    dry_run: DryRunOption = False
    quick: Annotated[
        bool,
        Option(
            "--quick",
            help="Estimate only: replay a sample at most, write nothing.",
            rich_help_panel=HOW_PANEL,
        ),
    ] = False
    force: ForceOption = False
    engine: Annotated[
        EngineOption,
        Option(
            "--engine",
            help="server: load the log on a private real server, which runs its scripts, and let that"
            " rewrite it.",
            rich_help_panel=HOW_PANEL,
        ),
    ] = EngineOption.own
    salvage: SalvageOption = False
    in_use: InUseOption = False
    new_owner: NewOwnerOption = False
    verify: VerifyOption = False
    server: ServerOption = None
    form: Annotated[
        FormatOption,
        Option("--format", help="An RDB base, or commands.", rich_help_panel=_WHAT),
    ] = FormatOption.rdb
    layout: Annotated[
        LayoutOption | None,
        Option(
            "--layout",
            help="A directory with a manifest, or one file. Default: as the log.",
            rich_help_panel=_WHAT,
        ),
    ] = None
    target: Annotated[
        str | None,
        Option(
            "--target",
            metavar="SERVER",
            help="Release the result is for, such as redis-7.2; valkey-9 is what every release of that"
            " major version reads. Default: the one that wrote the log.",
            rich_help_panel=_WHAT,
        ),
    ] = None
    written_by: WrittenByOption = None
    databases: DatabasesOption = None
    chunk_items: Annotated[
        int,
        Option(
            "--chunk-items", min=1, help="Elements in one command, with --format resp.", rich_help_panel=_WHAT
        ),
    ] = CHUNK_ITEMS
    drop_unsupported: Annotated[
        bool,
        Option(
            "--drop-unsupported",
            help="Leave out what the target cannot hold (module data, functions, expire times of hash"
            " fields, idempotent producers, commands it lacks), and list it.",
            rich_help_panel=_WHAT,
        ),
    ] = False
    memory_limit: Annotated[
        str | None,
        Option(
            "--memory-limit",
            metavar="SIZE",
            help="Bound the memory, that of all --jobs together, such as 256MB: what does not fit waits on"
            " disk, beside the result.",
            rich_help_panel=HOW_PANEL,
        ),
    ] = None
    jobs: JobsOption = None
    to: ToOption = None
    drop_expired: Annotated[
        bool,
        Option("--drop-expired", help="Leave out keys whose time has passed.", rich_help_panel=_KEYS),
    ] = False
    now: Annotated[
        str | None,
        Option(
            "--now", metavar="TIME", help="The clock for expire times; default: now.", rich_help_panel=_KEYS
        ),
    ] = None
    db: DbOption = None
    match: MatchOption = None
    rename_db: Annotated[
        list[str] | None,
        Option(
            "--rename-db",
            metavar="OLD=NEW",
            help="Write a database under another number; may repeat.",
            rich_help_panel=_KEYS,
        ),
    ] = None
    limit: LimitOption = ROWS
