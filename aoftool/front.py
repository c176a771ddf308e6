"""What `import aoftool` offers, without loading it: names are looked up when they are asked for (PEP 562).

Some functions bear the name of a room (`check`, `commands`, `rewrite`). The import system would put the room
in the place of the function as soon as anything loads it, so the package does not let it; the room is
reached by `from aoftool.check import ...`, and not by `import aoftool.check.model as ...`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

__all__ = ["HOMES", "Front", "lazily", "use_case"]

_OF_ERRORS = (
    "AoftoolError",
    "FormatError",
    "InputError",
    "LogInUseError",
    "ManifestError",
    "MissingExtraError",
    "NotJudgedError",
    "NotPermittedError",
    "OutputExistsError",
    "OverBudgetError",
    "PlanStaleError",
    "RdbError",
    "ReadFailedError",
    "RefusedError",
    "RespError",
    "SeveralLogsError",
    "SinkError",
    "SourceError",
    "TruncatedError",
    "UnsafePathError",
    "UnsupportedError",
    "UsageError",
    "VerifyError",
)
HOMES = {
    "open_log": "aoftool.api.opening",
    "held_log": "aoftool.api.opening",
    "commands": "aoftool.api.listing",
    "keys": "aoftool.api.keys",
    "check": "aoftool.api.checking",
    "plan_repair": "aoftool.api.repairing",
    "undo": "aoftool.api.undoing",
    "rewrite": "aoftool.api.rewriting",
    "inspect": "aoftool.api.inspecting",
    "history": "aoftool.api.history",
    "diff": "aoftool.api.diffing",
    "Moment": "aoftool.aof.moment",
    "Pattern": "aoftool.pattern",
    "Log": "aoftool.aof.model",
    "LogFile": "aoftool.aof.model",
    "Place": "aoftool.aof.model",
    "ListingEnd": "aoftool.aof.ending_model",
    "CommandListing": "aoftool.analysis.commands.listing",
    "LoggedCommand": "aoftool.analysis.commands.model",
    "KeyRow": "aoftool.analysis.keys.model",
    "KeyRows": "aoftool.analysis.keys.rows",
    "Report": "aoftool.check.model",
    "Finding": "aoftool.check.model",
    "Level": "aoftool.check.model",
    "RepairPlan": "aoftool.api.repairing",
    "Receipt": "aoftool.repair.receipt",
    "Cut": "aoftool.rewrite.model",
    "Selection": "aoftool.rewrite.model",
    "Layout": "aoftool.rewrite.model",
    "OutputFormat": "aoftool.rewrite.model",
    "RewriteOptions": "aoftool.rewrite.model",
    "RewriteResult": "aoftool.rewrite.model",
    "Inspection": "aoftool.api.inspecting",
    "KeyHistory": "aoftool.analysis.history.history",
    "HistoryStep": "aoftool.analysis.history.model",
    "Diff": "aoftool.analysis.diff.model",
    "KeyChange": "aoftool.analysis.diff.model",
    **dict.fromkeys(_OF_ERRORS, "aoftool.errors"),
}
"""Every public name, and the module that has it."""


_METHODS = {"to_arrow": "aoftool.api.tabling"}


def use_case(name: str) -> Any:
    """Return the use case that a method of a public record stands for, which lies below all use cases."""
    return getattr(import_module(_METHODS[name]), name)


class Front(ModuleType):
    """The package: an ordinary module whose functions keep their names when a room of that name is loaded."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Take whatever is set, but for a room under the name of a function."""
        if not (isinstance(value, ModuleType) and name in HOMES):
            super().__setattr__(name, value)


def lazily(package: str, offered: Sequence[str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` of a package that loads what it offers when it is asked for."""

    def get(name: str) -> Any:
        home = HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(home), name)

    return get, lambda: sorted(offered)
