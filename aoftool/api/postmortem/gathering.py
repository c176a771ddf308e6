"""All that is known of a log, gathered for one page: every part is the answer of the use case of its verb.

Nothing is computed here that no verb computes; a part that cannot be had is told with the reason, and does
not take the others with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from aoftool.advise.model import EventKind
from aoftool.analysis.census.model import CensusOptions
from aoftool.analysis.redact.commands import redacted_audit, redacted_diff, redacted_step
from aoftool.analysis.redact.contents import redacted_growth
from aoftool.aof.model import Log, LogKind
from aoftool.aof.stretch import Stretch
from aoftool.api.inspecting import Inspection, InspectionRequest, inspected
from aoftool.api.machine import REPLAYED_UNASKED_BYTES, worker_count
from aoftool.api.postmortem.counted import CountedTails
from aoftool.api.postmortem.marks import marks_of
from aoftool.api.postmortem.model import (
    Comparison,
    Digest,
    Explained,
    Happened,
    KeyStory,
    Lane,
    NotLooked,
    Postmortem,
)
from aoftool.check.model import Severity
from aoftool.dataclass import dataclass, field
from aoftool.errors import AoftoolError, ReadFailedError, UnsupportedError
from aoftool.next_step import next_step
from aoftool.progress import Stage, silent_stage
from aoftool.simulate.model import DEFAULT_USE
from aoftool.units import counted

if TYPE_CHECKING:
    from aoftool.analysis.audit.model import Audit
    from aoftool.analysis.diff.diff import Point
    from aoftool.analysis.habits.model import HabitTable
    from aoftool.analysis.history.model import HistoryStep
    from aoftool.analysis.inspect.model import Overview
    from aoftool.aof.moment import Moment
    from aoftool.captures.bundle import Texts
    from aoftool.check.model import Report
    from aoftool.redaction import Redactor
    from aoftool.repair.model import Plan
    from aoftool.simulate.model import Simulation

__all__ = ["BUCKETS", "PostmortemRequest", "compared", "gather"]

BUCKETS = 120
"""Steps of the time line."""

_ROWS = 20
_SERIES = 8
_STEPS = 60
_CONTEXT = 3
_EXPLAINED = 8
_MOST_DIGESTS = 40
_LANES = {
    EventKind.RESTART: Lane.RESTART,
    EventKind.REWRITE: Lane.REWRITE,
    EventKind.SYNC: Lane.SYNC,
    EventKind.FORK: Lane.STALL,
    EventKind.STALL: Lane.STALL,
}

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class PostmortemRequest:
    """What to gather.

    Attributes:
        title: of the page; empty for the path.
        options: which commands count; of a stretch its own.
        stretch: only what happened between two moments.
        keys: whose history is told.
        captures: what was captured of the server.
        redactor: hides keys and values of all of it.
        made: versions and what was asked, as pairs of words.
    """

    title: str = ""
    options: CensusOptions = field(default_factory=CensusOptions)
    stretch: Stretch = field(default_factory=Stretch)
    keys: Sequence[bytes] = ()
    captures: Texts | None = None
    redactor: Redactor | None = None
    made: Sequence[tuple[str, str]] = ()


def gather(
    log: Log, asked: PostmortemRequest, *, workers: int | None = None, stage: Stage = silent_stage
) -> Postmortem:
    """Return all that is known of a log.

    Raises:
        UnsupportedError: standard input, which can be read only once.
        ReadFailedError: the system gives an error instead of bytes.
    """
    if log.kind is LogKind.STDIN:
        raise UnsupportedError(
            "a report reads the log more than once", hint="save standard input to a file first"
        )
    counted_tails = CountedTails(log, worker_count(workers))
    with ThreadPoolExecutor(1) as pool:
        digests = pool.submit(_digests, log)
        with stage("reading", log.size_bytes) as progress:
            request = InspectionRequest(
                savings=None if asked.options.filtered else True,
                options=asked.options,
                rows=_ROWS,
                redactor=asked.redactor,
            )
            seen = inspected(log, request, workers=workers, progress=progress)
        counted_tails.learn(seen.survey)
        found = _begin(log, asked, seen)
        _Gathering(log, asked, seen, found, worker_count(workers), stage, counted_tails).run()
        _add_digests(found, digests)
    found.marks = marks_of(found)
    return found


def _begin(log: Log, asked: PostmortemRequest, seen: Inspection) -> Postmortem:
    from aoftool.analysis.growth.growth import file_starts, growth_of

    found = Postmortem(
        log.path, asked.title, seen.overview, seen.health, seen.contents, made=list(asked.made)
    )
    found.notes += seen.notes
    if seen.reading is not None:
        contents, axis = seen.reading.contents, seen.reading.axis
        found.by_prefix, found.by_command = (
            redacted_growth(growth_of(contents, axis, by=by, buckets=BUCKETS, top=_SERIES), asked.redactor)
            for by in ("prefix", "command")
        )
        found.starts = file_starts(contents.series)
    return found


class _Gathering:
    """Adds the answers of the other use cases to what an inspection found."""

    def __init__(
        self,
        log: Log,
        asked: PostmortemRequest,
        seen: Inspection,
        found: Postmortem,
        workers: int,
        stage: Stage,
        counted_tails: CountedTails,
    ) -> None:
        self._log, self._asked, self._seen, self._found = log, asked, seen, found
        self._workers, self._stage, self._counted = workers, stage, counted_tails
        self._in_use, self._info = DEFAULT_USE, dict[str, str]()

    def run(self) -> None:
        """Add them all."""
        log, found = self._log, self._found
        found.report = self._part("what each server would do", self._checked, next_step("check", log.path))
        if found.report is not None and not found.report.intact:
            found.plan = self._part("what a repair would keep", self._plan, found.report.next_step or "")
            found.explained = self._part("the bytes of damages", self._explained) or []
        found.audit = self._part("commands that stand out", self._audit, next_step("audit", log.path))
        if found.audit is not None:
            found.notes += found.audit.notes
        for key in self._asked.keys:
            story = self._part("the history of a key", partial(self._story, key))
            found.stories += [] if story is None else [story]
        if self._asked.captures is not None:
            # Before the thresholds: it says which of them are in use.
            self._part("captures", lambda: self._advised(self._asked.captures))
        if self._is_small_and_whole("values that repeat", next_step("keys", log.path, "--by same")):
            found.repeats = self._part("values that repeat", self._repeats)
        how = next_step("simulate", log.path)
        if self._is_whole("rewrites under other settings", how):
            found.simulation = self._part("rewrites under other settings", self._simulated, how)
        if self._asked.captures is None:
            found.not_looked.append(
                NotLooked(
                    "the server and its machine",
                    "no captures were given",
                    next_step("report", log.path, "--captures BUNDLE", "-o OUT.html"),
                )
            )

    def _part(self, subject: str, get: Callable[[], Found], how: str = "") -> Found | None:
        """Return an answer; None where it cannot be had, which is then told."""
        try:
            return get()
        except ReadFailedError:
            raise
        except AoftoolError as error:
            self._found.not_looked.append(NotLooked(subject, error.message, how or error.hint or ""))
            return None

    def _is_whole(self, subject: str, how: str) -> bool:
        """Tell whether all of the log is shown; what is not looked at is told."""
        if self._asked.options.filtered or self._asked.stretch != Stretch():
            self._found.not_looked.append(
                NotLooked(subject, "it is of the whole log, and a part is shown", how)
            )
            return False
        return True

    @property
    def _is_small(self) -> bool:
        """Tell whether the log is replayed in no time."""
        return (self._log.size_bytes or 0) <= REPLAYED_UNASKED_BYTES

    def _is_small_and_whole(self, subject: str, how: str) -> bool:
        if not self._is_whole(subject, how):
            return False
        if not self._is_small:
            reason = "the log has more than 16 MiB, and every command is run for it"
            self._found.not_looked.append(NotLooked(subject, reason, how))
        return self._is_small

    def _checked(self) -> Report:
        from aoftool.check.checker import check

        with self._stage("checking", self._log.size_bytes) as progress:
            return self._seen.checked or check(
                self._log, workers=self._workers, progress=progress, read_tail=self._counted.read_tail
            )

    def _plan(self) -> Plan:
        from aoftool.api.repairing import planned_repair
        from aoftool.repair.choice import Choice

        # What is shown is what the line to type would do.
        step = "" if self._found.report is None else self._found.report.next_step or ""
        choice = Choice(salvage="--salvage" in step)
        with planned_repair(
            self._log, choice, in_place=False, workers=self._workers, stage=self._stage
        ) as plan:
            return plan.plan

    def _explained(self) -> list[Explained]:
        from aoftool.analysis.redact.explain import redacted_explanation
        from aoftool.explain.explain import explain

        found: list[Explained] = []
        report = self._found.report
        damages = [] if report is None else [f for f in report.findings if f.severity is Severity.DAMAGE]
        for finding in damages:
            if finding.start is None or finding.line is not None or len(found) >= _EXPLAINED:
                continue
            try:
                explanation = explain(finding.path, offset=finding.start)
            except ReadFailedError:
                raise
            except AoftoolError:
                # The damage is that there is no such byte, or no such file.
                continue
            hidden = explanation if self._asked.redactor is None else redacted_explanation(explanation)
            found.append(Explained(finding, hidden))
        return found

    def _audit(self) -> Audit:
        from aoftool.api.auditing import audit

        found = audit(
            self._log,
            context=_CONTEXT,
            stretch=self._asked.stretch,
            writer=self._seen.overview.reading,
            workers=self._workers,
            stage=self._stage,
        )
        return redacted_audit(found, self._asked.redactor)

    def _story(self, key: bytes) -> KeyStory:
        from aoftool.api.history import history, steps_within

        first: list[HistoryStep] = []
        last: deque[HistoryStep] = deque(maxlen=_STEPS // 2)
        count = 0
        with self._stage("following a key", self._log.size_bytes) as progress:
            told = history(self._log, key, workers=self._workers, progress=progress)
            for step in steps_within(told, self._asked.stretch):
                count += 1
                (first if len(first) < _STEPS // 2 else last).append(
                    redacted_step(step, self._asked.redactor)
                )
        shown = key if self._asked.redactor is None else self._asked.redactor.key(key)
        return KeyStory(shown, [*first, *last], count - len(first) - len(last), list(told.end.notes))

    def _repeats(self) -> HabitTable:
        from aoftool.analysis.redact.habits import redacted_habits
        from aoftool.api.ranking import rank_habit

        with self._stage("comparing values", self._log.size_bytes) as progress:
            table, _ = rank_habit(self._log, "same", self._asked.options, top=_ROWS, progress=progress)
        return redacted_habits(table, self._asked.redactor)

    def _simulated(self) -> Simulation:
        from aoftool.api.simulating import Played, simulated
        from aoftool.simulate.from_info import child_of_info

        log = self._log
        child = None if self._info is None else child_of_info(self._info)
        with self._stage("replaying", log.size_bytes) as progress:
            found, _ = simulated(
                log,
                Played(self._in_use, child=child),
                read=self._seen.reading,
                quick=not self._is_small,
                writer=self._seen.overview.reading,
                progress=progress,
            )
        return found

    def _advised(self, texts: Texts | None) -> None:
        from aoftool.advise.redacting import redacted_advice
        from aoftool.api.advising import advised, facts_of_overview, happened_in, replies_in
        from aoftool.api.simulating import settings_in_use

        if texts is None:
            return
        found, stretch = self._found, self._asked.stretch
        seen = self._seen
        facts = facts_of_overview(found.path, seen.overview, seen.health, seen.contents)
        advice = advised(texts, log=facts, since=stretch.since_s, until=stretch.until_s)
        self._in_use = settings_in_use(advice.settings)
        self._info = (replies_in(texts) or ({}, {}))[1]
        found.advice = redacted_advice(advice, self._asked.redactor)
        events, is_clock_known = happened_in(texts, stretch.since_s, stretch.until_s)
        found.happened = [Happened(e.at_s, _LANES[e.kind], e.text, e.where) for e in events]
        if events and not is_clock_known:
            found.notes.append(
                "the clock of the server's log is taken for UTC: nothing says how far off it is"
            )


def _digests(log: Log) -> list[Digest]:
    from aoftool.api.postmortem.digests import digests_of

    return digests_of(log, _MOST_DIGESTS)


def _add_digests(found: Postmortem, digests: Future[list[Digest]]) -> None:
    found.digests = digests.result()
    files = len(found.overview.files)
    if files > _MOST_DIGESTS:
        reason = f"only the first {_MOST_DIGESTS} of {counted(files, 'file')} were hashed"
        found.not_looked.append(NotLooked("digests of all files", reason))


def compared(
    left: Log,
    right: Log | None,
    moments: Sequence[Moment | Point | str],
    asked: PostmortemRequest,
    *,
    workers: int | None = None,
    stage: Stage = silent_stage,
) -> Comparison:
    """Return two logs side by side, or two moments of one.

    Args:
        right: None for moments of one log.
        moments: one or two; the second is the end by default.

    Raises:
        as `aoftool.api.diffing.diff`.
    """
    from aoftool.api.diffing import diff

    first = moments[0] if moments else None
    second = moments[1] if len(moments) > 1 else None
    total = (left.size_bytes or 0) + (0 if right is None else right.size_bytes or 0)
    with stage("replaying", total) as progress:
        found = diff(left, right, left_at=first, right_at=second, progress=progress)
    logs = [left] if right is None else [left, right]
    plain = InspectionRequest(contents=False, redactor=asked.redactor)
    sides: list[tuple[Overview, Inspection]] = []
    for log in logs:
        seen = inspected(log, plain, workers=workers)
        sides.append((seen.overview, seen))
    one, other = sides[0][1], sides[-1][1]
    return Comparison(
        asked.title,
        redacted_diff(found, asked.redactor),
        (one.overview, other.overview),
        (one.health, other.health),
        [digest for log in logs for digest in _digests(log)],
        list(asked.made),
    )
