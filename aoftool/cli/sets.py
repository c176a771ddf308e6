"""What verbs that only read say of a set whose files or manifest are not as a server left them.

Such a set is read as far as its files go, and what is missing from it is missing from the answer.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aoftool.cli.exit_codes import DONE, VERDICT
from aoftool.next_step import next_step
from aoftool.units import and_more

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aoftool.aof.model import LayoutProblem, Log

__all__ = ["tell_sets"]

# The others tell what is wrong with a set in their own place.
_READERS = frozenset(
    {"audit", "diff", "explain", "export", "growth", "history", "keys", "log", "rewrite", "simulate", "sql"}
)
_NAMERS = _READERS | {"fix", "inspect", "report"}
_TOLD = 3


def tell_sets(code: object, verb: str, logs: Sequence[Log], *, salvaged: bool) -> object:
    """Say on stderr what is wrong with the sets that were read; return the exit code of the verb.

    Args:
        code: what the verb would end with.
        salvaged: a repaired copy was asked for, so that what is missing is no verdict.
    """
    for log in logs if verb in _NAMERS else ():
        part = _part_of_set(log)
        if part:
            print(f"aoftool: note: {part}", file=sys.stderr)
        damage = _damage(log) if verb in _READERS else []
        if not damage:
            continue
        for problem in damage[:_TOLD]:
            print(f"aoftool: {problem.message} [{problem.code.value}]", file=sys.stderr)
        print(f"   read: {_read(log)}", f"   next: {next_step('check', log.path)}", sep="\n", file=sys.stderr)
        if not salvaged and (code is None or code == DONE) and not all(map(_is_loaded, damage)):
            code = VERDICT
    return code


def _damage(log: Log) -> list[LayoutProblem]:
    from aoftool.check.codes import Severity, severity_of

    return [problem for problem in log.problems if severity_of(problem, log) is Severity.DAMAGE]


def _read(log: Log) -> str:
    """Say which files were read, and where no manifest tells, which of those that lie there were not."""
    read = {file.path for file in log.files}
    others = [] if log.manifest_path is not None else [f for f in log.unlisted if f.path not in read]
    words = log.generation or "what is there"
    if not others:
        return words
    names = ", ".join(file.shown_name for file in others[:_TOLD]) + and_more(len(others) - _TOLD)
    return f"{words}; not read: {names}"


def _is_loaded(problem: LayoutProblem) -> bool:
    """Tell whether servers load a set as it is, whatever is wrong with it: the answer is what they hold."""
    from aoftool.aof.model import LayoutCode

    return problem.code in (
        LayoutCode.NO_BASE,
        LayoutCode.SEQ_GAP,
        LayoutCode.LISTED_TWICE,
        LayoutCode.EMPTY_BASE,
        LayoutCode.EMPTY_INCR,
    )


def _part_of_set(log: Log) -> str:
    from aoftool.aof.model import LayoutCode

    return next((p.message for p in log.problems if p.code is LayoutCode.PART_OF_SET), "")
