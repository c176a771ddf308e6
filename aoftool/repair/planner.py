"""The plan for a whole log: every planner's part, put together, and what it keeps and takes.

Reads, and writes nothing: the same plan is shown by a dry run and carried out for real.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from aoftool.aof.layout import Log, LogFile, LogKind
from aoftool.check.exam import examine
from aoftool.check.exam_model import FileExam, is_lost_base
from aoftool.check.model import Level
from aoftool.check.split import join_open_transactions
from aoftool.dataclass import replace
from aoftool.errors import UnsupportedError
from aoftool.escape import printable, shown_base
from aoftool.files.held import held_file, status_of
from aoftool.files.packed.compression import is_envelope
from aoftool.files.source import open_source
from aoftool.next_step import next_step
from aoftool.progress import Progress, no_progress
from aoftool.repair.choice import Choice
from aoftool.repair.draft import Draft, stamp_of
from aoftool.repair.model import MAX_SUSPECTS, Edit, EditKind, FilePlan, Method, Plan, Stamp
from aoftool.repair.planners.commands import plan_commands
from aoftool.repair.planners.fatal import plan_fatal
from aoftool.repair.planners.hurt_marks import set_apart
from aoftool.repair.planners.lenient import plan_lenient
from aoftool.repair.planners.manifest import ManifestPlan, plan_manifest
from aoftool.repair.planners.openings import opening_of
from aoftool.repair.planners.other_ways import leave_to_salvage, more_by_assuming, more_by_dropping
from aoftool.repair.planners.remaining import remaining
from aoftool.repair.planners.set_after import SetAfter
from aoftool.repair.planners.stream import StreamPlanner
from aoftool.repair.planners.suspects import suspects_behind
from aoftool.repair.planners.text import plan_text
from aoftool.units import and_more

if TYPE_CHECKING:
    from aoftool.repair.planners.point_in_time import CutPoint

__all__ = ["make_plan"]

_NAMED = 3


def make_plan(
    log: Log,
    choice: Choice | None = None,
    progress: Progress = no_progress,
    *,
    in_place: bool = True,
    workers: int = 1,
) -> Plan:
    """Return the plan that repairs a log, or cuts it, as was chosen.

    Args:
        log: from `aoftool.aof.layout.find_log`.
        choice: what was asked for; by default only what loses nothing but a torn end.
        progress: told of bytes done.
        in_place: the repaired log takes the place of the old one; else it is written somewhere else,
            and files keep their names.
        workers: threads to share the first pass over a file; the plan does not depend on it.

    Raises:
        UnsupportedError: standard input, or compressed files: there is nothing to put in their place.
        UsageError: nothing matches what a cut or a drop names.
        RefusedError: a drop names commands that frame others, or a cut lies before the log begins.
    """
    chosen = Choice() if choice is None else choice
    if log.kind is LogKind.STDIN:
        raise UnsupportedError("standard input cannot be repaired", hint="-o OUT writes a repaired log")
    if chosen.drop_command is not None:
        from aoftool.repair.planners.undelete import refuse_framing

        refuse_framing(chosen.drop_command.upper(), log.path)
    plan = _Planner(log, chosen, progress, in_place, workers).plan()
    if plan.left and plan.loss[1] and chosen.is_plain:
        # Only where damage stays can a salvage keep more than this: a second look is rare.
        salvage = replace(chosen, salvage=True)
        leave_to_salvage(plan, _Planner(log, salvage, progress, in_place, workers).plan())
    return plan


class _Planner:
    def __init__(self, log: Log, choice: Choice, progress: Progress, in_place: bool, workers: int) -> None:
        self._choice = choice
        self._in_place = in_place
        self._manifest = plan_manifest(log, choice) if log.kind is LogKind.MULTI_PART else ManifestPlan()
        self._given = log
        self._log = replace(log, files=self._manifest.files(log))
        inputs = _inputs(log, self._log.files)
        # A salvage looks into values and for keys that stand twice: servers stop at them.
        level = Level.DEEP if choice.salvage else Level.FULL
        self._exam = examine(self._log, level, progress, workers)
        self._weigh_other_reading()
        self._after = SetAfter(self._log, self._manifest)
        self._plan = Plan(log.path, log.kind.value, log.directory or os.curdir, inputs=inputs, choice=choice)
        self._plan.listed = tuple(file.path for file in log.files)
        if log.manifest_path is not None and log.manifest_raw is not None:
            self._plan.manifest = log.manifest_path, log.manifest_raw
        self._refuse_compressed()
        self._drafts = [Draft(file.path, file.size_bytes) for file in self._exam.files]
        # Counted before planning, which splits stretches at what it takes out of them.
        self._whole = {file.path: _whole_commands(file) for file in self._exam.files}
        self._marks: dict[str, frozenset[int]] = {}
        if choice.salvage:
            join_open_transactions(self._exam)
            self._set_apart()
        self._cut: CutPoint | None = None
        # Behind the commands of the file before.
        self._database = 0

    def _weigh_other_reading(self) -> None:
        """Plan no manifest unasked where an older generation lies whole beside a damaged newest base."""
        if not (self._manifest.is_of_names and self._manifest.is_one_of_several):
            return
        from aoftool.check.detectors.other_reading import CODE, other_reading

        found = other_reading(self._exam)
        if found is None:
            return
        if self._choice.salvage:
            self._manifest.doubts.append(f"{found.words}; to take that instead, {found.by_hand}")
            return
        words = f"{found.words}; --salvage lists the newest; to take the older, {found.by_hand}"
        self._manifest = ManifestPlan(left=[(CODE, words)])

    def _set_apart(self) -> None:
        """Make wounds of damaged commands that frame others, in every file before any is planned."""
        for file in self._exam.files:
            if file.tail is not None and file.text is None and not (file.error or file.compression):
                with open_source(file.path) as source:
                    self._marks[file.path] = set_apart(file, source, self._choice)

    def _refuse_compressed(self) -> None:
        for file in self._exam.files:
            if is_envelope(file.compression) and file.rdb is not None and file.rdb.sound and not file.changes:
                # A base as Valkey 9.2 writes it: it stays as it is, what stands behind it can be repaired.
                continue
            if file.compression is not None:
                hint = "decompress it first"
                if is_envelope(file.compression):
                    hint = next_step("rewrite", self._log.path, "--salvage -o OUT")
                raise UnsupportedError(
                    f"a file compressed with {file.compression} cannot be repaired",
                    path=file.path,
                    hint=hint,
                )

    def plan(self) -> Plan:
        files = self._exam.files
        for number, (file, draft) in enumerate(zip(files, self._drafts, strict=True)):
            self._file(file, draft, is_last=number == len(files) - 1)
        if self._choice.point_in_time:
            from aoftool.repair.planners.point_in_time import find_cut

            self._cut = find_cut(self._given, files, self._choice)
            self._plan.notes += [self._cut.reason, *self._cut.notes]
            self._cut_files(self._cut)
        if self._choice.undelete:
            self._undelete()
        self._put_together()
        if self._manifest.goes_without and not self._choice.allow_empty:
            self._keep_from_emptying()
        self._plan.not_judged += [
            f"{printable(file.name)} stays as it is: a link out of the directory, which is not read here"
            for file in self._exam.log.files
            if file.links_out
        ]
        return self._plan

    def _file(self, file: FileExam, draft: Draft, is_last: bool) -> None:
        if file.error:
            draft.left.append(("read-error", file.error))
            return
        if file.foreign:
            draft.left.append(("not-a-log", f"{shown_base(file.path)} is no part of a log: {file.foreign}"))
            return
        if not file.size_bytes:
            return
        if self._choice.salvage and is_lost_base(file, self._exam.files):
            draft.is_given_up = True
            self._plan.notes.append(
                f"what {shown_base(file.path)} held is lost;"
                " commands in later files were written on top of it"
            )
        with open_source(file.path) as source:
            if file.rdb is not None:
                # Imported here, as others that bring numpy or half of the RDB room: few repairs need them.
                from aoftool.repair.planners.rdb_base import plan_rdb

                self._count_keys(*plan_rdb(file, source, draft, self._choice))
            if plan_text(file, draft, self._choice) or file.tail is None:
                return
            opening = opening_of(file, self._exam.files)
            planner = StreamPlanner(source, file.tail, draft, self._choice, is_last, opening, self._database)
            planner.plan()
            self._database = planner.database
            plan_commands(file, source, draft, self._choice, self._marks.get(file.path, ()))
            plan_fatal(self._exam, file, source, draft, self._choice)
            if file.restores:
                from aoftool.repair.planners.restores import plan_restores

                plan_restores(file, source, draft, self._choice)
            plan_lenient(file, source, draft, self._choice)
            if self._choice.drop_duplicates:
                from aoftool.repair.planners.duplicates import plan_duplicates

                plan_duplicates(file, source, draft)
            for gap in planner.gaps:
                self._plan.statistics.commands_doubtful += gap.doubtful
                if gap.at and len(self._plan.suspects) < MAX_SUSPECTS:
                    keys, commands = suspects_behind(source, gap.at, file.size_bytes, gap.assumed or 0)
                    self._plan.suspects += keys[: MAX_SUSPECTS - len(self._plan.suspects)]
                    self._plan.statistics.commands_doubtful += 0 if gap.doubtful else commands

    def _count_keys(self, kept: int, lost: int | None) -> None:
        statistics = self._plan.statistics
        statistics.keys_kept += kept
        if lost is None or statistics.keys_lost is None:
            statistics.keys_lost = None
        else:
            statistics.keys_lost += lost

    def _cut_files(self, cut: CutPoint) -> None:
        """Drop what lies behind the cut; edits there go with it."""
        file, draft = self._exam.files[cut.file], self._drafts[cut.file]
        draft.edits = [
            edit for edit in draft.edits if edit.start < cut.offset or edit.start == 0 == cut.offset
        ]
        draft.left.clear()
        if cut.offset < file.size_bytes:
            commands = _commands_between(file, cut.offset)
            draft.add(
                Edit(EditKind.CUT, cut.offset, file.size_bytes, b"", "point-in-time", cut.reason, commands)
            )

    def _undelete(self) -> None:
        from aoftool.repair.planners.undelete import notes_of, plan_undelete

        found = plan_undelete(self._exam.files, self._drafts, self._choice, self._log.path)
        self._plan.notes += notes_of(found, self._log)

    # Putting the parts together

    def _put_together(self) -> None:
        plan = self._plan
        for draft in self._drafts:
            plan.left += draft.left
            plan.not_judged += [text for text in draft.not_judged if text not in plan.not_judged]
        plan.left += self._manifest.left
        plan.notes += self._manifest.doubts
        plan.goes_without = self._manifest.goes_without or any(draft.is_given_up for draft in self._drafts)
        plan.is_one_of_several = self._manifest.is_one_of_several
        plan.doubts += self._manifest.doubts
        removed = self._removed()
        changed = [file for draft in self._drafts if (file := draft.plan()) is not None]
        changed = [file for file in changed if file.path not in removed]
        entries = self._after.entries(removed)
        if self._in_place:
            changed = [self._apart(file) for file in changed]
        alone = len(changed) == 1 and entries is None and not removed and not changed[0].rebuild
        if self._log.kind is LogKind.MULTI_PART and not alone and self._in_place:
            changed = [
                replace(file, method=_rewritten(file), becomes=self._after.name(file)) for file in changed
            ]
        elif self._log.kind is LogKind.MULTI_PART:
            changed = [
                replace(file, becomes=self._after.name(file)) if file.rebuild else file for file in changed
            ]
        plan.files = changed
        renamed = any(file.becomes for file in changed)
        if self._log.kind is LogKind.MULTI_PART and (entries is not None or renamed):
            plan.files.append(self._after.manifest_file(entries, changed))
        plan.files += [
            FilePlan(path, Method.REMOVE, stamp_of(path), reason=reason) for path, reason in removed.items()
        ]
        self._count(removed)
        plan.notes += more_by_assuming(self._drafts, self._choice)
        if self._cut is not None:
            path, gone = self._exam.files[self._cut.file].path, plan.statistics.commands_set_aside
            plan.notes += more_by_dropping(path, self._cut.offset, gone, self._choice)
        stays = remaining(self._exam, plan.files, self._gone())
        told = {code for code, _ in plan.left}
        plan.left += [(code, text) for code, text, _ in stays if code not in told]
        offered = [option for _, _, option in stays if option]
        # What planners leave until it is asked for, such as files that no manifest lists.
        offered += ["--salvage" for _, text in plan.left if "--salvage" in text]
        plan.left_options = tuple(dict.fromkeys(offered))

    def _keep_from_emptying(self) -> None:
        """Plan nothing where the result would hold nothing: a file that is put back keeps more."""
        plan, kept = self._plan, self._plan.statistics
        if kept.keys_kept or kept.commands_kept or kept.commands_set_aside:
            return
        gone = [file.shown_name for file in self._given.files if not file.exists]
        names = ", ".join(gone[:_NAMED]) + and_more(len(gone) - _NAMED)
        what = f"{names} {'is' if len(gone) == 1 else 'are'} missing" if gone else "files are missing"
        them = "it" if len(gone) == 1 else "them"
        words = f"{what}, and nothing else holds a key: put {them} back; --allow-empty makes an empty set"
        plan.files, plan.goes_without, plan.left_options = [], False, ()
        plan.notes = [note for note in plan.notes if note not in plan.doubts]
        plan.doubts = []
        plan.left.insert(0, ("missing-file", words))

    def _gone(self) -> tuple[str, int, frozenset[str]] | None:
        """Return the place of a cut, and the files behind it."""
        if self._cut is None:
            return None
        paths = [file.path for file in self._exam.files]
        return paths[self._cut.file], self._cut.offset, frozenset(paths[self._cut.file + 1 :])

    def _apart(self, file: FilePlan) -> FilePlan:
        """Return the plan of a file that is not cut where it stands when that would cut it elsewhere too."""
        names = status_of(file.path).st_nlink
        if file.method is not Method.CUT or names == 1:
            return file
        shown = shown_base(file.path)
        self._plan.notes.append(
            f"{shown} has {names} names (hard links), and cutting it would cut it under each of them: it is"
            " written anew here, and stays as it is there"
        )
        return replace(file, method=Method.REWRITE)

    def _removed(self) -> dict[str, str]:
        """Return files that leave the log, with the reason."""
        removed = dict.fromkeys(
            self._manifest.set_aside, "no line of the manifest names it, and a server would write to it"
        )
        given_up = "nothing of it can be kept: the log goes on without it"
        removed |= {draft.path: given_up for draft in self._drafts if draft.is_given_up}
        if self._cut is not None:
            for file in self._exam.files[self._cut.file + 1 :]:
                removed[file.path] = "written after the moment of the cut"
        return removed

    def _count(self, removed: dict[str, str]) -> None:
        statistics = self._plan.statistics
        plans = {file.path: file for file in self._plan.files}
        for file in self._exam.files:
            if file.path in removed:
                statistics.bytes_set_aside += file.size_bytes
                statistics.commands_set_aside += self._whole[file.path]
                statistics.commands_removed += self._whole[file.path]
                continue
            plan = plans.get(file.path)
            edits: Sequence[Edit] = () if plan is None else plan.edits
            taken = sum(edit.taken_bytes for edit in edits)
            gone = sum(edit.commands for edit in edits)
            statistics.bytes_kept += file.size_bytes - taken
            statistics.bytes_set_aside += taken
            statistics.bytes_added += sum(len(edit.data) for edit in edits)
            statistics.commands_set_aside += gone
            statistics.commands_kept += max(self._whole[file.path] - gone, 0)


def _inputs(log: Log, planned: Iterable[LogFile]) -> list[tuple[str, Stamp]]:
    """Return how every file of the log looks before it is read, the manifest included.

    Args:
        planned: the files that the log is to have; some may be history, which is of no account else.
    """
    paths = [file.path for file in (*log.files, *log.unlisted, *planned) if file.exists]
    if log.manifest_path is not None:
        paths.append(log.manifest_path)
    there = (path for path in dict.fromkeys(paths) if held_file(path) is not None or os.path.exists(path))
    return [(path, stamp_of(path)) for path in there]


def _rewritten(file: FilePlan) -> Method:
    return Method.REWRITE if file.method is Method.CUT else file.method


def _whole_commands(file: FileExam) -> int:
    """Return the commands that are whole in a file, or can be made so."""
    if file.text is not None:
        return file.text.commands + file.text.lost_count
    if file.tail is None:
        return 0
    healed = sum(1 for wound in file.tail.wounds if wound.healing is not None)
    completed = sum(1 for wound in file.tail.wounds if wound.code == "missing-final-crlf")
    return file.commands + healed + completed


def _commands_between(file: FileExam, offset: int) -> int:
    """Return how many commands stand behind an offset."""
    from aoftool.check.stream.dissect import scan_range

    if file.tail is None:
        return 0
    with open_source(file.path) as source:
        behind = scan_range(source, offset, end=file.size_bytes)
    return behind.commands
