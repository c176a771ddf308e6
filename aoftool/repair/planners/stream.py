"""Plans for one command stream: what stays, what goes, and what must be said anew.

Walks the stretches and wounds of a stream in order and keeps account of two things: the database and
the transaction that a loader of the repaired file would be in, and those that the log meant. Where
they part (a dropped half of a transaction held a SELECT), a SELECT is put in.
"""

from __future__ import annotations

from aoftool.check.detectors.resp import repaired_by_default
from aoftool.check.split import ACROSS, SPLIT
from aoftool.check.stream.dissect import scan_range
from aoftool.check.stream.heal import Patch
from aoftool.check.stream.selects import held_no_select, shows_select
from aoftool.check.stream.shapes import read_shape
from aoftool.check.stream.window import Reader
from aoftool.check.stream.wounds import Dissection, Stretch, Wound, commands_in_doubt
from aoftool.commands.framing import FRAMING
from aoftool.dataclass import dataclass, field
from aoftool.files.source import Source
from aoftool.repair.choice import AfterGap, Choice
from aoftool.repair.draft import Draft
from aoftool.repair.planners.hurt_marks import HURT_MARKS
from aoftool.repair.planners.marks import last_select, marks_in, near_exec, selected_database
from aoftool.repair.planners.openings import Opening
from aoftool.resp.encode import encode_select
from aoftool.resp.model import INHERITED_DB
from aoftool.units import counted

__all__ = ["Gap", "StreamPlanner"]

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
_IN_DOUBT = "behind a gap, before the next SELECT: its database is in doubt"
# More stray bytes than this are not what an editor leaves.
_BLANKS = 64
# More marks out of place than this are no accident, and a plan of so many edits helps nobody.
_MOST_ODD = 20_000


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


@dataclass
class _Account:
    """Where a loader stands at a point of the stream.

    Attributes:
        kept: database in the repaired file.
        meant: database as the log meant it.
        open_at: start of the transaction that is open, None outside.
        open_kept: database of the repaired file where it opened.
    """

    kept: int = 0
    meant: int = 0
    open_at: int | None = None
    open_kept: int = 0


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
    gaps: list[Gap] = field(default_factory=list)
    _stopped: bool = False
    # Commands were set aside up to a next SELECT that has not come yet.
    _adrift: bool = False
    # Nothing in front of this place says which database the stream is in.
    _unsaid: bool = True

    def __post_init__(self) -> None:
        self._reader = Reader(self.source, self.tail.size_bytes)
        self._account = _Account()

    @property
    def database(self) -> int:
        """Return the database that the log is in behind what was planned."""
        return self._account.meant

    @property
    def _salvage(self) -> bool:
        return self.choice.salvage

    def plan(self) -> None:
        """Fill the draft."""
        pieces = self.tail.pieces
        at = 0
        if pieces and self._salvage and self.opening.behind_damage:
            self._begin_behind_damage(pieces[0])
        while at < len(pieces) and not self._stopped:
            piece = pieces[at]
            if isinstance(piece, Stretch):
                if self._adrift:
                    self._skip_to_select(piece.start, piece)
                self._stretch(piece)
            else:
                behind = pieces[at + 1] if at + 1 < len(pieces) else None
                self._wound(piece, behind if isinstance(behind, Stretch) else None)
            at += 1
        if not self._stopped:
            self._end()

    def _begin_behind_damage(self, first: Stretch | Wound) -> None:
        """Settle the database of commands whose SELECT went with the end of the RDB part before them."""
        if isinstance(first, Wound):
            whole = first.healing is not None or first.copies or first.code in _NO_COMMANDS
            if whole and not first.last and not self._one_database():
                self._adrift = self.choice.after_gap is not AfterGap.ASSUME
            return
        tally = scan_range(self.source, first.start, end=first.end)
        if commands_in_doubt(tally) or tally.edge.event == "EXEC":
            first.tally = tally
            self._go_on(first, None)

    # Healthy stretches

    def _stretch(self, stretch: Stretch) -> None:
        """Take account of a stretch; repair its transactions where that is asked for."""
        account, tally = self._account, stretch.tally
        self._unsaid = self._unsaid and not tally.commands
        marks, edge = tally.transactions, tally.edge
        crossed = not edge.known and (
            (edge.event == "MULTI" and account.open_at is not None)
            or (edge.event == "EXEC" and account.open_at is None)
            or (edge.discards.count and account.open_at is not None)
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
            account.open_at = None
        if tally.selects.last_db != INHERITED_DB and tally.selects.count:
            account.kept = account.meant = tally.selects.last_db

    def _open(self, start: int, stretch: Stretch) -> None:
        """Note a transaction that is open at the end of a stretch, and the database it opened in."""
        account = self._account
        account.open_at = start
        inside = last_select(self.source, start, stretch.end)
        if inside is None:
            last = stretch.tally.selects.last_db
            account.open_kept = account.kept if last == INHERITED_DB else last
            return
        before = scan_range(self.source, stretch.start, end=start, known_state=stretch.tally.edge.known)
        known = before.selects.last_db
        account.open_kept = account.kept if known == INHERITED_DB else known

    def _walk_marks(self, start: int, end: int) -> None:
        """Go through a stretch and repair its transactions."""
        while start < end:
            start = self._walk_to_gap(start, end)

    def _walk_to_gap(self, start: int, end: int) -> int:
        """Go mark by mark up to a lost EXEC that leaves the database in doubt; return where to go on."""
        account = self._account
        for at, behind, name, db in marks_in(self.source, start, end):
            if name == b"SELECT" and db is not None:
                account.kept = account.meant = db
            elif name == b"MULTI":
                if account.open_at is not None and not self._mend_exec(account.open_at, at):
                    # Between two that stand side by side nothing is missing: one of them is too many.
                    stray = self._drop_half(account.open_at, at, "lost-exec")
                    self._say_database(at)
                    skips = self.choice.after_gap in (AfterGap.AUTO, AfterGap.SKIP) and not stray
                    if skips and not self._one_database():
                        return self._set_aside(at, end)
                account.open_at, account.open_kept = at, account.kept
            elif name == b"EXEC":
                if account.open_at is None:
                    self.draft.drop(at, behind, "exec-without-multi", "an EXEC without MULTI", 1, True)
                account.open_at = None
            elif name == b"DISCARD" and account.open_at is not None:
                self.draft.drop(at, behind, "discard-in-multi", "a DISCARD inside a transaction", 1, True)
        return end

    def _mend_exec(self, start: int, end: int) -> bool:
        """Put the EXEC of a transaction right if one byte of it is wrong; tell whether it was so."""
        found = near_exec(self.source, self._reader, start, end)
        if found is None:
            return False
        self.draft.put(*found, b"EXEC", "unknown-command", "one byte of an EXEC was damaged")
        return True

    def _drop_half(self, start: int, end: int, code: str) -> bool:
        """Take out a transaction that lost its end; tell whether it was a MULTI alone."""
        tally = scan_range(self.source, start, end=end, known_state=True)
        alone = tally.commands <= 1
        reason = "a transaction that lost its end: half of it must not run"
        if alone:
            reason = "a MULTI that nothing belongs to"
        self.draft.drop(start, end, code, reason, tally.commands, lossless=alone)
        self._account.kept = self._account.open_kept
        self._account.open_at = None
        return alone

    def _say_database(self, at: int, because: str = "what was taken out selected database") -> None:
        """Put a SELECT in where the repaired file would be in another database than the log meant."""
        account = self._account
        if account.kept != account.meant and at < self.tail.size_bytes:
            self.draft.insert(at, encode_select(account.meant), "reselect", f"{because} {account.meant}")
            account.kept = account.meant

    # Wounds

    def _wound(self, wound: Wound, behind: Stretch | None) -> None:
        if wound.code == "unread":
            self._leave(wound.stop.reason.value, "the file was read only to its first damage")
            self._stopped = True
        elif wound.last and wound.healing is None:
            self._last(wound)
        elif not (self._salvage or repaired_by_default(wound)):
            self._leave(wound.code, f"damage at offset {wound.start:,}; --salvage repairs it")
            self._stopped = True
        elif wound.healing is not None:
            self._heal(wound)
        elif wound.insert is not None:
            patch = wound.insert
            self.draft.insert(patch.start, patch.data, wound.code, "a line end that was never written")
        elif wound.copies:
            reason = _TAKEN_ON.get(wound.code, "these bytes stand there again, whole")
            self.draft.drop(wound.start, wound.end, wound.code, reason, 0, lossless=True)
            if wound.code in _TAKEN_ON:
                self._account.meant = self.carried
                # Counted as the start of a file, in database 0.
                if behind is not None and commands_in_doubt(
                    scan_range(self.source, behind.start, end=behind.end)
                ):
                    self._say_database(behind.start, "the file before ends in database")
        elif wound.code in _NO_COMMANDS and not self._tears_transaction(wound):
            reason = "no part of the log" if wound.is_stray else "what may be left of commands"
            self.draft.drop(wound.start, wound.end, wound.code, reason, 0, lossless=wound.is_stray)
            if wound.code == "inline-text" and behind is not None and not self._held_no_select(wound):
                # Text that may be the end of a value, with the commands in front of it lost.
                self._settle_database(behind.start, behind, wound)
        else:
            self._gap(wound, behind)

    def _tears_transaction(self, wound: Wound) -> bool:
        """Tell whether text in a transaction is rather what is left of its commands."""
        return wound.code == "inline-text" and self._account.open_at is not None

    def _leave(self, code: str, text: str) -> None:
        self.draft.left.append((code, text))

    def _heal(self, wound: Wound) -> None:
        healing = wound.healing
        assert healing is not None
        account = self._account
        name, db = self._healed_mark(wound)
        self._adrift = self._adrift and db is None
        if self._adrift:
            self.draft.drop(wound.start, wound.end, "after-gap", _IN_DOUBT, 1)
            return
        self._unsaid = False
        if name == b"EXEC" and account.open_at is None:
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
            account.kept = account.meant = db
        elif name == b"MULTI":
            if account.open_at is not None:
                self._drop_half(account.open_at, wound.start, "lost-exec")
                self._say_database(wound.start)
            account.open_at, account.open_kept = wound.start, account.kept
        elif name == b"EXEC":
            account.open_at = None

    def _healed_mark(self, wound: Wound) -> tuple[bytes, int | None]:
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

    def _last(self, wound: Wound) -> None:
        """Treat damage that reaches to the end of the file."""
        if wound.insert is not None:
            self._complete(wound, wound.insert)
            return
        allowed = self._salvage or (self.is_last and repaired_by_default(wound))
        if not allowed:
            where = "" if self.is_last else " in a file that is not the last"
            self._leave(wound.code, f"damage{where} at offset {wound.start:,}; --salvage repairs it")
            self._stopped = True
            return
        lossless = self._says_nothing(wound)
        self.draft.drop(wound.start, wound.end, wound.code, _REASONS.get(wound.code, "damage"), 0, lossless)
        if self._account.open_at is not None:
            self._drop_half(self._account.open_at, wound.start, "open-multi")

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
            self._account.open_at = None
        if wound.selects is not None:
            self._account.kept = self._account.meant = wound.selects

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
        account = self._account
        reason = _REASONS.get(wound.code, "bytes that cannot be read")
        self.draft.drop(wound.start, wound.end, wound.code, reason, int(wound.code in HURT_MARKS))
        if account.open_at is not None:
            self._drop_half(account.open_at, wound.start, "half-transaction")
        if behind is not None:
            self._go_on(behind, wound)

    def _go_on(self, behind: Stretch, wound: Wound | None) -> None:
        """Settle how the stream goes on behind a wound, or behind a damaged RDB part."""
        resume = behind.start
        edge = behind.tally.edge
        if edge.event == "EXEC":
            resume = self._drop_to_exec(behind, edge.event_offset)
        self._settle_database(resume, behind, wound)

    def _drop_to_exec(self, behind: Stretch, exec_at: int) -> int:
        """Take out the end of a transaction that lost its start; return where the log goes on."""
        shape = read_shape(self._reader, exec_at)
        end = behind.end if shape is None else shape.end
        tally = scan_range(self.source, behind.start, end=exec_at)
        selected = last_select(self.source, behind.start, exec_at)
        if selected is not None:
            self._account.meant = selected
        reason = "a transaction that lost its start: half of it must not run"
        alone = not tally.commands
        self.draft.drop(behind.start, end, "half-transaction", reason, tally.commands + 1, lossless=alone)
        # What the next stretch says of its start is settled with this.
        rest = scan_range(self.source, end, end=behind.end)
        behind.start, behind.tally = end, rest
        return end

    def _settle_database(self, resume: int, behind: Stretch, wound: Wound | None) -> None:
        """Decide which database the commands behind a gap run in."""
        if self._adrift:
            # Nothing is kept before the next SELECT, whatever this wound took.
            return
        in_doubt = commands_in_doubt(behind.tally)
        shown = wound is not None and (wound.code in HURT_MARKS or shows_select(self._reader, wound))
        if not in_doubt or (self._one_database() and not shown):
            self._say_database(resume)
            self.gaps.append(Gap(resume, None, 0))
            return
        rule = self.choice.after_gap
        if rule is AfterGap.ASSUME or (
            rule is AfterGap.AUTO
            and wound is not None
            and wound.code not in HURT_MARKS
            and self._held_no_select(wound)
        ):
            self._say_database(resume)
            self.gaps.append(Gap(resume, self._account.meant, in_doubt))
        elif rule is AfterGap.STOP:
            reason = "behind a gap: its database is in doubt"
            lost = sum(stretch.tally.commands for stretch in self.tail.stretches if stretch.start >= resume)
            self.draft.drop(resume, self.tail.size_bytes, "after-gap", reason, lost)
            self._stopped = True
        else:
            self._skip_to_select(resume, behind)

    def _one_database(self) -> bool:
        """Tell whether the whole stream uses one database.

        Where it begins, RDB parts speak as well: the SELECT that is gone there is one that was written.
        """
        if self._unsaid and self.opening.hidden:
            return False
        used = set(self.opening.named) if self._unsaid else set()
        healed = (self._healed_mark(wound)[1] for wound in self.tail.wounds if wound.healing is not None)
        used |= {db for db in healed if db is not None}
        used |= {
            key.db
            for stretch in self.tail.stretches
            for key in stretch.tally.rows
            if key.db != INHERITED_DB and key.name not in FRAMING
        }
        return used <= {self._account.meant}

    def _held_no_select(self, wound: Wound) -> bool:
        """Tell whether the database before a wound is the one behind it."""
        if self._unsaid:
            # Servers begin with a SELECT: what stands in its place took it.
            return False
        before = [piece.start for piece in self.tail.stretches if piece.end <= wound.start]
        return held_no_select(self._reader, wound, before[-1] if before else self.tail.start)

    def _skip_to_select(self, resume: int, behind: Stretch) -> None:
        """Set commands of a stretch aside until one says which database it is in."""
        start = self._set_aside(resume, behind.end)
        behind.start, behind.tally = start, scan_range(self.source, start, end=behind.end)

    def _set_aside(self, start: int, end: int) -> int:
        """Set commands aside up to the next SELECT or the end of the span; return where that is."""
        multi: int | None = None
        behind = end
        self._adrift = True
        for at, _, name, db in marks_in(self.source, start, end):
            if name == b"MULTI":
                multi = at
            elif name == b"EXEC":
                multi = None
            elif name == b"SELECT" and db is not None:
                behind = at if multi is None else multi
                self._adrift = False
                break
        tally = scan_range(self.source, start, end=behind)
        self.draft.drop(start, behind, "after-gap", _IN_DOUBT, tally.commands)
        self.gaps.append(Gap(behind, None, 0))
        return behind

    def _end(self) -> None:
        """Treat a transaction that is open at the end of the file."""
        account = self._account
        size = self.tail.size_bytes
        if account.open_at is None or self._already_cut():
            return
        if not (self._salvage or self.is_last):
            text = "a file that is not the last ends inside a transaction; --salvage repairs it"
            self._leave("multi-across-files", text)
            return
        if self._salvage and self._mend_exec(account.open_at, size):
            return
        count = scan_range(self.source, account.open_at, end=size, known_state=True).commands - 1
        if count <= _MANY:
            self._drop_half(account.open_at, size, "open-multi" if self.is_last else "multi-across-files")
        elif self._salvage:
            shape = read_shape(self._reader, account.open_at)
            end = account.open_at if shape is None else shape.end
            kept = counted(count, "command behind it is", "commands behind it are")
            reason = f"a MULTI whose EXEC was lost; {kept} kept"
            self.draft.drop(account.open_at, end, "lost-exec", reason, 1, lossless=True)
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
