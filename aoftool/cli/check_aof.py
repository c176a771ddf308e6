"""`aoftool-check-aof`: what the checkers of the servers do, in their words, with our verdicts and our repair.

A program of its own, for a symbolic link named valkey-check-aof or redis-check-aof. Options, prompt, lines
and exit codes are those of the official ones; docs/checker.md tells where they differ. What those do
not print goes to stderr.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from aoftool import __version__
from aoftool.dataclass import dataclass
from aoftool.errors import AoftoolError, LogInUseError, UsageError
from aoftool.escape import shown_base, shown_path
from aoftool.next_step import next_step, told
from aoftool.units import counted

if TYPE_CHECKING:
    from aoftool.api.repairing import RepairPlan
    from aoftool.api.unattended.official import OfficialFile, OfficialView
    from aoftool.api.unattended.official_time import TimeCut
    from aoftool.repair.choice import Choice
    from aoftool.repair.limit import LossLimit

__all__ = ["LIMIT_VARIABLE", "main", "run"]

LIMIT_VARIABLE = "AOFTOOL_MAX_LOSS"
"""The environment variable that bounds what `--fix` and `--truncate-to-timestamp` may take out."""

_CLOSED_PIPE = 141
_LONG = 2**63


class _Exit(Exception):
    """Leave with a code, everything having been said."""

    def __init__(self, code: int = 1) -> None:
        self.code = code


@dataclass(frozen=True, slots=True)
class _Asked:
    path: str
    fix: bool = False
    timestamp: int = 0


def main() -> None:
    """Run the program and leave with its exit code."""
    from aoftool.cli.exit_codes import INTERRUPTED
    from aoftool.cli.plain_output import ready_streams
    from aoftool.cli.room import choose_room
    from aoftool.cli.signals import take_signals

    take_signals()
    ready_streams()
    choose_room()
    try:
        code = run(sys.argv[0], sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        code = _CLOSED_PIPE
    except KeyboardInterrupt:
        code = INTERRUPTED
    except OSError as error:
        # What the system refuses of a file is told as that; this is the output.
        print(f"aoftool: cannot write the output: {error.strerror}", file=sys.stderr)
        code = 1
    _lose_output()
    raise SystemExit(code)


def _lose_output() -> None:
    """Let what could not be written be lost: the interpreter would try again when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run(program: str, arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code: 0 or 1, as the official checkers."""
    try:
        asked = _asked(program, arguments)
        limit = _limit()
        _Run(asked, limit).run()
    except _Exit as left:
        return left.code
    except AoftoolError as error:
        place = "" if error.offset is None else f", offset {error.offset}"
        print(f"{error.message}{place}, aborting...")
        _hint(error.hint)
        return 1
    return 0


def _asked(program: str, arguments: Sequence[str]) -> _Asked:
    from aoftool.report.unattended.check_aof import usage

    name = shown_base(program)
    if len(arguments) == 1:
        if arguments[0] in ("-v", "--version"):
            print(f"{name} of aoftool {__version__}")
            raise _Exit(0)
        return _Asked(arguments[0])
    if len(arguments) == 2 and arguments[0] == "--fix":
        return _Asked(arguments[1], fix=True)
    if len(arguments) == 3 and arguments[0] == "--truncate-to-timestamp":
        number = re.fullmatch(r"\s*[+-]?[0-9]+", arguments[1], re.ASCII)
        if number is None or not -_LONG <= int(arguments[1]) < _LONG:
            print("Invalid timestamp, aborting...")
            raise _Exit
        return _Asked(arguments[2], timestamp=int(arguments[1]))
    print(usage(shown_path(program)))
    raise _Exit


def _limit() -> LossLimit | None:
    from aoftool.cli.options.writing import parse_loss

    text = os.environ.get(LIMIT_VARIABLE, "")
    try:
        return parse_loss(text, LIMIT_VARIABLE) if text else None
    except UsageError as error:
        # Told before anything is looked at: a limit that nobody can read must not count as none.
        raise UsageError(f"{error.message}, and it is {text!a}", hint=f"{LIMIT_VARIABLE}=64k") from error


def _hint(text: str | None) -> None:
    for line in told(text):
        print(f"aoftool: {line}", file=sys.stderr)


class _Run:
    """One check: file by file, as the official checkers, which stop at the first that is not valid."""

    def __init__(self, asked: _Asked, limit: LossLimit | None) -> None:
        self._asked = asked
        self._limit = limit
        self._line = 1
        self._cut: TimeCut | None = None
        self._is_repaired = False

    def run(self) -> None:
        from aoftool.api.unattended.official import official_view

        self._open()
        view = official_view(self._log)
        if view.is_set:
            print("Start checking Multi Part AOF")
        else:
            print("Start checking Old-Style AOF")
        for line in view.fatal:
            print(line)
        if view.fatal and not self._asked.fix:
            raise _Exit
        if view.fatal:
            self._repair(view, None)
        self._cut = self._time_cut(view)
        self._files(view)
        if view.rest and not self._is_repaired:
            for text in view.rest:
                print(text)
            if not self._asked.fix:
                print(f"AOF {self._shown} is not valid. Use the --fix option to try fixing it.")
                _hint(next_step("check", self._asked.path))
                raise _Exit
            self._repair(view, None)
        if view.is_set:
            print("All AOF files and manifest are valid")

    def _open(self) -> None:
        from aoftool.aof.layout import find_log

        path = self._asked.path
        self._shown = shown_path(path)
        if os.path.isdir(path):
            print(f"Cannot read file: {self._shown}")
            raise _Exit
        try:
            os.stat(path)
        except OSError as error:
            print(f"Cannot open file {self._shown}: {error.strerror}")
            raise _Exit from error
        self._log = find_log(path)

    def _time_cut(self, view: OfficialView) -> TimeCut | None:
        from aoftool.api.unattended.official_time import time_cut

        if not self._asked.timestamp or view.fatal or not any(file.has_times for file in view.files):
            return None
        return time_cut(self._log, self._asked.timestamp)

    def _files(self, view: OfficialView) -> None:
        from aoftool.aof.model import FileRole
        from aoftool.report.unattended.check_aof import opening

        said_incr = False
        for file in view.files:
            if file.role is FileRole.INCR and not said_incr:
                print("Start to check INCR files.")
                said_incr = True
            is_base = file.role is FileRole.BASE
            if self._is_repaired and file.is_bad:
                continue
            if self._cannot_open(file, is_base):
                self._or_repair(view, file)
                continue
            for line in opening(file.path, is_base=is_base, is_rdb=file.is_rdb):
                print(line)
            self._one(view, file)

    def _cannot_open(self, file: OfficialFile, is_base: bool) -> bool:
        from aoftool.api.unattended.official import FileState

        if file.state not in (FileState.MISSING, FileState.UNREADABLE):
            return False
        print(f"Cannot open file {file.path}: {file.reason}{'' if is_base else ', aborting...'}")
        return True

    def _one(self, view: OfficialView, file: OfficialFile) -> None:
        from aoftool.api.unattended.official import FileState
        from aoftool.report.unattended.check_aof import analyzed, style

        name = f"{style(file.role)} {file.shown}"
        if file.state is FileState.EMPTY:
            print(f"{name} is empty")
            return
        if file.state is FileState.RDB_DAMAGED:
            # Nobody cuts a log behind a base that cannot be read.
            for line in file.errors:
                print(line)
            self._or_repair(view, file, "RDB preamble of AOF file is not sane, aborting.")
            return
        if file.is_rdb:
            print("RDB preamble is OK, proceeding with AOF tail...")
        cut = self._cut
        if self._asked.timestamp and file.bad_time:
            print("Invalid timestamp annotation")
            raise _Exit
        if cut is not None and view.files[cut.file] is file and cut.offset <= file.ok_up_to:
            self._cut_at_time(view, file, cut)
            return
        for line in file.errors:
            print(line)
        self._line += file.lines
        if self._asked.timestamp and file.state is FileState.VALID:
            print(f"Truncate nothing in AOF {file.shown} to timestamp {self._asked.timestamp}")
        else:
            print(analyzed(file.shown, file.size_bytes, file.ok_up_to, self._line))
        if file.state is FileState.NOT_VALID:
            refusal = f"AOF {file.shown} is not valid. Use the --fix option to try fixing it."
            self._or_repair(view, file, refusal)
            return
        print(f"{name} is valid")

    def _or_repair(self, view: OfficialView, file: OfficialFile, refusal: str = "") -> None:
        if not self._asked.fix:
            if refusal:
                print(refusal)
            _hint(next_step("check", self._asked.path))
            raise _Exit
        self._repair(view, file, refusal)

    def _repair(self, view: OfficialView, file: OfficialFile | None, refusal: str = "") -> None:
        """Do what `--fix` asks for, once for all files; leave when it cannot be done."""
        from aoftool.api.unattended.official import FileState
        from aoftool.api.unattended.within_limit import repair_within
        from aoftool.repair.limit import LossLimit

        # As much as the official checkers would cut, where nobody says less or more.
        limit = LossLimit(most_bytes=view.cut_bytes) if self._limit is None else self._limit
        chosen = repair_within(self._log, self._choices(view), limit)
        if chosen.plan is None or chosen.plan.empty:
            shown = self._shown if file is None else file.shown
            if file is not None and file.state is FileState.NOT_VALID and not file.is_last:
                print(f"Failed to truncate AOF {shown} because it is not the last file")
            elif refusal and not chosen.over_limit:
                print(refusal if file is None or not file.is_last else f"Failed to truncate AOF {shown}")
            else:
                print(f"Failed to truncate AOF {shown}: {chosen.reason}")
            print(f"aoftool: {chosen.reason}", file=sys.stderr)
            _hint(next_step("fix", self._asked.path, "--dry-run", "--salvage"))
            raise _Exit
        self._carry_out(chosen.plan, view.files, ask=True)
        self._is_repaired = True

    def _choices(self, view: OfficialView) -> list[Choice]:
        """Return the repairs to try: what loses nothing, what keeps what stands behind damage, the cut."""
        from aoftool.repair.choice import Choice

        found = [Choice(), Choice(salvage=True)]
        bad = view.first_bad
        if view.cut_bytes and bad is not None and bad.stops:
            found.append(Choice(to_offset=(view.log.files[-1].path, bad.ok_up_to)))
        return found

    def _carry_out(self, planned: RepairPlan, files: Iterable[OfficialFile], *, ask: bool) -> None:
        from aoftool.report.unattended.check_aof import changed_lines, done_lines

        with planned:
            plan = planned.plan
            names = self._names(files)
            if ask:
                for line in changed_lines(plan.files, names, planned.loss):
                    print(line)
                _ask()
            try:
                receipt = planned.apply()
            except LogInUseError as error:
                print(f"Failed to truncate AOF {self._shown}: {error.message}")
                _hint("stop the server first")
                raise _Exit from error
            if ask:
                for line in done_lines(plan.files, names):
                    print(line)
            size, commands = planned.loss
            gone = (
                f"{counted(size, 'byte')}, {counted(commands, 'whole command')} with them, taken out and kept"
            )
            told = gone if size or commands else "nothing that is data was taken out"
            print(f"aoftool: {told}; take it back: {next_step('undo', receipt.directory)}", file=sys.stderr)
        self._refuse_damaged(receipt.directory)

    def _names(self, files: Iterable[OfficialFile]) -> dict[str, str]:
        shown = [file.shown for file in files]
        return dict(zip((file.path for file in self._log.files), shown, strict=False))

    def _refuse_damaged(self, receipt: str) -> None:
        from aoftool.check.result import damage_left

        left = damage_left(self._asked.path)
        if left:
            print(f"AOF {self._shown} is not valid after the repair: {left[0][1]} [{left[0][0]}]")
            _hint(next_step("undo", receipt))
            raise _Exit

    def _cut_at_time(self, view: OfficialView, file: OfficialFile, cut: TimeCut) -> None:
        """Do what `--truncate-to-timestamp` asks for, where the official checkers do it."""
        from aoftool.api.unattended.official_time import Undone

        time = self._asked.timestamp
        if cut.undone is Undone.NOTHING_BEFORE:
            print(f"AOF {file.path} has nothing before timestamp {time}, aborting...")
        elif cut.undone is Undone.NOT_LAST:
            print(
                f"Failed to truncate AOF {file.path} to timestamp {time} to offset {cut.offset} because it is"
                " not the last file."
            )
        if cut.plan is None:
            if cut.undone is Undone.NOT_LAST or len(view.files) > 1:
                _hint(next_step("fix", self._asked.path, f"--to {time} --dry-run"))
            raise _Exit
        exceeded = None if self._limit is None else self._limit.exceeded(cut.plan.loss)
        if exceeded is not None:
            cut.plan.close()
            print(f"Failed to truncate AOF {file.shown} to timestamp {time}: {exceeded}")
            raise _Exit
        self._carry_out(cut.plan, view.files, ask=False)
        print(f"Successfully truncated AOF {file.shown} to timestamp {time}")


def _ask() -> None:
    print("Continue? [y/N]: ", end="", flush=True)
    if sys.stdin.readline()[:1] not in ("y", "Y"):
        print("Aborting...")
        raise _Exit
