"""Where a loader of the repaired stream stands, and where the log meant it to be.

Keeps account of the database and of the transaction. Where a gap leaves in doubt which database the commands
behind it run in, it decides by what was asked for: to assume it, to set them aside, or to stop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.check.stream.dissect import scan_range
from aoftool.check.stream.selects import held_no_select as shows_no_select
from aoftool.check.stream.selects import shows_select
from aoftool.check.stream.window import Reader
from aoftool.check.stream.wounds import Dissection, Stretch, Wound, commands_in_doubt
from aoftool.commands.framing import FRAMING
from aoftool.dataclass import dataclass
from aoftool.repair.choice import AfterGap, Choice
from aoftool.repair.planners.hurt_marks import HURT_MARKS
from aoftool.repair.planners.marks import marks_in, selected_database
from aoftool.resp.encode import encode_select
from aoftool.resp.model import INHERITED_DB

if TYPE_CHECKING:
    from aoftool.files.source import Source
    from aoftool.repair.draft import Draft
    from aoftool.repair.planners.openings import Opening

__all__ = ["IN_DOUBT", "Course", "Gap"]

IN_DOUBT = "behind a gap, before the next SELECT: its database is in doubt"
"""Why commands are set aside."""


@dataclass(frozen=True)
class Gap:
    """A place where commands were lost.

    Attributes:
        at: offset from which the stream goes on, 0 when it does not.
        assumed: database that was assumed there, None where it is known.
        doubtful: commands that run in the assumed database.
    """

    at: int
    assumed: int | None
    doubtful: int


class Course:
    """What is kept of one stream, up to a place.

    Args:
        source, reader: the file.
        tail: its stream, taken apart.
        draft: where edits go.
        choice: what was asked for.
        opening: what speaks for the database that the stream begins in.

    Attributes:
        kept: database in the repaired file.
        meant: database as the log meant it.
        open_at: start of the transaction that is open, None outside.
        open_kept: database of the repaired file where it opened.
        gaps: places where commands were lost.
        is_stopped: nothing behind this place is kept.
        adrift: commands were set aside up to a next SELECT that has not come yet.
        unsaid: nothing in front of this place says which database the stream is in.
    """

    def __init__(
        self,
        source: Source,
        reader: Reader,
        tail: Dissection,
        draft: Draft,
        choice: Choice,
        opening: Opening,
    ) -> None:
        self._source, self._reader, self._tail = source, reader, tail
        self._draft, self._choice, self._opening = draft, choice, opening
        self.kept = 0
        self.meant = 0
        self.open_at: int | None = None
        self.open_kept = 0
        self.gaps: list[Gap] = []
        self.is_stopped = False
        self.adrift = False
        self.unsaid = True

    def drop_half(self, start: int, end: int, code: str) -> bool:
        """Take out a transaction that lost its end; tell whether it was a MULTI alone."""
        tally = scan_range(self._source, start, end=end, known_state=True)
        alone = tally.commands <= 1
        reason = "a transaction that lost its end: half of it must not run"
        if alone:
            reason = "a MULTI that nothing belongs to"
        self._draft.drop(start, end, code, reason, tally.commands, lossless=alone)
        self.kept = self.open_kept
        self.open_at = None
        return alone

    def say_database(self, at: int, because: str = "what was taken out selected database") -> None:
        """Put a SELECT in where the repaired file would be in another database than the log meant."""
        if self.kept != self.meant and at < self._tail.size_bytes:
            self._draft.insert(at, encode_select(self.meant), "reselect", f"{because} {self.meant}")
            self.kept = self.meant

    def settle_database(self, resume: int, behind: Stretch, wound: Wound | None) -> None:
        """Decide which database the commands behind a gap run in."""
        if self.adrift:
            # Nothing is kept before the next SELECT, whatever this wound took.
            return
        in_doubt = commands_in_doubt(behind.tally)
        shown = wound is not None and (wound.code in HURT_MARKS or shows_select(self._reader, wound))
        if not in_doubt or (self.uses_one_database() and not shown):
            self.say_database(resume)
            self.gaps.append(Gap(resume, None, 0))
            return
        rule = self._choice.after_gap
        if rule is AfterGap.ASSUME or (
            rule is AfterGap.AUTO
            and wound is not None
            and wound.code not in HURT_MARKS
            and self.held_no_select(wound)
        ):
            self.say_database(resume)
            self.gaps.append(Gap(resume, self.meant, in_doubt))
        elif rule is AfterGap.STOP:
            reason = "behind a gap: its database is in doubt"
            lost = sum(stretch.tally.commands for stretch in self._tail.stretches if stretch.start >= resume)
            self._draft.drop(resume, self._tail.size_bytes, "after-gap", reason, lost)
            self.is_stopped = True
        else:
            self.skip_to_select(resume, behind)

    def uses_one_database(self) -> bool:
        """Tell whether the whole stream uses one database.

        Where it begins, RDB parts speak as well: the SELECT that is gone there is one that was written.
        """
        if self.unsaid and self._opening.hidden:
            return False
        used = set(self._opening.named) if self.unsaid else set()
        healed = (self.healed_mark(wound)[1] for wound in self._tail.wounds if wound.healing is not None)
        used |= {db for db in healed if db is not None}
        used |= {
            key.db
            for stretch in self._tail.stretches
            for key in stretch.tally.rows
            if key.db != INHERITED_DB and key.name not in FRAMING
        }
        return used <= {self.meant}

    def held_no_select(self, wound: Wound) -> bool:
        """Tell whether the database before a wound is the one behind it."""
        if self.unsaid:
            # Servers begin with a SELECT: what stands in its place took it.
            return False
        before = [piece.start for piece in self._tail.stretches if piece.end <= wound.start]
        return shows_no_select(self._reader, wound, before[-1] if before else self._tail.start)

    def skip_to_select(self, resume: int, behind: Stretch) -> None:
        """Set commands of a stretch aside until one says which database it is in."""
        start = self.set_aside(resume, behind.end)
        behind.start, behind.tally = start, scan_range(self._source, start, end=behind.end)

    def set_aside(self, start: int, end: int) -> int:
        """Set commands aside up to the next SELECT or the end of the span; return where that is."""
        multi: int | None = None
        behind = end
        self.adrift = True
        for at, _, name, db in marks_in(self._source, start, end):
            if name == b"MULTI":
                multi = at
            elif name == b"EXEC":
                multi = None
            elif name == b"SELECT" and db is not None:
                behind = at if multi is None else multi
                self.adrift = False
                break
        tally = scan_range(self._source, start, end=behind)
        self._draft.drop(start, behind, "after-gap", IN_DOUBT, tally.commands)
        self.gaps.append(Gap(behind, None, 0))
        return behind

    def healed_mark(self, wound: Wound) -> tuple[bytes, int | None]:
        """Return name and database of a healed command that changes state."""
        assert wound.healing is not None
        patch = wound.healing.patch
        kept = (patch.start - wound.start) + (wound.end - patch.end)
        if kept > 256:
            return b"", None
        before = self._reader.at(wound.start, patch.start - wound.start)
        behind = self._reader.at(patch.end, wound.end - patch.end)
        words = (before + patch.data + behind).split(b"\r\n")
        argv = words[2:-1:2]
        return (argv[0].upper(), selected_database(argv)) if argv else (b"", None)
