"""One command stream taken apart: healthy stretches and the wounds between them.

The loop every other part rests on: scan to the first damage, find out what it is, find where the
stream goes on, and scan again. Healthy stretches cost what the scanner costs; only the places around
damage are looked at closely. Decides nothing about repair: a wound says what it is, where it ends, and
what would make it whole if anything can.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice

from aoftool.check.stream.heal import Healing, heal, heal_select, heal_select_byte
from aoftool.check.stream.naming import Naming
from aoftool.check.stream.remains import Remains, read_remains
from aoftool.check.stream.resync import TORN, Landing, Resync, openings
from aoftool.check.stream.seams import Seams
from aoftool.check.stream.shapes import (
    Habits,
    follows,
    habits_around,
)
from aoftool.check.stream.window import Reader
from aoftool.check.stream.wounds import TORN_KINDS, Dissection, Stretch, Wound
from aoftool.check.vocabulary import accepts, is_known
from aoftool.commands.table import CONTAINERS
from aoftool.dataclass import replace
from aoftool.escape import excerpt
from aoftool.files.source import Source
from aoftool.regex import regex
from aoftool.resp._native import Scan
from aoftool.resp.grammar import Grammar, ScanOptions
from aoftool.resp.model import Leniency, Reason, Stop, TailTally
from aoftool.resp.scanner import BUFFER_BYTES, drive, go_to
from aoftool.resp.scanner import tally as tally_stream

__all__ = ["dissect_stream", "scan_range"]

# More wounds than this are no log any more: the rest becomes one last wound.
MAX_WOUNDS = 2000
_DOUBLED_REACH = 1 << 20
# A chain between two damages that is shorter may have come with the damage.
_ISLAND_COMMANDS = 8
_ISLAND_BYTES = 64 << 10
# Wounds that are looked at in every way; a file with more has other troubles, and each look costs.
_CLOSE_LOOKS = 200
_GUESSES = 256
_WHOLE_TO_THE_END = frozenset({Reason.MISSING_FINAL_CRLF, Reason.TORN_HEADER, Reason.TORN_ANNOTATION})
# A line of framing that is no single damaged byte: bytes are missing in it or there are some too many, or
# another line begins in it.
_TORN_LINE = regex(rb"[$*][ +0-9]*(?:[^\n]{0,8}?[$*]|(?<=[0-9])\n|[^0-9\n][^\n]+\n)", re.DOTALL)
# A log in which more lines depart in one way was written so, or converted as a whole.
_FEW_TORN = 2
_MAGICS = (b"REDIS0", b"VALKEY0")


def scan_range(
    source: Source,
    start: int,
    *,
    end: int | None = None,
    known_state: bool = False,
    grammar: Grammar = Grammar.LENIENT,
    progress: Callable[[int], None] | None = None,
) -> TailTally:
    """Count the commands from an offset to the first stop, or to `end`.

    Args:
        known_state: the stream starts there in database 0, outside a transaction.
        grammar: what to accept.
        progress: called with absolute offsets.
    """
    options = ScanOptions(start=start, grammar=grammar, containers=CONTAINERS, known_state=known_state)
    scan = Scan(options)
    go_to(source, start)
    with memoryview(bytearray(BUFFER_BYTES)) as buffer:
        drive(scan, source, buffer, end=end, progress=progress)
    return scan.tally()


def dissect_stream(
    source: Source,
    start: int,
    size_bytes: int,
    *,
    progress: Callable[[int], None] | None = None,
    whole: bool = True,
    names: frozenset[bytes] = frozenset(),
    first: TailTally | None = None,
) -> Dissection:
    """Take a command stream apart.

    Args:
        source: a plain file.
        start: where the commands begin.
        size_bytes: where the file ends.
        whole: go on behind the first wound.
        names: unknown command names to believe, in upper case.
        first: what was counted up to the first stop, where that is done already.
    """
    return _Dissector(source, start, size_bytes, names, progress).run(whole, first)


class _Dissector:
    def __init__(
        self,
        source: Source,
        start: int,
        size_bytes: int,
        names: frozenset[bytes],
        progress: Callable[[int], None] | None,
    ) -> None:
        self._source = source
        self._progress = progress
        self._reader = Reader(source, size_bytes)
        self._names = set(names)
        self._result = Dissection(start, size_bytes)
        self._resync = Resync(self._reader, self._scan, self._reach, self._believes)
        self._seams = Seams(self._reader, self._resync, start)
        self._naming = Naming(self._reader, self._seams, self._scan, start, size_bytes)

    def _scan(self, at: int) -> TailTally:
        return scan_range(self._source, at, end=self._result.size_bytes, progress=self._progress)

    def _reach(self, at: int, low: int) -> int:
        return scan_range(self._source, at, end=low, grammar=Grammar.STRICT).good_end

    def _believes(self, name: bytes) -> bool:
        return name in self._names or is_known(name)

    def run(self, whole: bool, first: TailTally | None) -> Dissection:
        result = self._result
        size = result.size_bytes
        tally = first or tally_stream(
            self._source, start=result.start, end=size, containers=CONTAINERS, progress=self._progress
        )
        result.first = tally
        while True:
            tally = self._up_to_torn_line(tally)
            stop = tally.stop
            assert stop is not None
            if stop.clean and (zeroed := self._zeroed_end(tally)) is not None:
                tally, wound = zeroed
                self._take(tally)
                result.pieces.append(wound)
                return result
            self._take(tally)
            if stop.clean or tally.good_end >= size:
                return result
            if not whole:
                result.complete = False
                result.pieces.append(Wound(tally.good_end, size, "unread", stop, last=True))
                return result
            wound, landing = self._examine(tally, stop)
            self._place(wound)
            if wound.end >= size:
                wound.last = True
                return result
            if len(result.wounds) >= MAX_WOUNDS:
                wound.end, wound.last, result.capped = size, True, True
                return result
            tally = landing.tally if landing is not None else self._scan(wound.end)

    def _up_to_torn_line(self, tally: TailTally) -> TailTally:
        """Let a stretch end at a header line that is torn although loaders read it.

        They take a number and skip the rest of the line, whatever it is; what stands behind such a line
        may be anything.
        """
        torn = [kind for kind in TORN_KINDS if kind in tally.leniencies]
        if not torn or sum(tally.leniencies[kind].count for kind in torn) > _FEW_TORN:
            return tally
        strict = scan_range(self._source, tally.start, end=tally.good_end, grammar=Grammar.STRICT)
        stop = strict.stop
        if stop is None or not self._is_torn_line(stop):
            return tally
        before = scan_range(self._source, tally.start, end=strict.good_end, known_state=tally.edge.known)
        before.stop = stop
        return before

    def _is_torn_line(self, stop: Stop) -> bool:
        """Tell whether a header line holds more than a damaged number, or zeros run over a line end."""
        if stop.reason is Reason.BAD_TERMINATOR:
            return self._reader.at(stop.offset - 1, 2) == b"\0\0"
        return _TORN_LINE.match(self._reader.at(stop.offset, 64)) is not None

    def _zeroed_end(self, tally: TailTally) -> tuple[TailTally, Wound] | None:
        """Recognise a last command whose line end, and so its value, is zeros that a crash left.

        Loaders skip the two bytes behind a value without a look and take such a command for whole.
        """
        size = self._result.size_bytes
        if Leniency.ZERO_TERMINATOR not in tally.leniencies or self._reader.at(size - 3, 3) != b"\0\0\0":
            return None
        last = self._last_command(tally)
        if last is None:
            return None
        known = tally.edge.known
        before = scan_range(self._source, tally.start, end=last, known_state=known)
        assert tally.stop is not None
        evidence = excerpt(self._reader.at(max(size - 64, last), 64))
        return before, Wound(last, size, "zero-tail", tally.stop, last=True, evidence=evidence)

    def _last_command(self, tally: TailTally) -> int | None:
        # Imported here: it brings numpy, and few logs need this.
        from aoftool.resp.batch import BatchReader

        last = None
        for batch in BatchReader(self._source, start=tally.start, end=tally.good_end):
            last = int(batch.offset[-1])
        return last

    def _take(self, tally: TailTally) -> None:
        """Add a stretch and learn from it."""
        if tally.good_end > tally.start:
            self._result.pieces.append(Stretch(tally.start, tally.good_end, tally))
            if tally.stop is not None and not tally.stop.clean:
                self._resync.learn(tally)
                self._names.update(key.name for key, row in tally.rows.items() if row.commands > 1)

    def _place(self, wound: Wound) -> None:
        """Add a wound; it may take back the last command of the stretch before it."""
        pieces = self._result.pieces
        while pieces and wound.start < pieces[-1].end:
            piece = pieces[-1]
            if wound.start <= piece.start or isinstance(piece, Wound):
                pieces.pop()
                wound.start = min(wound.start, piece.start)
                continue
            known = piece.tally.edge.known
            tally = scan_range(self._source, piece.start, end=wound.start, known_state=known)
            pieces[-1] = Stretch(piece.start, wound.start, tally)
        pieces.append(wound)

    def _examine(self, tally: TailTally, stop: Stop) -> tuple[Wound, Landing | None]:
        """Find out what the damage behind a stretch is and where it ends."""
        reader, size, at = self._reader, self._result.size_bytes, tally.good_end
        self._seams.since = tally.start
        glued = self._naming.glued(stop)
        if glued is not None:
            return glued, None
        at = self._seams.torn_annotation(at)
        opening = heal_select(reader, at, opens=at == self._result.start)
        if opening is not None:
            return self._healed(opening, stop), None
        if at and reader.at(at, 7).startswith(_MAGICS):
            return Wound(at, size, "second-log", stop, last=True), None
        remains = self._remains(at)
        value = remains.value
        complete = value is None or value[1] <= size
        if stop.reason in _WHOLE_TO_THE_END and complete and reader.at(at, 1) in (b"*", b"#"):
            # Every length agrees up to the end of the file: nothing but the end is missing.
            return self._naming.tail(at, stop, value), None
        # The commands behind the damage speak as well as those before it.
        guess = next((p for p in self._followed(at)), at)
        habits = habits_around(reader, at, guess, tally.start)
        healing = heal(reader, at, habits, self._accepts, tally.start) or heal_select_byte(reader, at)
        if healing is not None:
            return self._healed(healing, stop), None
        joined = stop.reason is Reason.ORPHAN_BULK or self._seams.swallowing(at) < at
        through = self._seams.read_through(at, tally.start) if joined else None
        if through is not None:
            spliced = self._spliced(read_remains(reader, through[0]), stop, through[1])
            return spliced or self._naming.gap(through[0], stop, through[1])
        close = len(self._result.wounds) < _CLOSE_LOOKS
        doubled = self._seams.doubled_inside(remains) if close else None
        if doubled is not None:
            return self._naming.doubled(at, doubled, stop), None
        return self._search(remains, habits, stop)

    @staticmethod
    def _healed(healing: Healing, stop: Stop) -> Wound:
        """Return the wound of a command that can be put right."""
        return Wound(healing.start, healing.end, healing.code, stop, healing=healing, evidence=healing.text)

    def _search(self, remains: Remains, habits: Habits, stop: Stop) -> tuple[Wound, Landing | None]:
        """Find where the stream goes on behind damage that nothing puts right."""
        reader, size, at, value = self._reader, self._result.size_bytes, remains.start, remains.value
        landing = self._resync.land(remains, habits)
        if landing is None:
            ends = at + 2 if reader.at(at, 2) == b"\r\n" else size
            inner = self._seams.inside_value(at, ends)
            if inner is not None:
                return self._naming.tail(inner, stop, value), None
            foreign = self._seams.foreign_before(at, size)
            if foreign is not None and not self._resync.inside_bytes:
                return self._naming.foreign(foreign[0], foreign[1], at, size, stop), None
            return self._naming.tail(at, stop, value), None
        if len(self._result.wounds) >= _CLOSE_LOOKS:
            return self._naming.gap(at, stop, landing)
        landing = replace(landing, tally=self._up_to_torn_line(landing.tally))
        spliced = self._spliced(remains, stop, landing)
        if spliced is not None:
            return spliced
        foreign = self._seams.foreign_before(at, landing.start)
        if foreign is not None and not self._resync.inside_bytes:
            return self._naming.foreign(foreign[0], foreign[1], at, landing.start, stop), landing
        if not (remains.explained_by(reader, landing.start) or self._resync.is_absurd(remains)):
            at = self._seams.inside_value(at, landing.start) or at
        return self._naming.gap(at, stop, landing)

    def _remains(self, at: int) -> Remains:
        """Return what is left of a command; arguments without a name and a count are anything."""
        remains = read_remains(self._reader, at)
        if remains.count is None and remains.arguments:
            first = remains.arguments[0]
            if not self._believes(self._reader.at(first.payload_start, min(first.length, 64)).upper()):
                return Remains(at, None, (), at)
        return remains

    def _spliced(self, remains: Remains, stop: Stop, landing: Landing) -> tuple[Wound, Landing | None] | None:
        """Recognise commands that were put into the middle of another one, or into a damaged place.

        They chain by themselves, so they look like the log going on; but without them the two ends of
        the command around them fit together, which ends of different commands rarely do.
        """
        at = remains.start
        chains = [(chain, landing) for chain in landing.passed_over]
        reason = landing.tally.stop.reason if landing.tally.stop is not None else Reason.END
        end = landing.tally.good_end
        behind: Landing | None = None
        if reason is not Reason.END and reason not in TORN and end - landing.start <= _DOUBLED_REACH:
            behind = self._landing_behind(landing, reason)
            if behind is not None:
                chains.append(((landing.start, end), behind))
            elif end < self._result.size_bytes and self._is_strange(remains, landing):
                return self._naming.tail(at, stop, remains.value), None
        for (first, last), goes_on in chains:
            if self._seams.fits_without(at, first, last, goes_on.start):
                if self._resync.inside_bytes:
                    return self._naming.gap(at, stop, goes_on)
                return self._naming.foreign(at, first, last, goes_on.start, stop), goes_on
        if behind is not None and self._is_doubtful(remains, landing, behind):
            return self._naming.gap(at, stop, behind)
        return None

    def _landing_behind(self, island: Landing, reason: Reason) -> Landing | None:
        """Return where the stream goes on behind a chain that breaks off."""
        end = island.tally.good_end
        if reason is Reason.ORPHAN_BULK:
            through = self._seams.read_through(end, island.start)
            if through is not None:
                return through[1]
        return self._resync.land(self._remains(end))

    def _is_strange(self, remains: Remains, island: Landing) -> bool:
        """Tell whether a chain that nothing follows looks unlike the log in front of it."""
        size = self._result.size_bytes
        return not self._resync.is_alike(island, self._seams.since, remains.start, size)

    def _is_doubtful(self, remains: Remains, island: Landing, behind: Landing) -> bool:
        """Tell whether a chain between two damaged places may be no part of the log.

        Either there were two damages, or one that brought the chain with it. Two are believed where the
        chain looks like the log around, and is long or the first damage explains itself.
        """
        if island.tally.good_end - island.start > _ISLAND_BYTES:
            return False
        if not self._resync.is_alike(island, self._seams.since, remains.start, behind.start):
            return True
        if island.tally.commands >= _ISLAND_COMMANDS:
            return False
        second = self._remains(island.tally.good_end)
        return not (
            remains.explained_by(self._reader, island.start)
            and second.explained_by(self._reader, behind.start)
        )

    def _accepts(self, name: bytes, count: int) -> bool:
        return accepts(name, count) or (name.upper() in self._names and not is_known(name))

    def _followed(self, at: int) -> list[int]:
        """Return the first offset soon behind the damage from where commands follow."""
        places = openings(self._reader, at + 1, min(at + (1 << 16), self._reader.size_bytes))
        for place in islice(places, _GUESSES):
            if follows(self._reader, place):
                return [place]
        return []
