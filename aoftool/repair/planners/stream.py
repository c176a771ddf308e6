"""Plans for one command stream: what stays, what goes, and what must be said anew.

Walks the stretches and wounds of a stream in order; `course` keeps account of two things: the database and
the transaction that a loader of the repaired file would be in, and those that the log meant. Where
they part (a dropped half of a transaction held a SELECT), a SELECT is put in.
"""

from __future__ import annotations

from aoftool.check.detectors.resp import repaired_by_default
from aoftool.check.split import ACROSS, SPLIT
from aoftool.check.stream.dissect import scan_range
from aoftool.check.stream.heal import Patch
from aoftool.check.stream.shapes import read_shape
from aoftool.check.stream.window import Reader
from aoftool.check.stream.wounds import Dissection, Stretch, Wound, commands_in_doubt
from aoftool.dataclass import dataclass
from aoftool.files.source import Source
from aoftool.repair.choice import AfterGap, Choice
from aoftool.repair.draft import Draft
from aoftool.repair.planners.course import IN_DOUBT, Course, Gap
from aoftool.repair.planners.hurt_marks import HURT_MARKS
from aoftool.repair.planners.marks import last_select, marks_in, near_exec
from aoftool.repair.planners.openings import Opening
from aoftool.resp.model import INHERITED_DB
from aoftool.units import counted

__all__ = ["StreamPlanner"]

# Halves that lie in two files: what is said of the first, and of the second.
_COMPLETED = {
    SPLIT: "the rest of a command, from the file behind",
    ACROSS: "the rest of a transaction, from the file behind",
}
_TAKEN_ON = {
    SPLIT: "the rest of a command, which goes to the file before",
    ACROSS: "the rest of a transaction, which goes to the file before",
}
_NO_COMMANDS = frozenset({"byte-order-mark", "inline-text", "empty-command", "long-annotation"})
# An unfinished transaction of more commands than this is rather one whose EXEC was lost.
_MANY = 512
# More stray bytes than this are not what an editor leaves.
_BLANKS = 64
# More marks out of place than this are no accident, and a plan of so many edits helps nobody.
_MOST_ODD = 20_000


@dataclass
class StreamPlanner:
    """Plan the repair of one command stream.

    Args:
        source: the file.
        tail: its stream, taken apart.
        draft: where edits go.
        choice: what was asked for.
        is_last: the file is the one a server appends to.
        opening: what speaks for the database that the stream begins in.
        carried: database that the file before leaves, for a stream whose start goes to the end of that file.
    """

    source: Source
    tail: Dissection
    draft: Draft
    choice: Choice
    is_last: bool
    opening: Opening
    carried: int = 0

    def __post_init__(self) -> None:
        self._reader = Reader(self.source, self.tail.size_bytes)
        self._course = Course(self.source, self._reader, self.tail, self.draft, self.choice, self.opening)

    @property
    def gaps(self) -> list[Gap]:
        """Return the places where commands were lost."""
        return self._course.gaps

    @property
    def database(self) -> int:
        """Return the database that the log is in behind what was planned."""
        return self._course.meant

    @property
    def _salvage(self) -> bool:
        return self.choice.salvage

    def plan(self) -> None:
        """Fill the draft."""
        pieces = self.tail.pieces
        at = 0
        if pieces and self._salvage and self.opening.behind_damage:
            self._begin_behind_damage(pieces[0])
        while at < len(pieces) and not self._course.is_stopped:
            piece = pieces[at]
            if isinstance(piece, Stretch):
                if self._course.adrift:
                    self._course.skip_to_select(piece.start, piece)
                self._stretch(piece)
            else:
                behind = pieces[at + 1] if at + 1 < len(pieces) else None
                self._wound(piece, behind if isinstance(behind, Stretch) else None)
            at += 1
        if not self._course.is_stopped:
            self._end()

    def _begin_behind_damage(self, first: Stretch | Wound) -> None:
        """Settle the database of commands whose SELECT went with the end of the RDB part before them."""
        if isinstance(first, Wound):
            whole = first.healing is not None or first.copies or first.code in _NO_COMMANDS
            if whole and not first.last and not self._course.uses_one_database():
                self._course.adrift = self.choice.after_gap is not AfterGap.ASSUME
            return
        tally = scan_range(self.source, first.start, end=first.end)
        if commands_in_doubt(tally) or tally.edge.event == "EXEC":
            first.tally = tally
            self._go_on(first, None)

    # Healthy stretches

    def _stretch(self, stretch: Stretch) -> None:
        """Take account of a stretch; repair its transactions where that is asked for."""
        course, tally = self._course, stretch.tally
        self._course.unsaid = self._course.unsaid and not tally.commands
        marks, edge = tally.transactions, tally.edge
        crossed = not edge.known and (
            (edge.event == "MULTI" and course.open_at is not None)
            or (edge.event == "EXEC" and course.open_at is None)
            or (edge.discards.count and course.open_at is not None)
        )
        odd = marks.nested.count + marks.lone_execs.count + marks.discards_inside.count + bool(crossed)
        if odd > _MOST_ODD:
            self._leave(
                "lost-exec",
                f"{counted(odd, 'transaction')} out of order: more than can be repaired",
            )
        elif odd and self._salvage:
            self._walk_marks(stretch.start, stretch.end)
            return
        elif odd:
            self._leave("lost-exec", "transactions are out of order; --salvage repairs them")
        closed = edge.known or edge.event is not None
        if marks.open_offset is not None:
            self._open(marks.open_offset, stretch)
        elif closed:
            course.open_at = None
        if tally.selects.last_db != INHERITED_DB and tally.selects.count:
            course.kept = course.meant = tally.selects.last_db

    def _open(self, start: int, stretch: Stretch) -> None:
        """Note a transaction that is open at the end of a stretch, and the database it opened in."""
        course = self._course
        course.open_at = start
        inside = last_select(self.source, start, stretch.end)
        if inside is None:
            last = stretch.tally.selects.last_db
            course.open_kept = course.kept if last == INHERITED_DB else last
            return
        before = scan_range(self.source, stretch.start, end=start, known_state=stretch.tally.edge.known)
        known = before.selects.last_db
        course.open_kept = course.kept if known == INHERITED_DB else known

    def _walk_marks(self, start: int, end: int) -> None:
        """Go through a stretch and repair its transactions."""
        while start < end:
            start = self._walk_to_gap(start, end)

    def _walk_to_gap(self, start: int, end: int) -> int:
        """Go mark by mark up to a lost EXEC that leaves the database in doubt; return where to go on."""
        course = self._course
        for at, behind, name, db in marks_in(self.source, start, end):
            if name == b"SELECT" and db is not None:
                course.kept = course.meant = db
            elif name == b"MULTI":
                if course.open_at is not None and not self._mend_exec(course.open_at, at):
                    # Between two that stand side by side nothing is missing: one of them is too many.
                    stray = self._course.drop_half(course.open_at, at, "lost-exec")
                    self._course.say_database(at)
                    skips = self.choice.after_gap in (AfterGap.AUTO, AfterGap.SKIP) and not stray
                    if skips and not self._course.uses_one_database():
                        return self._course.set_aside(at, end)
                course.open_at, course.open_kept = at, course.kept
            elif name == b"EXEC":
                if course.open_at is None:
                    self.draft.drop(at, behind, "exec-without-multi", "an EXEC without MULTI", 1, True)
                course.open_at = None
            elif name == b"DISCARD" and course.open_at is not None:
                self.draft.drop(at, behind, "discard-in-multi", "a DISCARD inside a transaction", 1, True)
        return end

    def _mend_exec(self, start: int, end: int) -> bool:
        """Put the EXEC of a transaction right if one byte of it is wrong; tell whether it was so."""
        found = near_exec(self.source, self._reader, start, end)
        if found is None:
            return False
        self.draft.put(*found, b"EXEC", "unknown-command", "one byte of an EXEC was damaged")
        return True

    # Wounds

    def _wound(self, wound: Wound, behind: Stretch | None) -> None:
        if wound.code == "unread":
            self._leave(wound.stop.reason.value, "the file was read only to its first damage")
            self._course.is_stopped = True
        elif wound.last and wound.healing is None:
            self._last(wound)
        elif not (self._salvage or repaired_by_default(wound)):
            self._leave(wound.code, f"damage at offset {wound.start:,}; --salvage repairs it")
            self._course.is_stopped = True
        elif wound.healing is not None:
            self._heal(wound)
        elif wound.insert is not None:
            patch = wound.insert
            self.draft.insert(patch.start, patch.data, wound.code, "a line end that was never written")
        elif wound.copies:
            reason = _TAKEN_ON.get(wound.code, "these bytes stand there again, whole")
            if wound.run_twice:
                reason += self._run_twice(wound)
            self.draft.drop(wound.start, wound.end, wound.code, reason, 0, lossless=True)
            if wound.code in _TAKEN_ON:
                self._course.meant = self.carried
                # Counted as the start of a file, in database 0.
                if behind is not None and commands_in_doubt(
                    scan_range(self.source, behind.start, end=behind.end)
                ):
                    self._course.say_database(behind.start, "the file before ends in database")
        elif wound.code in _NO_COMMANDS and not self._tears_transaction(wound):
            reason = "no part of the log" if wound.is_stray else "what may be left of commands"
            self.draft.drop(wound.start, wound.end, wound.code, reason, 0, lossless=wound.is_stray)
            if wound.code == "inline-text" and behind is not None and not self._course.held_no_select(wound):
                # Text that may be the end of a value, with the commands in front of it lost.
                self._course.settle_database(behind.start, behind, wound)
        else:
            self._gap(wound, behind)

    def _run_twice(self, wound: Wound) -> str:
        """Take out whole commands that stand behind a copy again if that is asked for, or say what would."""
        first = wound.start - wound.run_twice
        commands = scan_range(self.source, first, end=wound.start).commands
        if not self.choice.drop_duplicates:
            told = counted(commands, "command")
            return f"; the {told} before it stand there again, too, and run twice: --drop-duplicates"
        reason = "the same commands stand behind it"
        self.draft.drop(first, wound.start, "duplicate-block", reason, commands, lossless=True)
        return ""

    def _tears_transaction(self, wound: Wound) -> bool:
        """Tell whether text in a transaction is rather what is left of its commands."""
        return wound.code == "inline-text" and self._course.open_at is not None

    def _leave(self, code: str, text: str) -> None:
        self.draft.left.append((code, text))

    def _heal(self, wound: Wound) -> None:
        healing = wound.healing
        assert healing is not None
        course = self._course
        name, db = self._course.healed_mark(wound)
        self._course.adrift = self._course.adrift and db is None
        if self._course.adrift:
            self.draft.drop(wound.start, wound.end, "after-gap", IN_DOUBT, 1)
            return
        self._course.unsaid = False
        if name == b"EXEC" and course.open_at is None:
            self.draft.drop(wound.start, wound.end, "exec-without-multi", "an EXEC without MULTI", 1, True)
            return
        patch = healing.patch
        if not patch.data:
            lossless = wound.copies
            self.draft.drop(patch.start, patch.end, healing.code, healing.text, 0, lossless)
        elif healing.may_lack:
            self.draft.replace_lossy(patch.start, patch.end, patch.data, healing.code, healing.text)
        else:
            self.draft.put(patch.start, patch.end, patch.data, healing.code, healing.text)
        if name == b"SELECT" and db is not None:
            course.kept = course.meant = db
        elif name == b"MULTI":
            if course.open_at is not None:
                self._course.drop_half(course.open_at, wound.start, "lost-exec")
                self._course.say_database(wound.start)
            course.open_at, course.open_kept = wound.start, course.kept
        elif name == b"EXEC":
            course.open_at = None

    def _last(self, wound: Wound) -> None:
        """Treat damage that reaches to the end of the file."""
        if wound.insert is not None:
            self._complete(wound, wound.insert)
            return
        allowed = self._salvage or (self.is_last and repaired_by_default(wound))
        if not allowed:
            where = "" if self.is_last else " in a file that is not the last"
            self._leave(wound.code, f"damage{where} at offset {wound.start:,}; --salvage repairs it")
            self._course.is_stopped = True
            return
        lossless = self._says_nothing(wound)
        self.draft.drop(wound.start, wound.end, wound.code, _REASONS.get(wound.code, "damage"), 0, lossless)
        if self._course.open_at is not None:
            self._course.drop_half(self._course.open_at, wound.start, "open-multi")

    def _complete(self, wound: Wound, patch: Patch) -> None:
        """Put the last line end in, unless that would leave a transaction open."""
        text = self._reader.at(wound.start, 32).upper()
        split = wound.code in _COMPLETED
        if text.startswith(b"*1\r\n$5\r\nMULTI") and not split:
            self.draft.drop(wound.start, wound.end, wound.code, "a MULTI that nothing belongs to", 0, True)
            return
        reason = _COMPLETED.get(wound.code, "the line end of the last command")
        self.draft.insert(patch.start, patch.data, wound.code, reason)
        # An EXEC may lie in both files.
        ending = (text[: wound.end - wound.start] + patch.data).upper()
        if text.startswith(b"*1\r\n$4\r\nEXEC") or (split and ending.endswith(b"EXEC\r\n")):
            self._course.open_at = None
        if wound.selects is not None:
            self._course.kept = self._course.meant = wound.selects

    def _says_nothing(self, wound: Wound) -> bool:
        """Tell whether an end never was part of a command: zeros, or the line ends that an editor leaves.

        Other stray bytes may be what is left of commands whose start was overwritten.
        """
        length = wound.end - wound.start
        if wound.code == "zero-tail":
            return self._reader.run_of(0, wound.start) >= length
        blank = length <= _BLANKS and not self._reader.at(wound.start, length).strip()
        return wound.code == "trailing-bytes" and blank

    def _gap(self, wound: Wound, behind: Stretch | None) -> None:
        """Treat damage in the middle that may have taken commands with it."""
        course = self._course
        reason = _REASONS.get(wound.code, "bytes that cannot be read")
        self.draft.drop(wound.start, wound.end, wound.code, reason, int(wound.code in HURT_MARKS))
        if course.open_at is not None:
            self._course.drop_half(course.open_at, wound.start, "half-transaction")
        if behind is not None:
            self._go_on(behind, wound)

    def _go_on(self, behind: Stretch, wound: Wound | None) -> None:
        """Settle how the stream goes on behind a wound, or behind a damaged RDB part."""
        resume = behind.start
        edge = behind.tally.edge
        if edge.event == "EXEC":
            resume = self._drop_to_exec(behind, edge.event_offset)
        self._course.settle_database(resume, behind, wound)

    def _drop_to_exec(self, behind: Stretch, exec_at: int) -> int:
        """Take out the end of a transaction that lost its start; return where the log goes on."""
        shape = read_shape(self._reader, exec_at)
        end = behind.end if shape is None else shape.end
        tally = scan_range(self.source, behind.start, end=exec_at)
        selected = last_select(self.source, behind.start, exec_at)
        if selected is not None:
            self._course.meant = selected
        reason = "a transaction that lost its start: half of it must not run"
        alone = not tally.commands
        self.draft.drop(behind.start, end, "half-transaction", reason, tally.commands + 1, lossless=alone)
        # What the next stretch says of its start is settled with this.
        rest = scan_range(self.source, end, end=behind.end)
        behind.start, behind.tally = end, rest
        return end

    def _end(self) -> None:
        """Treat a transaction that is open at the end of the file."""
        course = self._course
        size = self.tail.size_bytes
        if course.open_at is None or self._already_cut():
            return
        if not (self._salvage or self.is_last):
            text = "a file that is not the last ends inside a transaction; --salvage repairs it"
            self._leave("multi-across-files", text)
            return
        if self._salvage and self._mend_exec(course.open_at, size):
            return
        count = scan_range(self.source, course.open_at, end=size, known_state=True).commands - 1
        if count <= _MANY:
            self._course.drop_half(
                course.open_at, size, "open-multi" if self.is_last else "multi-across-files"
            )
        elif self._salvage:
            shape = read_shape(self._reader, course.open_at)
            end = course.open_at if shape is None else shape.end
            kept = counted(count, "command behind it is", "commands behind it are")
            reason = f"a MULTI whose EXEC was lost; {kept} kept"
            self.draft.drop(course.open_at, end, "lost-exec", reason, 1, lossless=True)
        else:
            inside = counted(count, "command")
            text = f"a transaction of {inside} never ends: its EXEC was lost; --salvage keeps what is in it"
            self._leave("lost-exec", text)

    def _already_cut(self) -> bool:
        return any(edit.end >= self.tail.size_bytes and edit.start < edit.end for edit in self.draft.edits)


_REASONS = {
    "torn-tail": "a command that was not written whole",
    "zero-tail": "zero bytes at the end",
    "trailing-bytes": "stray bytes behind the last command",
    "torn-annotation": "an annotation that was not written whole",
    "corrupt-tail": "an end that cannot be read",
    "second-log": "a second log behind the first",
    "zero-block": "a block of zero bytes",
    "leading-bytes": "bytes before the first command",
    "corrupt-region": "bytes that cannot be read",
    "unknown-command": "what may be left of a SELECT",
    "select-refused": "a SELECT whose number names no database",
}
