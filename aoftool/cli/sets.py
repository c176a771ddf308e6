"""What verbs that only read say of a set whose files or manifest are not as a server left them.

Such a set is read as far as its files go, and what is missing from it is missing from the answer.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aoftool.cli.console import tell
from aoftool.cli.exit_codes import DONE, VERDICT
from aoftool.next_step import next_step
from aoftool.units import and_more

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aoftool.aof.ending_model import Damage
    from aoftool.aof.model import LayoutProblem, Log

__all__ = ["tell_keys_twice", "tell_sets"]

# The others tell what is wrong with a set in their own place.
_READERS = frozenset(
    {"audit", "diff", "explain", "export", "growth", "history", "keys", "log", "rewrite", "simulate", "sql"}
)
_NAMERS = _READERS | {"fix", "inspect", "report"}
# Those whose answer is of the keys of a log.
_OF_KEYS = frozenset({"audit", "diff", "export", "history", "keys", "rewrite", "simulate", "sql"})
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
        for beside in _beside(log) if verb in _READERS or verb == "fix" else ():
            print(f"aoftool: note: {beside}", file=sys.stderr)
        damage = _damage(log) if verb in _READERS else []
        if not damage:
            continue
        for problem in damage[:_TOLD]:
            print(f"aoftool: {problem.message} [{problem.code.value}]", file=sys.stderr)
        print(f"   read: {_read(log)}", file=sys.stderr)
        tell(next_step("check", log.path))
        if not salvaged and (code is None or code == DONE) and not all(map(_is_loaded, damage)):
            code = VERDICT
    return code


def tell_keys_twice(code: object, verb: str, logs: Sequence[Log]) -> object:
    """Say on stderr where a key stands twice in a base, which servers refuse; return the exit code.

    Verbs read the last record of a key, or all of them; that there are two is for a check to say.
    """
    if verb not in _OF_KEYS or not (code is None or code == DONE):
        return code
    from aoftool.cli.ending import tell_damage

    for log in logs:
        place = _twice_in(log)
        if place is not None:
            code = tell_damage(log, place, read_on=True) or code
    return code


def _twice_in(log: Log) -> Damage | None:
    from aoftool.aof.log import open_log_file
    from aoftool.aof.model import LogKind
    from aoftool.rdb.damage import MESSAGES
    from aoftool.rdb.header import HEADER_BYTES, is_rdb

    first = next(iter(log.files), None)
    if first is None or not first.exists or log.kind is LogKind.STDIN:
        return None
    with open_log_file(first) as source:
        if not source.seekable or not is_rdb(source.peek(HEADER_BYTES)):
            return None
        from aoftool.rdb.verify.keys_twice import first_key_twice

        at = first_key_twice(source)
    return None if at is None else (first.shown_name, at, MESSAGES["duplicate-key"])


def _damage(log: Log) -> list[LayoutProblem]:
    from aoftool.aof.model import LayoutCode
    from aoftool.check.codes import Severity, severity_of

    # Who reads a file that is not there, or that may not be read, says so.
    told = {LayoutCode.MISSING_FILE, LayoutCode.UNSAFE_NAME, LayoutCode.NOT_A_FILE}
    found = (problem for problem in log.problems if problem.code not in told)
    return [problem for problem in found if severity_of(problem, log) is Severity.DAMAGE]


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


def _beside(log: Log) -> list[str]:
    """Return what is to be said of AOF directories beside the one that was read."""
    from aoftool.aof.model import LayoutCode

    return [problem.message for problem in log.problems if problem.code is LayoutCode.SET_BESIDE]


def _part_of_set(log: Log) -> str:
    from aoftool.aof.model import LayoutCode

    return next((p.message for p in log.problems if p.code is LayoutCode.PART_OF_SET), "")
