"""aoftool: inspect, check, repair and rewrite Valkey and Redis append-only files.

The names below are for programs; docs/api.md shows how they are used and says what of them stays as it is.
Importing the package loads none of it: a name is looked up when it is asked for.
"""

import sys
from typing import TYPE_CHECKING

from aoftool.front import Front, lazily

if TYPE_CHECKING:
    from aoftool.analysis.commands.listing import CommandListing
    from aoftool.analysis.commands.model import LoggedCommand
    from aoftool.analysis.diff.model import Diff, KeyChange
    from aoftool.analysis.history.history import KeyHistory
    from aoftool.analysis.history.model import HistoryStep
    from aoftool.analysis.keys.model import KeyRow
    from aoftool.analysis.keys.rows import KeyRows
    from aoftool.aof.ending_model import ListingEnd
    from aoftool.aof.model import Log, LogFile, Place
    from aoftool.aof.moment import Moment
    from aoftool.api.checking import check
    from aoftool.api.diffing import diff
    from aoftool.api.history import history
    from aoftool.api.inspecting import Inspection, inspect
    from aoftool.api.keys import keys
    from aoftool.api.listing import commands
    from aoftool.api.opening import held_log, open_log
    from aoftool.api.repairing import RepairPlan, plan_repair
    from aoftool.api.rewriting import rewrite
    from aoftool.api.undoing import undo
    from aoftool.check.model import Finding, Level, Report
    from aoftool.errors import (
        AoftoolError,
        FormatError,
        InputError,
        LogInUseError,
        ManifestError,
        MissingExtraError,
        NotJudgedError,
        NotPermittedError,
        OutputExistsError,
        OverBudgetError,
        PlanStaleError,
        RdbError,
        ReadFailedError,
        RefusedError,
        RespError,
        SeveralLogsError,
        SinkError,
        SourceError,
        TruncatedError,
        UnsafePathError,
        UnsupportedError,
        UsageError,
        VerifyError,
    )
    from aoftool.pattern import Pattern
    from aoftool.repair.receipt import Receipt
    from aoftool.rewrite.model import Cut, Layout, OutputFormat, RewriteOptions, RewriteResult, Selection

__version__ = "0.1.0"

__all__ = [
    "AoftoolError",
    "CommandListing",
    "Cut",
    "Diff",
    "Finding",
    "FormatError",
    "HistoryStep",
    "InputError",
    "Inspection",
    "KeyChange",
    "KeyHistory",
    "KeyRow",
    "KeyRows",
    "Layout",
    "Level",
    "ListingEnd",
    "Log",
    "LogFile",
    "LogInUseError",
    "LoggedCommand",
    "ManifestError",
    "MissingExtraError",
    "Moment",
    "NotJudgedError",
    "NotPermittedError",
    "OutputExistsError",
    "OutputFormat",
    "OverBudgetError",
    "Pattern",
    "Place",
    "PlanStaleError",
    "RdbError",
    "ReadFailedError",
    "Receipt",
    "RefusedError",
    "RepairPlan",
    "Report",
    "RespError",
    "RewriteOptions",
    "RewriteResult",
    "Selection",
    "SeveralLogsError",
    "SinkError",
    "SourceError",
    "TruncatedError",
    "UnsafePathError",
    "UnsupportedError",
    "UsageError",
    "VerifyError",
    "__version__",
    "check",
    "commands",
    "diff",
    "held_log",
    "history",
    "inspect",
    "keys",
    "open_log",
    "plan_repair",
    "rewrite",
    "undo",
]

sys.modules[__name__].__class__ = Front
if not TYPE_CHECKING:
    __getattr__, __dir__ = lazily(__name__, __all__)
